"""Joint shares of predicted and true classes, and how they vary from sample to sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.stats

from isogloss.labelshift.checks import Floats, Integers
from isogloss.labelshift.prior_estimation import PriorEstimate
from isogloss.labelshift.projection import project_simplex
from isogloss.labelshift.rows import Bundles, make_bundles

# Bundles that are resampled: as many as fit into this many cells of (k, k), within bounds. More say
# nothing more about the spread of a mean.
_CELLS = 4_000_000
_FEWEST, _MOST = 50, 500
# What the share of a class may always differ by from the source's where label shift is refuted.
_LEAST_MOVE = 0.02


@dataclass(frozen=True, kw_only=True)
class JointCounts:
    """How often each class is predicted where another is true, by bundle of rows.

    Attributes:
        bundles: (b, k, k) counts or expected counts, `[., i, j]` of rows predicted i that are j.
    """

    bundles: Floats

    @property
    def total(self) -> Floats:
        """(k, k) over all bundles."""
        found: Floats = self.bundles.sum(axis=0)
        return found

    def resampled(self, times: Floats) -> Floats:
        """(draws, k, k) of bundles that are drawn (draws, b) times each."""
        count, size, _ = self.bundles.shape
        found: Floats = times @ self.bundles.reshape(count, -1)
        return found.reshape(len(times), size, size)


def bundle_rows(rows: int, groups: np.ndarray | None, *, num_classes: int, seed: int) -> Bundles:
    """Bundle rows by group, and groups at random where there are more than can be resampled.

    Args:
        rows: how many.
        groups: (rows,) integers, or None where all rows are independent.
        num_classes: k.
        seed: of the bundling of very many groups.
    """
    most = int(np.clip(_CELLS // num_classes**2, _FEWEST, _MOST))
    found = make_bundles(rows, groups, seed=seed, name="the groups")
    return Bundles(of_row=found.of_row % most, count=min(found.count, most))


def draw_bundles(count: int, draws: int, rng: np.random.Generator) -> Floats:
    """How often each bundle is drawn (draws, count), as many with replacement as there are."""
    return rng.multinomial(count, np.full(count, 1.0 / count), size=draws).astype(np.float64)


def joint_counts(
    predicted: Integers, truth: np.ndarray, bundles: Bundles, *, num_classes: int
) -> JointCounts:
    """Count rows by predicted class and by what they are.

    Args:
        predicted: (r,) classes in 0..k-1.
        truth: (r,) classes, or (r, k) probabilities of them.
        bundles: of the rows.
        num_classes: k.
    """
    count = bundles.count
    cells = bundles.of_row * num_classes + predicted
    if truth.ndim == 2:
        sums = Bundles(of_row=cells, count=count * num_classes).sums(truth)
    else:
        places = cells * num_classes + truth
        sums = np.bincount(places, minlength=count * num_classes**2).astype(np.float64)
    return JointCounts(bundles=sums.reshape(count, num_classes, num_classes))


def draw_priors(
    centre: Floats,
    estimate: PriorEstimate,
    seen: npt.NDArray[np.bool_],
    draws: int,
    rng: np.random.Generator,
) -> Floats:
    """Priors that an estimate allows.

    Shares are drawn from normal distributions of the interval's width, each by itself, and
    projected on the simplex of the classes that the source has. Where label shift is refuted, the
    interval is that of a fit that does not hold, and may say anything from 0 to 1; there no share
    varies by more than the share of the rows that are predicted so differs from the source's.

    Args:
        centre: (k,) prior to draw around.
        estimate: whose interval is taken.
        seen: (k,) which classes the source has.
        draws: how many.
        rng: of the draws.

    Returns:
        (draws, k) priors, 0 for a class without source rows.
    """
    width = estimate.interval[:, 1] - estimate.interval[:, 0]
    deviation = width / (2.0 * max(scipy.stats.norm.ppf(0.5 + estimate.level / 2.0), 1e-9))
    if not estimate.assumption_holds:
        predicted = np.asarray(estimate.diagnostics["predicted"])
        moved = np.abs(predicted - estimate.source_prior)
        deviation = np.minimum(deviation, np.maximum(moved, _LEAST_MOVE))
    noise = rng.standard_normal((draws, int(seen.sum()))) * deviation[seen]
    found = np.zeros((draws, len(seen)))
    found[:, seen] = project_simplex(centre[seen] + noise)
    return found
