"""From predictions to importance weights with an interval: the whole estimate in one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.labelshift.checks import Floats, check_choice, check_range
from isogloss.labelshift.likelihood import bootstrap_likelihood, likelihood_prior
from isogloss.labelshift.priors import importance_weights
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


METHODS = ("quadratic", "likelihood")


def estimate_weights(
    source_probabilities: npt.ArrayLike,
    source_labels: npt.ArrayLike,
    target_probabilities: npt.ArrayLike,
    *,
    method: str = "quadratic",
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
        method: "quadratic" (the weights that best explain the target's mean prediction by the
            confusion matrix) or "likelihood" (EM on calibrated probabilities: the better one where
            label shift holds exactly, the worse one where features shift too).
        hard: for "quadratic": count argmax predictions (the paper), not average probabilities.
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
        IsoglossError: E400, E401, E403, E404, E405, E406, E407 as `bootstrap_weights`; E409 for
            another method.

    References:
        Saerens et al., 2002, with the calibration of Alexandari et al., 2020; Xian, Ji & Zhao,
        ICLR 2022, eq. 3.
    """
    check_choice(method, METHODS, name="method")
    statistics = gather_statistics(
        source_probabilities, source_labels, target_probabilities, hard=hard
    )
    source_prior = statistics.source_prior
    groups: Any = {"source_groups": source_groups, "target_groups": target_groups}
    if method == "quadratic":
        raw = solve_weights(statistics.confusion, statistics.target_mean, source_prior)
        rows = source_probabilities, source_labels, target_probabilities
        priors = bootstrap_weights(*rows, hard=hard, draws=draws, seed=seed, **groups).priors
    else:
        check_range(draws, 2, np.inf, name="draws")
        source, labels, target = (
            np.asarray(source_probabilities, dtype=np.float64),
            np.asarray(source_labels),
            np.asarray(target_probabilities, dtype=np.float64),
        )
        raw = importance_weights(likelihood_prior(source, labels, target), source_prior)
        priors, _ = bootstrap_likelihood(source, labels, target, draws=draws, seed=seed, **groups)
    return _with_uncertainty(raw, priors, source_prior, shrink=shrink, level=level)


def _with_uncertainty(
    raw: Floats, priors: Floats, source_prior: Floats, *, shrink: bool, level: float
) -> WeightEstimate:
    """The estimate with interval and shrinkage from resampled target priors (draws, k)."""
    check_range(level, 0.0, 1.0, name="level")
    resampled = np.stack([importance_weights(prior, source_prior) for prior in priors])
    covariance = np.atleast_2d(np.cov(resampled, rowvar=False))
    shrunk, kept = shrink_weights(raw, covariance, prior=source_prior, level=level)
    weights = shrunk if shrink else raw
    bounds = np.quantile(priors, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return WeightEstimate(
        weights=weights,
        prior=source_prior * weights,
        # A share of 1 can come out a rounding error above it.
        interval=bounds.T.clip(0.0, 1.0),
        shrinkage=kept if shrink else 1.0,
        significant=kept > 0.0,
        raw_weights=raw,
        source_prior=source_prior,
    )
