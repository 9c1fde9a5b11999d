"""Sets of chosen examples that have several labelled rows each, such as the words of sentences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse

from isogloss.labelshift.checks import Floats, Integers

# Sets whose choices are multiplied at a time, in entries of a dense matrix.
_ENTRIES = 16_000_000


@dataclass(frozen=True, kw_only=True)
class ChosenSets:
    """Sets of examples, each example in or out.

    Attributes:
        chosen: (m, n) which examples each set has.
        totals: (n, k) labelled rows of each class in each example.
    """

    chosen: npt.NDArray[np.bool_]
    totals: Floats

    @cached_property
    def counts(self) -> Integers:
        """(m, k) rows of each class in each set."""
        return _multiply(self.chosen, self.totals).round().astype(np.int64)

    @property
    def priors(self) -> Floats:
        """(m, k) the shares of the classes among the rows of each set."""
        return self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)

    @property
    def sizes(self) -> Integers:
        """(m,) examples of each set."""
        return np.asarray(self.chosen.sum(axis=1))

    def members(self, index: int) -> Integers:
        """The examples of a set, sorted."""
        return np.flatnonzero(self.chosen[index])

    def sums(self, values: npt.ArrayLike) -> Floats:
        """Sum values (n, c) of the examples over every set: (m, c)."""
        return _multiply(self.chosen, np.asarray(values))

    def on(self, labels: npt.ArrayLike, examples: npt.ArrayLike | None = None) -> SetRows:
        """The sets over labelled rows.

        Args:
            labels: (r,) class ids in 0..k-1.
            examples: (r,) the example of each row, in 0..n-1.
        """
        assert examples is not None, "rows of several an example say which example"
        ids, places = np.asarray(labels), np.asarray(examples)
        rows = [np.flatnonzero(ids == j) for j in range(self.totals.shape[1])]
        return SetRows(sets=self, parts=tuple(_part(places, found) for found in rows))


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The rows of one class, summed by the examples that have any.

    Attributes:
        rows: (r_j,) of the class.
        examples: (e,) that have any.
        matrix: (e, r_j), a 1 for every row of an example.
    """

    rows: Integers
    examples: Integers
    matrix: scipy.sparse.csr_array


def _part(examples: Integers, rows: Integers) -> _Part:
    having, places = np.unique(examples[rows], return_inverse=True)
    ones = np.ones(len(rows), dtype=np.float32)
    matrix = scipy.sparse.csr_array(
        (ones, (places.reshape(-1), np.arange(len(rows)))), shape=(len(having), len(rows))
    )
    return _Part(rows=rows, examples=having, matrix=matrix)


@dataclass(frozen=True, kw_only=True)
class SetRows:
    """Chosen sets over the rows of one classifier.

    Attributes:
        sets: which examples each set has.
        parts: the rows of each class.
    """

    sets: ChosenSets
    parts: tuple[_Part, ...]

    @cached_property
    def counts(self) -> Integers:
        """(m, k) rows of each class in each set."""
        one = np.ones((sum(len(part.rows) for part in self.parts), 1))
        found = [self.class_sums(j, one)[:, 0] for j in range(len(self.parts))]
        return np.stack(found, axis=1).round().astype(np.int64)

    def class_sums(self, class_id: int, values: npt.NDArray[np.floating]) -> Floats:
        """Sum values over the rows of one class in every set.

        Args:
            class_id: in 0..k-1.
            values: (r, c) of every row.

        Returns:
            (m, c) float64.
        """
        part = self.parts[class_id]
        by_example = part.matrix.astype(values.dtype) @ values[part.rows]
        return _multiply(self.sets.chosen[:, part.examples], by_example)


def _multiply(chosen: npt.NDArray[np.bool_], values: npt.NDArray[np.generic]) -> Floats:
    """`chosen @ values` as float64, a few sets at a time; single precision stays single inside."""
    dtype = np.float32 if values.dtype == np.float32 else np.float64
    out = np.empty((len(chosen), values.shape[1]))
    step = max(1, _ENTRIES // max(1, chosen.shape[1]))
    for start in range(0, len(chosen), step):
        rows = slice(start, start + step)
        out[rows] = chosen[rows].astype(dtype) @ values.astype(dtype, copy=False)
    return out
