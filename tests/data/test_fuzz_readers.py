"""Whatever is in a file of rows or settings, a reader reads it or says in one line why not."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fuzz.seeds import HOSTILE, SEEDS
from fuzz.targets import READERS, target
from isogloss.data.streaming import read_batches
from isogloss.data.writing import RowWriter

BUDGET = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(HOSTILE)
CELLS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)

# What fuzzing and reading found: each of these once ended in a traceback or did not end.
FOUND: dict[str, list[bytes]] = {
    "csv": [
        b"\xef\xbb\xbftext,label\ra,b\r",
        b"\0,label\na\0b,c\n",
        b'text,label\n"' + b"a" * 140_000 + b'",b\n',
        b"text,label\n" + b"a," * 5_000 + b"\n",
    ],
    "tsv": [b"text\tlabel\r\n\r\n\x85\tb"],
    "jsonl": [
        b'{"text": ' + b"9" * 400 + b'}\n{"text": 1.5}\n',
        b'{"text": "a", "n": 1' + b"0" * 400 + b', "m": 1e999}\n{"n": 0.5}',
        b'{"text": ' + b"9" * 5_000 + b"}\n",
        b'{"text": "a", "x": ' + b"[" * 900 + b"]" * 900 + b"}\n",
        b'{"text": "a", "x": ' + b'{"y":' * 300 + b"1" + b"}" * 300 + b"}\n",
        b'{"text": "\\ud800"}\n',
        b'{"text": [], "0\\u0000_": null}\n',
        b'{"text": NaN, "label": Infinity}\n',
    ],
    "conll": [b"a\rb\r\rc", b"\xc2\xa0 O\n", b"-DOCSTART-\n# a = b\n", b"\0\tO\n"],
    "config": [
        b"2001-99-99: 1",
        b"source: !!int ''",
        b"source: [1]\ntarget: {a: b}",
        b"source: a\ntarget: b\nfinetune: 3",
        b"source: a\ntarget: b\nfinetune: {1: 2}",
        b"source: a\ntarget: b\ntrust_remote_code: 'no'",
        b"source: a\ntarget: b\nseed: 1.5",
        b'source: "\\ud800"\ntarget: b',
        b"a: &a [*a]",
        b"[" * 3_000,
        b"source: " + b"9" * 5_000,
    ],
    "offline": [b"", b"E5S1", b"E5S1\1\0\0\0" + b"\x7f" * 40],
}
KNOWN = [(name, data) for name, reader in READERS.items() for data in SEEDS[name] + FOUND[name]]


@pytest.mark.parametrize(("name", "data"), KNOWN, ids=lambda part: str(part)[:24])
def test_seeds_and_what_was_found(name: str, data: bytes) -> None:
    target(name)(data)


@pytest.mark.parametrize("name", READERS)
def test_any_bytes(name: str) -> None:
    run = target(name)

    @BUDGET
    @given(st.binary(max_size=200))
    def check(data: bytes) -> None:
        run(data)

    check()


@pytest.mark.parametrize("name", READERS)
def test_damaged_files(name: str) -> None:
    run = target(name)

    @BUDGET
    @given(st.sampled_from(SEEDS[name]), st.integers(0, 5_000), st.binary(max_size=8))
    def check(data: bytes, at: int, put: bytes) -> None:
        at %= len(data) + 1
        run(data[:at] + put + data[at + len(put) :])
        run(data[:at])

    check()


@BUDGET
@given(CELLS)
@example([("\r", "\n"), ('"', ","), ("\0", "\u202e")])
@example([("", "")])
def test_what_is_written_as_csv_is_read_again(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / "a.csv"
    texts, labels = map(list, zip(*rows, strict=True))
    with RowWriter(path) as writer:
        writer.write({"text": texts, "label": labels})
    (batch,) = read_batches(path)
    assert batch == {"text": texts, "label": labels}
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1:] == [list(row) for row in rows]


@BUDGET
@given(st.lists(st.dictionaries(TEXT, VALUES, max_size=4), min_size=1, max_size=4))
def test_any_objects(rows: list[dict[str, Any]]) -> None:
    target("jsonl")("\n".join(json.dumps(row) for row in rows).encode())
