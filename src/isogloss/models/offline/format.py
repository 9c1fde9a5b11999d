"""Read the packed encoder file: header, pieces, normalisation table and tensor directory."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.errors import IsoglossError
from isogloss.models.offline.quantization import GROUP, Q4_0_GROUP_BYTES

MAGIC = b"E5S1"
VERSION = 1
F32, Q4_0 = 0, 1


@dataclass(frozen=True, kw_only=True)
class Header:
    """Sizes of the encoder, in the order of the file."""

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    vocabulary_rows: int
    position_rows: int
    token_type_rows: int
    layer_norm_eps: float
    group: int


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Unigram pieces with their log-probabilities.

    Attributes:
        pieces: N strings, indexed by id.
        scores: (N,) log-probabilities, 0 for special pieces.
        bos, eos, pad, unk: ids of the special pieces.
    """

    pieces: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    bos: int
    eos: int
    pad: int
    unk: int


@dataclass(frozen=True, kw_only=True)
class TensorEntry:
    """Where one tensor lies: `nbytes` bytes at `offset`, holding `elements` weights."""

    dtype: int
    elements: int
    offset: int
    nbytes: int


@dataclass(frozen=True, kw_only=True)
class PackedEncoder:
    """A parsed file; every offset in it lies inside the file.

    Attributes:
        path: the file.
        header: sizes.
        vocabulary: pieces and scores.
        normalization: code point -> replacement, for single characters that change.
        tensors: by the file's own names.
        data: (length,) the whole file, memory-mapped bytes.
    """

    path: Path
    header: Header
    vocabulary: Vocabulary
    normalization: Mapping[str, str]
    tensors: Mapping[str, TensorEntry]
    data: npt.NDArray[np.uint8]

    def raw(self, name: str) -> npt.NDArray[np.uint8]:
        """Bytes of the tensor `name`, as a view of the file."""
        entry = self.tensors[name]
        return self.data[entry.offset : entry.offset + entry.nbytes]


class _Cursor:
    """Reads little-endian fields from the front to the back, never past the end."""

    def __init__(self, path: Path, data: npt.NDArray[np.uint8]) -> None:
        self.path = path
        self.data = data
        self.offset = 0

    def fail(self, what: str) -> IsoglossError:
        return IsoglossError("E334", file=self.path, what=what, offset=self.offset)

    def take(self, nbytes: int, what: str) -> bytes:
        if nbytes < 0 or self.offset + nbytes > len(self.data):
            raise self.fail(f"{what} reaches beyond the end of the file")
        taken = self.data[self.offset : self.offset + nbytes].tobytes()
        self.offset += nbytes
        return taken

    def unpack(self, layout: str, what: str) -> tuple[Any, ...]:
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout), what))


def read_packed(path: Path) -> PackedEncoder:
    """Parse a packed encoder and check every offset against the file's length.

    Args:
        path: a file in the `E5S1` format, version 1.

    Returns:
        The parsed file. Tensors stay on disk until they are read.

    Raises:
        IsoglossError: E334 naming the first field that is wrong, and its byte offset.
    """
    if path.stat().st_size == 0:
        raise IsoglossError("E334", file=path, what="the file is empty", offset=0)
    data = np.memmap(path, dtype=np.uint8, mode="r")
    cursor = _Cursor(path, data)
    header = _read_header(cursor)
    return PackedEncoder(
        path=path,
        header=header,
        vocabulary=_read_vocabulary(cursor, header),
        normalization=_read_normalization(cursor),
        tensors=_read_directory(cursor, header),
        data=data,
    )


