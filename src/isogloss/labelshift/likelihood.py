"""The target prior of greatest likelihood under label shift, by expectation maximisation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from isogloss.labelshift.calibration import fit_calibration
from isogloss.labelshift.checks import Floats, Integers
from isogloss.labelshift.priors import check_prior
from isogloss.labelshift.uncertainty import row_counts

_ITERATIONS, _TOLERANCE = 1000, 1e-6
# Calibrations refitted for the interval; each serves several draws of the target.
_REFITS = 20


def expectation_maximization(
    probabilities: Floats, source_prior: npt.ArrayLike, *, counts: Floats | None = None
) -> Floats:
    """Maximum-likelihood target priors, for several weightings of the rows at once.

    Args:
        probabilities: (m, k) calibrated on the source, predicted on target rows.
        source_prior: (k,) the prior that they are calibrated for.
        counts: (draws, m) how often each row counts; one draw of every row once by default.

    Returns:
        (draws, k) priors. A class without source rows keeps 0.

    Raises:
        IsoglossError: E400, E401, E402 for an unusable prior.

    References:
        Saerens, Latinne & Decaestecker, Neural Computation 2002.
    """
    prior = check_prior(source_prior)
    times = np.ones((1, len(probabilities))) if counts is None else counts
    totals = times.sum(axis=1, keepdims=True)
    seen = prior > 0
    ratios = probabilities[:, seen] / prior[seen]
    estimate = np.repeat(prior[None, seen], len(times), axis=0)
    for _ in range(_ITERATIONS):
        mixture = np.maximum(estimate @ ratios.T, np.finfo(float).tiny)
        updated = estimate * ((times / mixture) @ ratios) / totals
        updated /= updated.sum(axis=1, keepdims=True)
        change = np.abs(updated - estimate).max()
        estimate = updated
        if change < _TOLERANCE:
            break
    priors = np.zeros((len(times), len(prior)))
    priors[:, seen] = estimate
    return priors


def likelihood_prior(source: Floats, labels: Integers, target: Floats) -> Floats:
    """The target prior (k,) by EM on probabilities calibrated on the source rows.

    Args:
        source: (n, k) predicted on labelled source rows, best held out from training.
        labels: (n,) their classes.
        target: (m, k) predicted on target rows.
    """
    prior = np.bincount(labels, minlength=source.shape[1]) / len(labels)
    calibrated = fit_calibration(source, labels)(target)
    return expectation_maximization(calibrated, prior)[0]


def bootstrap_likelihood(
    source: Floats,
    labels: Integers,
    target: Floats,
    *,
    draws: int,
    seed: int,
    source_groups: npt.ArrayLike | None = None,
    target_groups: npt.ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """Repeat `likelihood_prior` on resampled rows of both sides.

    Args:
        source: (n, k); with `labels` (n,).
        labels: classes in 0..k-1.
        target: (m, k).
        draws: number of resamples.
        seed: of the resampling.
        source_groups: (n,) integers; rows of one group are resampled together.
        target_groups: (m,) integers, likewise.

    Returns:
        Target priors (draws, k) and the source priors (draws, k) that they were measured from.
    """
    rng = np.random.default_rng(seed)
    refits = min(_REFITS, draws)
    sizes = np.bincount(np.arange(draws) % refits)
    targets, sources = [], []
    resampled = _each(row_counts(len(source), source_groups, draws=refits, rng=rng))
    for times, size in zip(resampled, sizes, strict=True):
        prior = np.bincount(labels, weights=times, minlength=source.shape[1]) / times.sum()
        calibrated = fit_calibration(source, labels, counts=times)(target)
        for counts in row_counts(len(target), target_groups, draws=int(size), rng=rng):
            targets.append(expectation_maximization(calibrated, prior, counts=counts))
            sources.append(np.repeat(prior[None], len(counts), axis=0))
    return np.concatenate(targets), np.concatenate(sources)


def _each(blocks: Iterator[Floats]) -> Iterator[Floats]:
    for block in blocks:
        yield from block
