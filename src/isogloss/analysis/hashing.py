"""Draws that depend on a row's own number alone, so that neither order nor batches matter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

# The increment and multipliers of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
_STEP = 0x9E3779B97F4A7C15
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_ALL = 0xFFFFFFFFFFFFFFFF


def draw(numbers: npt.ArrayLike, *, seed: int) -> Keys:
    """Draw a random 64-bit key for each number, always the same one for the same number.

    Args:
        numbers: integers, any shape.
        seed: another seed gives other keys.

    Returns:
        Keys of the same shape, as if uniform on 0..2^64 - 1.
    """
    start = np.uint64((seed * _STEP + 1) & _ALL)
    return _mix(_mix(np.asarray(numbers).astype(np.uint64) ^ start) + start)


def row_keys(groups: npt.ArrayLike, *, seed: int) -> Keys:
    """Draw a key for each row of a batch from its group and its place within the group.

    Args:
        groups: (n,) integers; rows that share one are told apart by their order.
        seed: of the draw.

    Returns:
        (n,) keys.
    """
    numbers = np.asarray(groups)
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    first = np.searchsorted(ordered, ordered, side="left")
    places = np.empty(len(numbers), dtype=np.int64)
    places[order] = np.arange(len(numbers)) - first
    return _mix(draw(numbers, seed=seed) + draw(places, seed=seed + 1))


def _mix(keys: Keys) -> Keys:
    with np.errstate(over="ignore"):
        keys = keys + np.uint64(_STEP)
        keys = (keys ^ (keys >> np.uint64(30))) * _FIRST
        keys = (keys ^ (keys >> np.uint64(27))) * _SECOND
        mixed: Keys = keys ^ (keys >> np.uint64(31))
    return mixed
