"""From predictions to importance weights with an interval: the whole estimate in one call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt

from isogloss.labelshift.checks import Floats
from isogloss.labelshift.quadratic import solve_weights
from isogloss.labelshift.statistics import gather_statistics
from isogloss.labelshift.uncertainty import bootstrap_weights
from isogloss.labelshift.uncertainty import shrink as shrink_weights


@dataclass(frozen=True, kw_only=True)
class WeightEstimate:
    """Estimated importance weights and how sure they are.

    Attributes:
        weights: (k,) final weights, with `source_prior @ weights == 1`.
        prior: (k,) the target prior that they imply.
        interval: (k, 2) bounds of each class's target prior before shrinkage.
        shrinkage: share of the measured shift that is kept, in 0..1; 0 means all weights are 1.
        significant: whether the measured shift exceeds its own uncertainty.
        raw_weights: (k,) weights before shrinkage.
        source_prior: (k,) class shares of the source rows used.
    """

    weights: Floats
    prior: Floats
    interval: Floats
    shrinkage: float
    significant: bool
    raw_weights: Floats
    source_prior: Floats


def estimate_weights(
    source_probabilities: npt.ArrayLike,
    source_labels: npt.ArrayLike,
    target_probabilities: npt.ArrayLike,
    *,
    hard: bool = False,
    shrink: bool = True,
    level: float = 0.95,
    draws: int = 200,
    seed: int = 0,
    source_groups: npt.ArrayLike | None = None,
    target_groups: npt.ArrayLike | None = None,
) -> WeightEstimate:
    """Estimate the weights of the classes on a target without labels.

    Args:
        source_probabilities: (n, k) predicted on labelled source rows, best held out from training.
        source_labels: (n,) their classes in 0..k-1.
        target_probabilities: (m, k) predicted on target rows.
        hard: count argmax predictions (the paper) rather than average probabilities.
        shrink: shrink the weights towards 1 by their own uncertainty.
        level: coverage of the interval and confidence of the significance, in 0..1.
        draws: bootstrap resamples.
        seed: of the bootstrap.
        source_groups: (n,) integers; rows of one group (the words of a sentence) are resampled
            together.
        target_groups: (m,) integers, likewise.

    Returns:
        The estimate. A class without source rows has weight 1 and prior 0.

    Raises:
        IsoglossError: E400, E401, E403, E404, E405, E406, E407 as `bootstrap_weights`.

    References:
        Xian, Ji & Zhao, ICLR 2022, eq. 3.
    """
    statistics = gather_statistics(
        source_probabilities, source_labels, target_probabilities, hard=hard
    )
    source_prior = statistics.source_prior
    raw = solve_weights(statistics.confusion, statistics.target_mean, source_prior)
    bootstrap = bootstrap_weights(
        source_probabilities,
        source_labels,
        target_probabilities,
        hard=hard,
        draws=draws,
        level=level,
        seed=seed,
        source_groups=source_groups,
        target_groups=target_groups,
    )
    shrunk, kept = shrink_weights(raw, bootstrap.covariance, prior=source_prior, level=level)
    weights = shrunk if shrink else raw
    return WeightEstimate(
        weights=weights,
        prior=source_prior * weights,
        # A share of 1 can come out a rounding error above it.
        interval=bootstrap.interval.clip(0.0, 1.0),
        shrinkage=kept if shrink else 1.0,
        significant=kept > 0.0,
        raw_weights=raw,
        source_prior=source_prior,
    )
