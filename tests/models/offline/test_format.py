"""Parsing of the packed file, and refusal of every kind of damage."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.models.offline.format import Header, read_packed

MakePacked = Callable[..., Path]


def _message(path: Path) -> str:
    with pytest.raises(IsoglossError) as caught:
        read_packed(path)
    assert caught.value.code == "E334"
    assert str(path) in str(caught.value)
    return str(caught.value)


def _patched(path: Path, offset: int, layout: str, *values: float) -> Path:
    raw = bytearray(path.read_bytes())
    struct.pack_into("<" + layout, raw, offset, *values)
    path.write_bytes(raw)
    return path


def test_reads_what_was_written(make_packed: MakePacked, tiny_header: Header) -> None:
    packed = read_packed(make_packed())
    assert dataclasses.replace(packed.header, layer_norm_eps=1e-12) == tiny_header
    assert packed.vocabulary.pieces[9] == "▁ab"
    assert packed.vocabulary.scores[9] == np.float32(-4.2)
    assert (packed.vocabulary.bos, packed.vocabulary.eos) == (0, 2)
    assert (packed.vocabulary.pad, packed.vocabulary.unk) == (1, 3)
    assert packed.normalization == {"A": "a", "\u00ad": "", "\u2003": " ", "ﬀ": "ab"}
    assert len(packed.tensors) == 5 + 2 * 16
    assert len(packed.raw("emb.word")) == 20 * 18
    assert packed.raw("l1.oln.b").tobytes() == packed.path.read_bytes()[-4 * 32 :]


def test_every_truncation_is_refused(make_packed: MakePacked) -> None:
    whole = make_packed().read_bytes()
    for length in [*range(0, 700, 7), *range(700, len(whole), 997), len(whole) - 1]:
        _message(make_packed(whole[:length]))


def test_other_magic(make_packed: MakePacked) -> None:
    assert "E5S1" in _message(make_packed(b"GGUF" + bytes(100)))


def test_other_version(make_packed: MakePacked) -> None:
    assert "version is 2" in _message(make_packed(version=2))


@pytest.mark.parametrize(
    ("offset", "value"), [(8, 0), (8, 48), (12, -1), (16, 5), (20, 33), (40, 64)]
)
def test_impossible_sizes(make_packed: MakePacked, offset: int, value: int) -> None:
    assert "header" in _message(_patched(make_packed(), offset, "i", value))


def test_more_pieces_than_rows(make_packed: MakePacked) -> None:
    assert "21 pieces" in _message(_patched(make_packed(), 44, "i", 21))


def test_special_piece_outside(make_packed: MakePacked) -> None:
    assert "special piece" in _message(_patched(make_packed(), 60, "i", 13))


def test_piece_offsets_that_run_backwards(make_packed: MakePacked) -> None:
    assert "piece offsets" in _message(_patched(make_packed(), 72 + 4 * 3, "I", 1))


def test_score_that_is_not_a_number(make_packed: MakePacked) -> None:
    assert "score" in _message(_patched(make_packed(), 72 + 4 * 14, "f", float("nan")))


def test_piece_twice(make_packed: MakePacked) -> None:
    assert "twice" in _message(make_packed(pieces=["<s>", "<pad>", "</s>", "<unk>", "a", "a"]))


def test_rule_that_is_no_code_point(make_packed: MakePacked) -> None:
    path = make_packed()
    at = path.read_bytes().index(struct.pack("<IBI", ord("A"), 1, ord("a")))
    assert "code point" in _message(_patched(path, at, "I", 0x110000))
    assert "another length" in _message(_patched(make_packed(), at - 4, "I", 9))


def _entry(path: Path, name: str) -> int:
    """Offset of the fields after the name of a tensor in the directory."""
    encoded = name.encode()
    return path.read_bytes().index(struct.pack("<H", len(encoded)) + encoded) + 2 + len(encoded)


def test_tensor_outside_the_file(make_packed: MakePacked) -> None:
    path = make_packed()
    end = path.stat().st_size
    for offset in (end - 1, 2**63, 0):
        bad = _patched(make_packed(), _entry(path, "l0.q.w") + 5, "Q", offset)
        assert "'l0.q.w' lies outside" in _message(bad)


@pytest.mark.parametrize(("field", "layout", "value"), [(0, "B", 0), (1, "I", 5), (13, "Q", 17)])
def test_tensor_of_another_size(
    make_packed: MakePacked, field: int, layout: str, value: int
) -> None:
    path = make_packed()
    bad = _patched(path, _entry(path, "emb.word") + field, layout, value)
    assert "'emb.word' has another type or size" in _message(bad)


def test_missing_tensor(make_packed: MakePacked) -> None:
    path = make_packed()
    path.write_bytes(path.read_bytes().replace(b"l0.v.w", b"l9.v.w"))
    assert "'l0.v.w' is missing" in _message(path)


def test_more_layers_than_the_file_has_tensors(make_packed: MakePacked) -> None:
    assert "too few for 2000000000 layers" in _message(
        _patched(make_packed(), 12, "i", 2_000_000_000)
    )
