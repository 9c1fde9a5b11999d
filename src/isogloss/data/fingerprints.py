"""What a run was given, as a digest of the content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import datasets

from isogloss.data.formats import existing_file

CHUNK_BYTES = 1 << 20
CHUNK_ROWS = 1000


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
        return _dataset_digest(where)
    return file_digest(existing_file(where))


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _dataset_digest(dataset: datasets.Dataset) -> str:
    digest = hashlib.sha256(json.dumps(dataset.column_names).encode())
    for table in dataset.with_format("arrow").iter(batch_size=CHUNK_ROWS):
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            digest.update(json.dumps(row, default=str).encode() + b"\n")
    return digest.hexdigest()
