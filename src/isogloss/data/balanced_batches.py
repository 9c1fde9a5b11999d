"""Batches of examples that are drawn by shares of their own, from one set or side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.data.balancing import Shares, draw
from isogloss.data.pairing import SeededBatchSampler, by_length


@dataclass(frozen=True, kw_only=True)
class DrawnSide:
    """One side of the batches.

    Attributes:
        lengths: (n,) token counts, which batches are sorted by.
        shares: says the shares of its examples (n,) as they are now.
        size: examples of it in a batch; fewer where it has fewer to draw from.
    """

    lengths: np.ndarray
    shares: Callable[[], Shares]
    size: int


class BalancedBatchSampler(SeededBatchSampler):
    """Batches of similar lengths whose examples are drawn, some more than once, some not at all.

    Every order is a pure function of (seed, epoch, shares). An epoch has so many batches, whatever
    the sides hold: the shares say how often an example comes, not the number of passes.

    Args:
        sides: of the batches; the examples of the second are counted on from the first's.
        batches: in an epoch, >= 1.
        seed: with the epoch and the shares, decides the order.
    """

    drop_last = True

    def __init__(self, sides: Sequence[DrawnSide], *, batches: int, seed: int) -> None:
        super().__init__(seed)
        self.sides = tuple(sides)
        self.batches = batches

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self.seed, 4, self.epoch))
        parts, first = [], 0
        for number, side in enumerate(self.sides):
            shares = side.shares()
            size = min(side.size, int(np.count_nonzero(shares.examples)))
            drawn = draw(shares, self.batches * size, self.epoch, seed=(self.seed, 5, number))
            order = by_length(rng.permutation(drawn), side.lengths, max(1, size))
            parts.append(order.reshape(self.batches, size) + first)
            first += len(side.lengths)
        for i in rng.permutation(self.batches):
            yield [index for part in parts for index in part[i].tolist()]