def expected_tensors(header: Header) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Every tensor that a file with this header must hold.

    Returns:
        File name of the tensor -> (dtype, shape); linear weights are (out, in).
    """
    h, f = header.hidden_size, header.intermediate_size
    tensors = {
        "emb.word": (Q4_0, (header.vocabulary_rows, h)),
        "emb.pos": (F32, (header.position_rows, h)),
        "emb.type": (F32, (header.token_type_rows, h)),
        "emb.ln.w": (F32, (h,)),
        "emb.ln.b": (F32, (h,)),
    }
    linear = {"q": (h, h), "k": (h, h), "v": (h, h), "ao": (h, h), "fi": (f, h), "fo": (h, f)}
    for i in range(header.layers):
        for name, shape in linear.items():
            tensors[f"l{i}.{name}.w"] = (Q4_0, shape)
            tensors[f"l{i}.{name}.b"] = (F32, shape[:1])
        for name in ("aln.w", "aln.b", "oln.w", "oln.b"):
            tensors[f"l{i}.{name}"] = (F32, (h,))
    return tensors


def _read_header(cursor: _Cursor) -> Header:
    if cursor.take(4, "the magic number") != MAGIC:
        cursor.offset = 0
        raise cursor.fail("it does not begin with E5S1")
    (version,) = cursor.unpack("I", "the version")
    if version != VERSION:
        raise cursor.fail(f"its version is {version}, not {VERSION}")
    h, layers, heads, f, v, p, types, eps, group = cursor.unpack("7ifi", "the header")
    sizes = (h, layers, heads, f, v, p, types)
    if min(sizes) <= 0 or group != GROUP or h % heads or h % GROUP or f % GROUP or not 0 < eps < 1:
        raise cursor.fail("the sizes in its header make no encoder")
    return Header(
        hidden_size=h,
        layers=layers,
        heads=heads,
        intermediate_size=f,
        vocabulary_rows=v,
        position_rows=p,
        token_type_rows=types,
        layer_norm_eps=eps,
        group=group,
    )


def _read_vocabulary(cursor: _Cursor, header: Header) -> Vocabulary:
    n, bos, eos, pad, unk, nbytes = cursor.unpack("5iQ", "the tokenizer's header")
    if not 0 < n <= header.vocabulary_rows:
        raise cursor.fail(f"{n} pieces for {header.vocabulary_rows} embedding rows")
    if not all(0 <= special < n for special in (bos, eos, pad, unk)):
        raise cursor.fail("a special piece lies outside the vocabulary")
    starts = np.frombuffer(cursor.take(4 * (n + 1), "the piece offsets"), "<u4").astype(np.int64)
    scores = np.frombuffer(cursor.take(4 * n, "the piece scores"), "<f4")
    blob = cursor.take(nbytes, "the pieces")
    if starts[0] != 0 or starts[-1] != nbytes or (np.diff(starts) < 0).any():
        raise cursor.fail("the piece offsets do not cover the pieces")
    if not np.isfinite(scores).all():
        raise cursor.fail("a piece score is not a number")
    # A damaged byte would show as U+FFFD, which the check of doubles and the digest both catch.
    pieces = tuple(
        blob[a:b].decode("utf-8", errors="replace")
        for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    )
    if len(set(pieces)) != n:
        raise cursor.fail("a piece occurs twice")
    return Vocabulary(pieces=pieces, scores=scores, bos=bos, eos=eos, pad=pad, unk=unk)


def _read_normalization(cursor: _Cursor) -> dict[str, str]:
    count, nbytes = cursor.unpack("iI", "the normalisation table")
    end = cursor.offset + nbytes
    table: dict[str, str] = {}
    for _ in range(count):
        point, k = cursor.unpack("IB", "a normalisation rule")
        codes = (point, *cursor.unpack(f"{k}I", "a normalisation rule"))
        if max(codes) > 0x10FFFF:
            raise cursor.fail("a normalisation rule holds no Unicode code point")
        table[chr(point)] = "".join(map(chr, codes[1:]))
    if cursor.offset != end:
        raise cursor.fail("the normalisation table has another length than it says")
    return table


def _read_directory(cursor: _Cursor, header: Header) -> dict[str, TensorEntry]:
    (count,) = cursor.unpack("i", "the tensor directory")
    entries: dict[str, TensorEntry] = {}
    for _ in range(count):
        (length,) = cursor.unpack("H", "a tensor's name")
        name = cursor.take(length, "a tensor's name").decode("ascii", errors="replace")
        dtype, elements, offset, nbytes = cursor.unpack("BIQQ", f"the entry of tensor {name!r}")
        entries[name] = TensorEntry(dtype=dtype, elements=elements, offset=offset, nbytes=nbytes)
    # A damaged header may ask for billions of layers, whose names alone would fill the memory.
    if len(entries) < header.layers:
        raise cursor.fail(f"it holds {len(entries)} tensors, too few for {header.layers} layers")
    for name, (dtype, shape) in expected_tensors(header).items():
        if name not in entries:
            raise cursor.fail(f"the tensor {name!r} is missing")
        _check_entry(cursor, name, entries[name], dtype, int(np.prod(shape)))
    return entries


def _check_entry(cursor: _Cursor, name: str, entry: TensorEntry, dtype: int, elements: int) -> None:
    nbytes = elements * 4 if dtype == F32 else elements // GROUP * Q4_0_GROUP_BYTES
    if (entry.dtype, entry.elements, entry.nbytes) != (dtype, elements, nbytes):
        raise cursor.fail(f"the tensor {name!r} has another type or size than the header asks")
    if entry.offset < cursor.offset or entry.offset + nbytes > len(cursor.data):
        raise cursor.fail(f"the tensor {name!r} lies outside the file")
