"""Bounds and an order of class shares, made consistent: what they fix, tie and leave free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import Floats, Integers

# Bounds nearer than this are one value.
_SAME = 1e-7

Bools = npt.NDArray[np.bool_]
Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What bounds and order leave of the simplex, with every bound that the others imply.

    Attributes:
        low: (k,) lowest shares. A class that is to have at least another's share has at least its
            lowest.
        high: (k,) highest shares, likewise.
        order: pairs (a, b): the share of a is at least that of b.
    """

    low: Floats
    high: Floats
    order: Pairs

    def contain(self, priors: Floats) -> Bools:
        """Whether each of the priors (B, k) keeps within, (B,)."""
        inside: Bools = np.all((priors >= self.low) & (priors <= self.high), axis=1)
        for first, second in self.order:
            inside &= priors[:, first] >= priors[:, second]
        return inside

    def fixed(self) -> Bools:
        """The classes that are left no choice, (k,)."""
        settled: Bools = self.high - self.low <= _SAME
        return settled

    def groups(self) -> Integers:
        """Number the classes so that those which the order makes equal share a number, (k,)."""
        size = self.low.size
        first, second = np.array(self.order, dtype=np.int64).reshape(-1, 2).T
        graph = scipy.sparse.coo_array((np.ones(first.size), (first, second)), (size, size))
        _, names = scipy.sparse.csgraph.connected_components(graph, connection="strong")
        return np.asarray(names, dtype=np.int64)


def resolve_limits(
    bounds: Mapping[int, tuple[float, float]], order: Pairs, *, num_classes: int
) -> Limits:
    """Make bounds and order consistent.

    Once the bounds respect the order, every point between the lowest and the highest shares does
    too, and one of them sums to 1 just where the lowest sum to at most 1 and the highest to at
    least 1: facts are refused exactly where nothing meets them all.

    Args:
        bounds: class id -> lowest and highest share, in 0..1.
        order: pairs (a, b) of class ids: the share of a is at least that of b.
        num_classes: k.

    Returns:
        The limits; some prior keeps within them.

    Raises:
        IsoglossError: E420 for a class that does not exist, E421 for bounds that are no part of
            0..1, E422 where they cannot sum to 1, E423 where they contradict the order.
    """
    for class_id in [*bounds, *(member for pair in order for member in pair)]:
        if not 0 <= class_id < num_classes:
            raise IsoglossError("E420", class_id=class_id, last=num_classes - 1)
    low, high = np.zeros(num_classes), np.ones(num_classes)
    for class_id, (lowest, highest) in bounds.items():
        if not 0.0 <= lowest <= highest <= 1.0:
            raise IsoglossError("E421", class_id=class_id, low=lowest, high=highest)
        low[class_id], high[class_id] = lowest, highest
    _follow(order, low, high)
    if low.sum() > 1.0 + _SAME:
        raise IsoglossError("E422", which="lowest", total=f"{low.sum():.6g}", wanted="at most")
    if high.sum() < 1.0 - _SAME:
        raise IsoglossError("E422", which="highest", total=f"{high.sum():.6g}", wanted="at least")
    if low.sum() >= 1.0 - _SAME:
        high = low = low / low.sum()
    elif high.sum() <= 1.0 + _SAME:
        low = high = high / high.sum()
    return Limits(low=low, high=high, order=order)


def _follow(order: Pairs, low: Floats, high: Floats) -> None:
    """Carry the bounds along the order, in place, until nothing changes."""
    changed = True
    while changed:
        changed = False
        for first, second in order:
            if low[first] < low[second] or high[second] > high[first]:
                low[first] = max(low[first], low[second])
                high[second] = min(high[first], high[second])
                changed = True
            if low[first] > high[first] or low[second] > high[second]:
                raise IsoglossError("E423", first=first, second=second)
