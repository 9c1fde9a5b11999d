"""What a run was given, as a digest of the content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isogloss.data.canonical import arrow_batches
from isogloss.data.formats import existing_file

CHUNK_BYTES = 1 << 20
CHUNK_ROWS = 10_000
# The length that stands for a missing text or list, which is not an empty one.
MISSING = -1


def fingerprint(where: str | Path | datasets.Dataset) -> str:
    """The SHA-256 of a file's bytes, or of a data set's column names and rows.

    The digest of a data set depends on its content only, not on how it is chunked, cached or
    selected from a larger one.

    Args:
        where: a file or a data set.

    Returns:
        64 hexadecimal digits.

    Raises:
        IsoglossError: E101 if the file does not exist, E126 if it is a folder.
    """
    if isinstance(where, datasets.Dataset):
        return rows_digest(where)
    return file_digest(existing_file(where))


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def folder_digest(folder: Path) -> str:
    """The SHA-256 of a folder's files and their names, as 64 hexadecimal digits.

    Files whose name begins with a dot do not count.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if not path.name.startswith("."):
            digest.update(json.dumps([name, file_digest(path)]).encode())
    return digest.hexdigest()


def rows_digest(dataset: datasets.Dataset) -> str:
    """The SHA-256 of a data set's column names and rows, as 64 hexadecimal digits.

    Texts and lists of them, the bulk of most data, are hashed as Arrow holds them, at about the
    speed of reading a file; values of other types as JSON spells them.
    """
    digest = hashlib.sha256(json.dumps(dataset.column_names).encode())
    for table in arrow_batches(dataset, rows=CHUNK_ROWS):
        for column in table.columns:
            _update(digest, column)
    return digest.hexdigest()


def _update(digest: Any, values: pa.Array | pa.ChunkedArray) -> None:
    """Hash the values of one column, whose type says how."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        _update_texts(digest, values)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        lengths = pc.fill_null(pc.list_value_length(values).cast(pa.int64()), MISSING)
        digest.update(b"l" + lengths.to_numpy().tobytes())
        _update(digest, pc.list_flatten(values))
    else:
        digest.update(b"j" + json.dumps(values.to_pylist(), default=str).encode())


def _update_texts(digest: Any, values: pa.Array | pa.ChunkedArray) -> None:
    """Hash texts: their lengths in bytes, then the bytes one after the other."""
    lengths = pc.fill_null(pc.binary_length(values).cast(pa.int64()), MISSING)
    digest.update(b"s" + lengths.to_numpy().tobytes())
    filled = pc.fill_null(values.cast(pa.large_binary()), b"")
    array = filled.combine_chunks() if isinstance(filled, pa.ChunkedArray) else filled
    if len(array):
        _, offsets, content = array.buffers()
        ends = np.frombuffer(offsets, dtype=np.int64)[array.offset :][[0, len(array)]]
        digest.update(memoryview(content)[ends[0] : ends[1]] if ends[1] > ends[0] else b"")
