"""What tests may vary about everything that a builder builds, without each passing it on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Variation:
    """How tiny models and encoded examples differ from the plain ones.

    Attributes:
        architecture: of the classifiers that trainers train.
        pair: texts are two, told apart by their token types.
        order: what is class i otherwise is class `order[i]`, in labels and final layers alike.
        garbage: labels of the other language (`shift` of `encoded`) are drawn at random.
        garbled: how many sets of labels were replaced so.
    """

    architecture: str = "bert"
    pair: bool = False
    order: tuple[int, ...] | None = None
    garbage: bool = False
    garbled: int = 0


_current = Variation()


def variation() -> Variation:
    """The one that holds now."""
    return _current


@contextmanager
def varied(**changes: Any) -> Iterator[Variation]:
    """Vary what is built in this block."""
    global _current
    before = _current
    _current = dataclasses.replace(before, **changes)
    try:
        yield _current
    finally:
        _current = before


def varied_labels(labels: list[list[int]], *, classes: int, target: bool) -> list[list[int]]:
    """Labels as the current variation has them."""
    now = _current
    if now.order is not None:
        labels = [[now.order[y] for y in row] for row in labels]
    if now.garbage and target:
        now.garbled += 1
        rng = np.random.default_rng(99)
        labels = [rng.integers(0, classes, size=len(row)).tolist() for row in labels]
    return labels
