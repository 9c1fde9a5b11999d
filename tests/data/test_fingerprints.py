from __future__ import annotations

import hashlib

import datasets
import pyarrow as pa

from isogloss.data.fingerprints import fingerprint, rows_digest


def test_a_files_is_the_sha256_of_its_bytes(write):
    content = b"text\n" + b"a\n" * 1_000_000
    assert fingerprint(write("a.csv", content)) == hashlib.sha256(content).hexdigest()


def test_a_data_sets_depends_on_its_content_only():
    rows = datasets.Dataset.from_dict({"a": [str(i) for i in range(2500)], "b": [[1]] * 2500})
    print_of = fingerprint(rows)
    chunked = datasets.concatenate_datasets(
        [rows.select(range(700)), rows.select(range(700, 2500))]
    )
    assert fingerprint(chunked) == print_of
    reversed_twice = rows.select(range(2499, -1, -1)).select(range(2499, -1, -1))
    assert fingerprint(reversed_twice) == print_of
    assert len(print_of) == 64


def test_a_data_sets_changes_with_rows_order_and_names():
    rows = datasets.Dataset.from_dict({"a": ["x", "y"]})
    others = [
        rows.select([1, 0]),
        rows.select([0]),
        rows.rename_column("a", "b"),
        datasets.Dataset.from_dict({"a": ["x", "z"]}),
    ]
    assert len({fingerprint(each) for each in [rows, *others]}) == 5


def test_values_of_every_type_count():
    columns = {
        "texts": [["a", ""], ["a", None], ["", "a"], ["ab", "c"], ["a", "bc"]],
        "lists": [[["a"], ["b"]], [["a", "b"], []], [["a", "b"], None], [[None], ["b"]]],
        "numbers": [[1, 2], [1, None], [2, 1]],
        "objects": [[{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 3}]],
    }
    for name, variants in columns.items():
        sets = [datasets.Dataset.from_dict({name: values}) for values in variants]
        assert len({rows_digest(each) for each in sets}) == len(variants), name


def test_missing_texts_hash_alike_however_they_are_held():
    behind = pa.array(["x", "b"]).filter(pa.array([True, True]))
    masked = pa.StringArray.from_buffers(2, *behind.buffers()[1:], pa.py_buffer(b"\x02"))
    held = datasets.Dataset(datasets.table.InMemoryTable(pa.table({"a": masked})))
    assert held["a"][:] == [None, "b"]
    assert rows_digest(held) == rows_digest(datasets.Dataset.from_dict({"a": [None, "b"]}))
    large = held.cast(datasets.Features({"a": datasets.Value("large_string")}))
    assert rows_digest(large) == rows_digest(held)


def test_a_file_that_is_not_there(tmp_path, raises):
    with raises("E101"):
        fingerprint(tmp_path / "no.csv")
