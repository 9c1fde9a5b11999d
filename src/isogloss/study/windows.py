"""Many sets drawn from labelled examples without replacement, summed over in one pass.

The examples of each class are shuffled once, and a set takes as many as it needs from a place of
its own on, around the end where it must. So each set is a simple random sample of each class, and
means over two sets are uncorrelated, as if they had been drawn apart; but all sums over all sets
are differences of one running sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse

from isogloss.labelshift.checks import Floats, Integers


@dataclass(frozen=True, kw_only=True)
class WindowSets:
    """Sets of examples with one label each.

    Attributes:
        order: per class, its examples (n_j,) in the shuffled order.
        starts: (m, k) where each set begins in each class's order.
        counts: (m, k) how many examples it takes of each class, at most n_j.
    """

    order: tuple[Integers, ...]
    starts: Integers
    counts: Integers

    @property
    def priors(self) -> Floats:
        """(m, k) the shares of the classes in each set."""
        return self.counts / self.counts.sum(axis=1, keepdims=True)

    @property
    def sizes(self) -> Integers:
        """(m,) examples of each set."""
        return np.asarray(self.counts.sum(axis=1))

    def members(self, index: int) -> Integers:
        """The examples of a set, sorted."""
        parts = [
            np.take(rows, np.arange(start, start + count), mode="wrap")
            for rows, start, count in zip(
                self.order, self.starts[index], self.counts[index], strict=True
            )
            if count
        ]
        return np.sort(np.concatenate(parts))

    def on(self, labels: npt.ArrayLike, examples: npt.ArrayLike | None = None) -> WindowSets:
        """The sets over a classifier's rows; here every example is one row."""
        return self

    @cached_property
    def _segments(self) -> list[_Segments]:
        rows = max((int(order.max(initial=-1)) for order in self.order), default=-1) + 1
        return [
            _segments(order, start, count, rows=rows)
            for order, start, count in zip(self.order, self.starts.T, self.counts.T, strict=True)
        ]

    def class_sums(self, class_id: int, values: npt.NDArray[np.floating]) -> Floats:
        """Sum values over the rows of one class in every set.

        Args:
            class_id: in 0..k-1.
            values: (n, c) of every example.

        Returns:
            (m, c) float64.
        """
        return self._segments[class_id].sums(values)


@dataclass(frozen=True, kw_only=True)
class _Segments:
    """A class's shuffled rows, cut wherever some set begins or ends.

    Attributes:
        matrix: (cuts - 1, n), a 1 for every row of a segment.
        begins: (m,) the cut at which each set begins.
        ends: (m,) the cut at which it ends.
        wrapped: (m,) whether it goes around the end.
    """

    matrix: scipy.sparse.csr_array
    begins: Integers
    ends: Integers
    wrapped: npt.NDArray[np.bool_]

    def sums(self, values: npt.NDArray[np.floating]) -> Floats:
        """(m, c) sums of values (n, c)."""
        rows = values[: self.matrix.shape[1]]
        parts = self.matrix.astype(rows.dtype) @ np.ascontiguousarray(rows)
        running = np.zeros((len(parts) + 1, values.shape[1]))
        # Row by row: numpy's own cumulative sum goes down the columns, ten times as slowly.
        for before, part, after in zip(running[:-1], parts, running[1:], strict=True):
            np.add(before, part, out=after)
        out: Floats = running[self.ends]
        out -= running[self.begins]
        out[self.wrapped] += running[-1]
        return out


def _segments(order: Integers, starts: Integers, counts: Integers, *, rows: int) -> _Segments:
    size = len(order)
    ends = starts + counts
    wrapped = ends > size
    ends = np.where(wrapped, ends - size, ends)
    cuts = np.unique(np.concatenate([[0, size], starts, ends]))
    matrix = scipy.sparse.csr_array(
        (np.ones(size, dtype=np.float32), order, cuts), shape=(len(cuts) - 1, rows)
    )
    return _Segments(
        matrix=matrix,
        begins=np.searchsorted(cuts, starts),
        ends=np.searchsorted(cuts, ends),
        wrapped=wrapped,
    )


def draw_windows(
    labels: npt.ArrayLike, counts: npt.ArrayLike, *, rng: np.random.Generator
) -> WindowSets:
    """Draw sets with given numbers of examples of each class, without replacement.

    Args:
        labels: (n,) class ids in 0..k-1.
        counts: (m, k) wanted of each class, none more than there are.
        rng: where the randomness comes from.

    Returns:
        The sets; each is a simple random sample of each class.
    """
    ids, wanted = np.asarray(labels), np.asarray(counts, dtype=np.int64)
    size = wanted.shape[1]
    order = tuple(rng.permutation(np.flatnonzero(ids == j)) for j in range(size))
    lengths = np.array([len(rows) for rows in order])
    starts = rng.integers(0, np.maximum(lengths, 1), size=wanted.shape)
    return WindowSets(order=order, starts=starts, counts=wanted)
