"""A tiny encoder in the packed format, and the real one converted once per session."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isogloss.models.offline.convert import offline_folder
from isogloss.models.offline.format import F32, Header, expected_tensors
from isogloss.models.offline.wheel import ENCODER_FILE, PUBLISHED_TOKENIZER_FILE, package_folder

TINY = Header(
    hidden_size=32,
    layers=2,
    heads=4,
    intermediate_size=64,
    vocabulary_rows=20,
    position_rows=16,
    token_type_rows=2,
    layer_norm_eps=1e-12,
    group=32,
)
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "a", "b", "ab", "▁a", "▁ab", "ba", "é", "<mask>"]
SCORES = [0, 0, 0, 0, -3, -4, -4, -5, -4.5, -4.2, -6, -7, 0]
RULES = {"A": "a", "\u00ad": "", "\u2003": " ", "ﬀ": "ab"}


def packed_bytes(
    header: Header = TINY,
    pieces: list[str] = PIECES,
    rules: dict[str, str] = RULES,
    version: int = 1,
) -> bytes:
    """A whole file: header, pieces, rules, tensor directory and random tensors."""
    out = bytearray(b"E5S1" + struct.pack("<I", version))
    out += struct.pack(
        "<7ifi",
        header.hidden_size,
        header.layers,
        header.heads,
        header.intermediate_size,
        header.vocabulary_rows,
        header.position_rows,
        header.token_type_rows,
        header.layer_norm_eps,
        header.group,
    )
    encoded = [piece.encode() for piece in pieces]
    out += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, sum(map(len, encoded)))
    out += np.cumsum([0, *map(len, encoded)]).astype("<u4").tobytes()
    out += np.array((SCORES * 9)[: len(pieces)], "<f4").tobytes() + b"".join(encoded)
    records = b"".join(
        struct.pack(f"<IB{len(to)}I", ord(old), len(to), *map(ord, to)) for old, to in rules.items()
    )
    out += struct.pack("<iI", len(rules), len(records)) + records
    return bytes(out + _tensors(header, len(out)))


def _tensors(header: Header, start: int) -> bytes:
    expected = expected_tensors(header)
    offset = start + 4 + sum(2 + len(name) + 21 for name in expected)
    random = np.random.default_rng(0)
    directory, body = struct.pack("<i", len(expected)), b""
    for name, (dtype, shape) in expected.items():
        elements = int(np.prod(shape))
        if dtype == F32:
            raw = random.normal(size=elements).astype("<f4").tobytes()
        else:
            raw = b"".join(
                random.normal(size=1).astype("<f2").tobytes() + random.bytes(16)
                for _ in range(elements // 32)
            )
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", dtype, elements, offset + len(body), len(raw))
        body += raw
    return directory + body


@pytest.fixture
def tiny_header() -> Header:
    return TINY


@pytest.fixture
def make_packed(tmp_path: Path) -> Callable[..., Path]:
    """Write a tiny packed file; keyword arguments of `packed_bytes`, or `raw` bytes as they are."""

    def make(raw: bytes | None = None, **options: object) -> Path:
        path = tmp_path / "tiny.bin"
        path.write_bytes(packed_bytes(**options) if raw is None else raw)  # type: ignore[arg-type]
        return path

    return make


@pytest.fixture
def identity_charsmap() -> bytes:
    """A charsmap whose trie holds no key, so that it changes nothing."""
    return struct.pack("<I", 4 * 512) + bytes(4 * 512)


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The real encoder, converted once into the session's cache."""
    for file in (ENCODER_FILE, PUBLISHED_TOKENIZER_FILE):
        if package_folder(file.package) is None:
            pytest.skip(f"needs {file.requirement}: pip install 'isogloss[offline]'")
    return offline_folder()
