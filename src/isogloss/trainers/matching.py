"""Rows of one encoding of some texts found again in another encoding of the same texts."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
from datasets import Dataset

from isogloss.data import scans
from isogloss.data.canonical import arrow_batches
from isogloss.errors import IsoglossError

# More words than a sentence has, so that a sentence and a word make one number.
_WORDS = 1 << 32


def align(logits: np.ndarray, own: Dataset, like: Dataset) -> np.ndarray:
    """Bring logits into the rows of another encoding of the same examples, word by word.

    Args:
        logits: (n, k), the rows of `own`.
        own: the encoding that they were made from.
        like: the encoding whose rows are wanted, of r active positions.

    Returns:
        (r, k); NaN where `own` has no such word.

    Raises:
        IsoglossError: E405 for encodings of different numbers of examples.
    """
    if len(own) != len(like):
        shape, expected = (len(own),), f"({len(like)},)"
        raise IsoglossError("E405", name="the teacher's set", shape=shape, expected=expected)
    had, wanted = _row_keys(own), _row_keys(like)
    aligned = np.full((len(wanted), logits.shape[1]), np.nan, dtype=np.float32)
    _, places, rows = np.intersect1d(had, wanted, assume_unique=True, return_indices=True)
    aligned[rows] = logits[places]
    return aligned


def rows_of_examples(dataset: Dataset) -> np.ndarray:
    """(m,) int64: how many active positions each encoded example has, in their order."""
    return scans.list_lengths(dataset, "active")


def _row_keys(dataset: Dataset) -> np.ndarray:
    """(n,) int64, ascending: what each row is about, the same number in every encoding."""
    if "active_words" not in dataset.column_names:
        return np.arange(len(dataset), dtype=np.int64)
    examples = np.repeat(np.arange(len(dataset), dtype=np.int64), rows_of_examples(dataset))
    words = [
        pc.list_flatten(table.column(0)).to_numpy()
        for table in arrow_batches(dataset.select_columns("active_words"))
    ]
    return examples * _WORDS + np.concatenate([np.zeros(0, dtype=np.int64), *words])
