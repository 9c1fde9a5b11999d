"""Encoded texts of one length, for benchmarks that care for sizes alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# The first pieces of a vocabulary are special.
SPECIAL = 4


def random_texts(
    rng: Any, count: int, length: int, *, pieces: int, active: Sequence[int], classes: int
) -> Any:
    """Encoded, labelled examples (a `datasets.Dataset`).

    Args:
        rng: a numpy generator.
        count: of the examples.
        length: pieces of each.
        pieces: of the vocabulary, the first so many are in use.
        active: the positions that carry a label, the same in each.
        classes: k; labels are drawn evenly from 0..k-1.
    """
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "input_ids": rng.integers(SPECIAL, pieces, (count, length)).tolist(),
            "active": [list(active)] * count,
            "labels": rng.integers(0, classes, (count, len(active))).tolist(),
            "length": [length] * count,
        }
    )
