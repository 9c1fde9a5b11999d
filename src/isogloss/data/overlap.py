"""Count rows with equal inputs, within a data set and across two."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import datasets
import numpy as np

from isogloss.data.canonical import arrow_batches

INPUTS = ("text", "text_pair", "tokens")
# At 128 bits, two different inputs meet with a chance below 1e-20 in a billion rows.
DIGEST_BYTES = 16


def count_duplicates(a: datasets.Dataset, b: datasets.Dataset) -> int:
    """Number of rows of `b` whose input also occurs in `a`, letter by letter.

    Args:
        a, b: prepared data sets of the same kind; labels are not compared.

    Returns:
        0 to `len(b)`; memory is 16 bytes a row.
    """
    return shared_among(input_digests(a), input_digests(b))


def count_repeats(dataset: datasets.Dataset) -> int:
    """Number of rows of a prepared data set whose input occurs in an earlier row.

    Returns:
        0 to `len(dataset) - 1`; memory is 16 bytes a row.
    """
    return repeats_among(input_digests(dataset))


def shared_among(a: np.ndarray, b: np.ndarray) -> int:
    """How many of the digests `b` (m,) are among the digests `a` (n,)."""
    return int(np.isin(b, a).sum())


def repeats_among(digests: np.ndarray) -> int:
    """How many of the digests (n,) occur earlier among them."""
    return len(digests) - len(np.unique(digests))


def input_digests(dataset: datasets.Dataset) -> np.ndarray:
    """A 16-byte digest (n,) of the input of every row of a prepared data set."""
    columns = [column for column in INPUTS if column in dataset.column_names]
    digests = np.empty(len(dataset), dtype=f"S{DIGEST_BYTES}")
    start = 0
    for table in arrow_batches(dataset.select_columns(columns)):
        rows = zip(*(table[column].to_pylist() for column in columns), strict=True)
        digests[start : start + table.num_rows] = [_digest(row) for row in rows]
        start += table.num_rows
    return digests


def _digest(row: tuple[Any, ...]) -> bytes:
    parts = "".join(_spelled(value) for value in row)
    return hashlib.blake2b(parts.encode(), digest_size=DIGEST_BYTES).digest()


def _spelled(value: str | Iterable[str] | None) -> str:
    """A value with its length before it, so that no two inputs are spelled alike."""
    if value is None:
        return "n"
    if isinstance(value, str):
        return f"s{len(value)}:{value}"
    parts = [_spelled(part) for part in value]
    return f"l{len(parts)}:{''.join(parts)}"
