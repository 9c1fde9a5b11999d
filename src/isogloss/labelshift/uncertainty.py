"""How far estimated importance weights can be trusted: bootstrap and shrinkage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.special

from isogloss.labelshift.checks import (
    Floats,
    Integers,
    check_labels,
    check_probabilities,
    check_range,
    check_shape,
    finite_array,
)
from isogloss.labelshift.priors import check_prior
from isogloss.labelshift.quadratic import solve_weights
from isogloss.labelshift.statistics import harden

# Rows times draws that are weighted at once, which bounds the memory (float64).
_BLOCK = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """The estimate repeated on resampled rows.

    Attributes:
        weights: (draws, k) importance weights.
        priors: (draws, k) target priors.
        interval: (k, 2) lower and upper bound of each class's target prior (percentiles).
        covariance: (k, k) of the weights.
    """

    weights: Floats
    priors: Floats
    interval: Floats
    covariance: Floats


def bootstrap_weights(
    source_probabilities: npt.ArrayLike,
    source_labels: npt.ArrayLike,
    target_probabilities: npt.ArrayLike,
    *,
    hard: bool,
    draws: int = 200,
    level: float = 0.95,
    seed: int = 0,
    source_groups: npt.ArrayLike | None = None,
    target_groups: npt.ArrayLike | None = None,
) -> Bootstrap:
    """Resample both sides and solve for the weights each time.

    Args:
        source_probabilities: (n, k) predicted on labelled source rows.
        source_labels: (n,) their classes in 0..k-1.
        target_probabilities: (m, k) predicted on target rows.
        hard: count argmax predictions rather than average probabilities.
        draws: number of resamples, at least 2.
        level: coverage of the interval, in 0..1.
        seed: of the resampling.
        source_groups: (n,) integers; rows of one group (the words of a sentence) stay together.
        target_groups: (m,) integers, likewise.

    Returns:
        The draws, their percentile interval and covariance. A class that a draw happens to leave
        without source rows has weight 1 and prior 0 in it.

    Raises:
        IsoglossError: E400, E401, E403, E404, E405, E406 for unusable rows, E407 for `draws` or
            `level` outside their range.

    References:
        Efron & Tibshirani, An Introduction to the Bootstrap, ch. 13.
    """
    check_range(draws, 2, np.inf, name="draws")
    check_range(level, 0.0, 1.0, name="level")
    rng = np.random.default_rng(seed)
    source = check_probabilities(source_probabilities, name="the source probabilities")
    num_classes = source.shape[1]
    target = check_probabilities(
        target_probabilities, name="the target probabilities", num_classes=num_classes
    )
    labels = check_labels(source_labels, num_classes, name="the source labels")
    check_shape(labels, (len(source),), name="the source labels")

    confusions = _resample(source, labels, source_groups, hard=hard, draws=draws, rng=rng)
    unlabelled = np.zeros(len(target), dtype=np.int64)
    means = _resample(target, unlabelled, target_groups, hard=hard, draws=draws, rng=rng)
    confusions = np.pad(confusions, ((0, 0), (0, 0), (0, num_classes - confusions.shape[2])))
    source_priors = confusions.sum(axis=1)
    weights = np.stack(
        [
            solve_weights(confusion, mean[:, 0], prior)
            for confusion, mean, prior in zip(confusions, means, source_priors, strict=True)
        ]
    )
    priors = source_priors * weights
    bounds = np.quantile(priors, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return Bootstrap(
        weights=weights,
        priors=priors,
        interval=bounds.T,
        covariance=np.atleast_2d(np.cov(weights, rowvar=False)),
    )


def shrink(
    weights: npt.ArrayLike,
    covariance: npt.ArrayLike,
    *,
    prior: npt.ArrayLike,
    level: float = 0.95,
) -> tuple[Floats, float]:
    """Shrink weights towards 1 by as much as their own uncertainty explains of their shift.

    Measured on the target prior, `Σ_j (prior_j (w_j - 1))²`, so that a rare class's noisy weight
    does not drown the rest, noise alone adds the trace of its covariance to the squared length of
    the shift. The positive part of what exceeds it is kept. Where the length is
    within what noise reaches at `level` (a Satterthwaite approximation), nothing is kept, so small
    noisy shifts fall back to no shift at all.

    Args:
        weights: (k,) estimated weights with `prior @ weights == 1`.
        covariance: (k, k) of the estimate.
        prior: (k,) source prior.
        level: confidence that a shift needs to count, in 0..1.

    Returns:
        The shrunk weights (k,), and the share of the shift that is kept, in 0..1: exactly 0 (and
        all weights exactly 1) where no shift is significant.

    Raises:
        IsoglossError: E400, E401, E402, E405 for unusable arrays, E407 for the level.

    References:
        James & Stein, 1961 (positive part, in its unbiased-risk form); Satterthwaite, 1946.
    """
    check_range(level, 0.0, 1.0, name="level")
    shares = check_prior(prior)
    estimate = finite_array(weights, name="the weights")
    check_shape(estimate, shares.shape, name="the weights")
    spread = finite_array(covariance, name="the covariance")
    check_shape(spread, (shares.size, shares.size), name="the covariance")

    shift = estimate - 1.0
    length = float((shares * shift) @ (shares * shift))
    noise = spread * np.outer(shares, shares)
    expected = float(np.trace(noise))
    threshold = max(_noise_quantile(noise, level), np.finfo(float).eps)
    kept = 0.0 if length <= threshold else max(0.0, 1.0 - expected / length)
    return 1.0 + kept * shift, kept


def _noise_quantile(noise: Floats, level: float) -> float:
    """Quantile of `|e|²` for normal `e` with covariance `noise`: a matched scaled chi-square."""
    mean, half_variance = float(np.trace(noise)), float((noise**2).sum())
    if mean <= 0.0 or half_variance <= 0.0:
        return 0.0
    degrees = mean**2 / half_variance
    return mean / degrees * 2.0 * float(scipy.special.gammaincinv(degrees / 2.0, level))


def _resample(
    probabilities: Floats,
    labels: Integers,
    groups: npt.ArrayLike | None,
    *,
    hard: bool,
    draws: int,
    rng: np.random.Generator,
) -> Floats:
    """Joint shares of (prediction, label) in every resample: (draws, k, largest label + 1)."""
    num_rows, num_classes = probabilities.shape
    num_labels = int(labels.max()) + 1
    rows = harden(probabilities) if hard else probabilities
    if hard and groups is None:
        # Only cell counts matter, and resampled counts are multinomial: no row need be drawn.
        cells = rows.argmax(axis=1) * num_labels + labels
        shares = np.bincount(cells, minlength=num_classes * num_labels) / num_rows
        drawn = rng.multinomial(num_rows, shares, size=draws)
        return drawn.reshape(draws, num_classes, num_labels) / num_rows
    members = [np.flatnonzero(labels == label) for label in range(num_labels)]
    blocks = []
    for counts in row_counts(num_rows, groups, draws=draws, rng=rng):
        columns = [counts[:, rows_of] @ rows[rows_of] for rows_of in members]
        blocks.append(np.stack(columns, axis=2) / counts.sum(axis=1)[:, None, None])
    return np.concatenate(blocks)


def row_counts(
    num_rows: int, groups: npt.ArrayLike | None, *, draws: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """Yield how often each row is in each resample, (block of draws, num_rows)."""
    group_of = np.arange(num_rows) if groups is None else np.asarray(groups)
    check_shape(group_of, (num_rows,), name="the groups")
    names, row_group = np.unique(group_of, return_inverse=True)
    size = len(names)
    per_block = max(1, _BLOCK // num_rows)
    for start in range(0, draws, per_block):
        drawn = np.stack(
            [
                np.bincount(rng.integers(0, size, size), minlength=size)
                for _ in range(min(per_block, draws - start))
            ]
        )
        yield drawn.astype(np.float64)[:, row_group]
