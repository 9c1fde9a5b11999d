"""Running sums of features by class, kept apart for blocks of examples that can be resampled."""

from __future__ import annotations

import numpy as np

from isogloss.labelshift.checks import Floats, Integers


class ClassSums:
    """What one side's features add up to, for each class and block.

    Rows count for a class by their membership, so that one-hot and soft labels go the same way.
    The memory is blocks · classes · width numbers, however many rows there are.

    Args:
        num_blocks: g.
        num_classes: k.
        width: d of the features.
    """

    def __init__(self, num_blocks: int, num_classes: int, width: int) -> None:
        self.totals = np.zeros((num_blocks, num_classes))
        self.sums = np.zeros((num_blocks, num_classes, width))
        self.squares = np.zeros(width)
        self.rows = 0

    def add(self, features: Floats, memberships: Floats, blocks: Integers) -> None:
        """Add rows.

        Args:
            features: (n, d).
            memberships: (n, k), rows sum to 1.
            blocks: (n,) in 0..g-1.
        """
        order = np.argsort(blocks, kind="stable")
        present, starts = np.unique(blocks[order], return_index=True)
        ends = [*starts[1:], len(order)]
        for block, start, end in zip(present, starts, ends, strict=True):
            rows = order[start:end]
            self.totals[block] += memberships[rows].sum(axis=0)
            self.sums[block] += memberships[rows].T @ features[rows]
        self.squares += np.square(features).sum(axis=0)
        self.rows += len(features)

    @property
    def present(self) -> Integers:
        """The blocks that have rows."""
        return np.flatnonzero(self.totals.sum(axis=1) > 0)

    def counts(self) -> Floats:
        """(k,) rows of each class, expected ones for soft labels."""
        counts: Floats = self.totals.sum(axis=0)
        return counts

    def means(self) -> Floats:
        """(k, d) mean features of the classes; NaN for a class without rows."""
        return _quotient(self.sums.sum(axis=0), self.counts())

    def mean(self) -> Floats:
        """(d,) mean features of all rows."""
        mean: Floats = self.sums.sum(axis=(0, 1)) / self.rows
        return mean

    def within_variance(self) -> Floats:
        """(d,) variance of the features around the mean of their class, at least 0."""
        means = np.nan_to_num(self.means())
        between = self.counts() @ np.square(means)
        within: Floats = np.maximum(self.squares - between, 0.0) / self.rows
        return within

    def mean_variances(self) -> tuple[Floats, Floats]:
        """Sampling variances of `means`, (k, d), and of `mean`, (d,), from what blocks differ by.

        Returns:
            NaN for a class without rows; NaN throughout where fewer than two blocks have rows.

        References:
            The linearised variance of a ratio of cluster totals: Cochran, Sampling Techniques,
            1977, section 6.4.
        """
        blocks = self.present
        number = len(blocks)
        factor = number / (number - 1) if number > 1 else np.nan
        off = self.sums[blocks] - self.totals[blocks, :, None] * self.means()
        by_class = _quotient(np.square(off).sum(axis=0), self.counts() ** 2)
        rows = self.totals[blocks].sum(axis=1)
        off_all = self.sums[blocks].sum(axis=1) - rows[:, None] * self.mean()
        overall = np.square(off_all).sum(axis=0) / self.rows**2
        return factor * by_class, factor * overall

    def resampled(self, draws: Floats) -> tuple[Floats, Floats]:
        """Means when blocks count as often as they were drawn.

        Args:
            draws: (r, g) how often each block was drawn, for r replicates.

        Returns:
            Class means (r, k, d), NaN for a class that was not drawn, and overall means (r, d).
        """
        sums = np.tensordot(draws, self.sums, axes=1)
        totals = draws @ self.totals
        overall = sums.sum(axis=1) / totals.sum(axis=1)[:, None]
        return _quotient(sums, totals), overall


def _quotient(sums: Floats, totals: Floats) -> Floats:
    """`sums` (..., k, d) by `totals` (..., k); NaN where there is nothing to divide by."""
    divisor = np.where(totals > 0, totals, np.nan)[..., None]
    quotient: Floats = sums / divisor
    return quotient
