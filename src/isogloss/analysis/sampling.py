"""A random sample of rows of fixed size out of a stream of any length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.analysis.hashing import Keys
from isogloss.labelshift.checks import Floats, Integers

_LAST = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True)
class SampledRows:
    """Rows of a sample, in an order that does not depend on that of the stream.

    Attributes:
        features: (m, d).
        memberships: (m, k) of the classes.
        groups: (m,) the example of each row.
        blocks: (m,) the block of each row.
        strata: (m,) the stratum of each row.
        seen: number of rows of each stratum in the stream.
    """

    features: np.ndarray
    memberships: Floats
    groups: Integers
    blocks: Integers
    strata: Integers
    seen: Integers

    def __len__(self) -> int:
        return len(self.groups)

    def expansion(self) -> Floats:
        """(m,) how many rows of the stream a sampled row stands for."""
        taken = np.bincount(self.strata, minlength=len(self.seen))
        factors: Floats = (self.seen / np.maximum(taken, 1))[self.strata]
        return factors


class RowSample:
    """Keeps, of each stratum, the rows with the smallest keys: a random sample without replacement.

    Args:
        capacity: the most rows of a stratum, at least 1.
        num_strata: their number.

    References:
        Bottom-k sampling: Cohen & Kaplan, PODC 2007.
    """

    def __init__(self, capacity: int, num_strata: int) -> None:
        self.capacity = capacity
        self.seen = np.zeros(num_strata, dtype=np.int64)
        self._highest = np.full(num_strata, _LAST)
        self._keys: Keys = np.zeros(0, dtype=np.uint64)
        self._columns: tuple[np.ndarray, ...] = ()
        self._waiting: list[tuple[np.ndarray, ...]] = []

    def add(
        self,
        features: np.ndarray,
        memberships: Floats,
        strata: Integers,
        *,
        keys: Keys,
        groups: Integers,
        blocks: Integers,
    ) -> None:
        """Look at n rows, and keep those that belong to the sample so far.

        Args:
            features: (n, d).
            memberships: (n, k).
            strata: (n,) the stratum of each row.
            keys: (n,) random, each of one row only.
            groups: (n,) the example of each row.
            blocks: (n,) the block of each row.
        """
        self.seen += np.bincount(strata, minlength=len(self.seen))
        chosen = keys <= self._highest[strata]
        columns = (features, memberships, strata, groups, blocks)
        self._waiting.append((keys[chosen], *(column[chosen] for column in columns)))
        if sum(len(part[0]) for part in self._waiting) > self.capacity * len(self.seen):
            self._settle()

    def rows(self) -> SampledRows:
        """The sample; E404 cannot be: it needs at least one row to have been added."""
        self._settle()
        features, memberships, strata, groups, blocks = self._columns
        return SampledRows(features, memberships, groups, blocks, strata, self.seen.copy())

    def _settle(self) -> None:
        """Put what is waiting with the sample, and drop what is then too much."""
        parts = self._waiting if not self._columns else [(self._keys, *self._columns)]
        if self._columns:
            parts = parts + self._waiting
        keys, *columns = (np.concatenate(column) for column in zip(*parts, strict=True))
        strata = columns[2]
        order = np.lexsort((keys, strata))
        first = np.searchsorted(strata[order], strata[order], side="left")
        kept = order[np.arange(len(order)) - first < self.capacity]
        self._keys, self._columns = keys[kept], tuple(column[kept] for column in columns)
        self._waiting = []
        counts = np.bincount(strata[kept], minlength=len(self.seen))
        full = np.flatnonzero(counts == self.capacity)
        lasts = np.cumsum(counts) - 1
        self._highest[full] = self._keys[lasts[full]]
