"""Maximum mean discrepancy with a Gaussian kernel: of arrays, and by class out of a sample."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isogloss.analysis.sampling import SampledRows
from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import Floats, Integers, check_shape, finite_array


def mmd_squared(
    source: npt.ArrayLike, target: npt.ArrayLike, *, bandwidth: float | None = None
) -> float:
    """Estimate the squared maximum mean discrepancy of two samples without bias.

    The kernel is `exp(-‖u - v‖² / (2 b²))`.

    Args:
        source: (n, d), n >= 2.
        target: (m, d), m >= 2.
        bandwidth: b > 0; by default `median_bandwidth` of all rows.

    Returns:
        Below 2; 0 on average for samples of one distribution, so also slightly below 0.

    Raises:
        IsoglossError: E400 for NaN or infinity, E404 for a side of fewer than two rows, E405 for
            shapes that do not belong together.

    References:
        Gretton et al., JMLR 13 (2012), eq. 3 and section 8 (median heuristic).
    """
    first, second = _sides(source, target)
    width = median_bandwidth(np.concatenate([first, second])) if bandwidth is None else bandwidth
    parts = [
        gaussian_kernel(one, two, bandwidth=width)
        for one, two in ((first, first), (second, second), (first, second))
    ]
    own = [(part.sum() - np.trace(part)) / (len(part) * (len(part) - 1)) for part in parts[:2]]
    return float(own[0] + own[1] - 2.0 * parts[2].mean())


def median_bandwidth(rows: Floats) -> float:
    """Take the median distance of two different rows, or 1 where all are the same.

    Args:
        rows: (n, d), n >= 2.
    """
    pairs = np.triu_indices(len(rows), k=1)
    middle = float(np.sqrt(np.median(_squared_distances(rows, rows)[pairs])))
    return middle if middle > 0 else 1.0


def gaussian_kernel(first: Floats, second: Floats, *, bandwidth: float) -> Floats:
    """Return the kernel's values, (n, m) in 0..1, of rows (n, d) and (m, d)."""
    kernel: Floats = np.exp(_squared_distances(first, second) / (-2.0 * bandwidth**2))
    return kernel


class KernelSums:
    """Sums of kernel values over pairs of sampled rows, by class and by pair of blocks.

    From them follow the discrepancy of every class and of all rows together, and the same of any
    resampling of blocks. Pairs of rows of one example are left out: they are not independent.

    Args:
        source: sampled rows.
        target: sampled rows.
        num_blocks: g.
    """

    def __init__(self, source: SampledRows, target: SampledRows, *, num_blocks: int) -> None:
        first, second = (np.asarray(side.features, dtype=np.float64) for side in (source, target))
        together = np.concatenate([first, second])
        self.bandwidth = median_bandwidth(together) if len(together) > 1 else 1.0
        self._blocks = num_blocks
        self._own = [
            self._of(rows, side, rows, side, _pair_factors(side))
            for rows, side in ((first, source), (second, target))
        ]
        self._between = self._of(first, source, second, target, None)

    def mmd_squared(self, source_draws: Floats, target_draws: Floats) -> Floats:
        """Squared discrepancies when blocks count as often as they were drawn.

        Args:
            source_draws: (r, g).
            target_draws: (r, g).

        Returns:
            (r, k + 1): of each class, and last of all rows; NaN where a side lacks two examples.

        References:
            Gretton et al., JMLR 13 (2012), eq. 3, every row standing for those it was sampled from.
        """
        own = [
            _mean_of(sums, draws, draws)
            for sums, draws in zip(self._own, (source_draws, target_draws), strict=True)
        ]
        return own[0] + own[1] - 2.0 * _mean_of(self._between, source_draws, target_draws)

    def _of(
        self,
        first: Floats,
        one: SampledRows,
        second: Floats,
        two: SampledRows,
        factors: Floats | None,
    ) -> tuple[Floats, Floats]:
        """Sums (k + 1, g, g) of weighted kernel values and of the weights themselves."""
        kernel = gaussian_kernel(first, second, bandwidth=self.bandwidth)
        factors = np.ones_like(kernel) if factors is None else factors
        kernel *= factors
        sums = []
        for left, right in zip(_class_weights(one), _class_weights(two), strict=True):
            rows, columns = np.flatnonzero(left), np.flatnonzero(right)
            before = self._by_block(one.blocks[rows], left[rows]).T
            after = self._by_block(two.blocks[columns], right[columns])
            part = np.ix_(rows, columns)
            sums.append((before @ kernel[part] @ after, before @ factors[part] @ after))
        values, weights = zip(*sums, strict=True)
        return np.stack(values), np.stack(weights)

    def _by_block(self, blocks: Integers, weights: Floats) -> Floats:
        """(n, g), each row's weight in the column of its block."""
        return np.eye(self._blocks)[blocks] * weights[:, None]


def _class_weights(rows: SampledRows) -> Floats:
    """(k + 1, m) what a row counts for each class, and for all rows together."""
    weights = np.concatenate([rows.memberships, np.ones((len(rows), 1))], axis=1)
    counted: Floats = (weights * rows.expansion()[:, None]).T
    return counted


def _pair_factors(rows: SampledRows) -> Floats:
    """(m, m): 0 for rows of one example, else what corrects the product of two expansions.

    Of a stratum of N rows, n sampled, a pair stands for N (N - 1) / (n (n - 1)) pairs.
    """
    taken = np.bincount(rows.strata, minlength=len(rows.seen))
    seen = rows.seen.astype(np.float64)
    within = np.where(
        taken > 1, (seen - 1) / np.maximum(seen, 1) * taken / np.maximum(taken - 1, 1), 1.0
    )
    same = rows.strata[:, None] == rows.strata[None, :]
    factors = np.where(same, within[rows.strata][:, None], 1.0)
    factors[rows.groups[:, None] == rows.groups[None, :]] = 0.0
    return factors


def _mean_of(sums: tuple[Floats, Floats], one: Floats, two: Floats) -> Floats:
    """(r, c) weighted mean kernel values when blocks count as drawn."""
    total, weight = (np.einsum("rg,cgh,rh->rc", one, part, two, optimize=True) for part in sums)
    mean: Floats = total / np.where(weight > 0, weight, np.nan)
    return mean


def _squared_distances(first: Floats, second: Floats) -> Floats:
    # Distances do not depend on the origin, but what rounding leaves of them does.
    origin = first.mean(axis=0)
    one, two = first - origin, second - origin
    norms = np.square(one).sum(axis=1)[:, None] + np.square(two).sum(axis=1)[None, :]
    distances: Floats = np.maximum(norms - 2.0 * one @ two.T, 0.0)
    return distances


def _sides(source: npt.ArrayLike, target: npt.ArrayLike) -> tuple[Floats, Floats]:
    first = finite_array(source, name="the source features")
    check_shape(first, (-1, -1), name="the source features")
    second = finite_array(target, name="the target features")
    check_shape(second, (-1, first.shape[1]), name="the target features")
    for rows, name in ((first, "the source features"), (second, "the target features")):
        if len(rows) < 2:
            raise IsoglossError("E700", name=name, found=len(rows))
    return first, second
