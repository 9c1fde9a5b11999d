"""The target prior of greatest likelihood under label shift, and what every row adds to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from isogloss.labelshift.calibration import log_probabilities, parameters_of
from isogloss.labelshift.checks import Floats
from isogloss.labelshift.mixture import mixture_weights
from isogloss.labelshift.moments import (
    gather_moments,
    has_few_bundles,
    of_rows,
    statistics_of,
    tilted,
)
from isogloss.labelshift.rows import SourceRows, TargetRows

# Target rows' worth of the source prior that keep every share above 0.
_PSEUDO_ROWS = 0.5


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """The estimate with its influences, as in `Moments`.

    Attributes:
        prior: (k,) positive, sums to 1.
        source_influence: (bundles, k) what each source bundle adds to it.
        target_influence: (bundles, k) likewise; empty where there were too few bundles.
        stand_in: (k, k) covariance of the prior where there were, else 0.
    """

    prior: Floats
    source_influence: Floats
    target_influence: Floats
    stand_in: Floats


def likelihood_prior(source: SourceRows, target: TargetRows) -> Likelihood:
    """Maximise the likelihood of the target's calibrated probabilities.

    Args:
        source: labelled rows with their calibration.
        target: target rows.

    References:
        Saerens, Latinne & Decaestecker, Neural Computation 2002; with the calibration of
        Alexandari, Kundaje & Shrikumar, ICML 2020. Influences: Huber & Ronchetti, Robust
        Statistics, section 4.2, on the likelihood's and the calibration's first-order conditions.
    """
    densities = target.calibrated / source.prior
    prior = mixture_weights(densities, source.prior, pseudo_rows=_PSEUDO_ROWS)
    posterior = tilted(target.calibrated, source.prior, prior)
    rows = len(posterior)
    share = rows / (rows + _PSEUDO_ROWS)
    variability = np.diag(posterior.mean(axis=0)) - posterior.T @ posterior / rows
    # prior = mean posterior + pseudo-rows, so d log prior solves `sensitivity · x = disturbance`.
    sensitivity = np.diag(prior) - share * variability
    solve = scipy.linalg.pinv(sensitivity, rtol=1e-12) * prior[:, None]
    target_rows = target.bundles.sums(posterior - posterior.mean(axis=0)) / rows
    target_influence = share * target_rows @ solve.T
    stand_in = np.zeros_like(variability)
    if has_few_bundles(target):
        statistic, _ = statistics_of(source.prior, prior, ["tilted"])
        columns = np.eye(len(prior))
        moments = gather_moments(source, target, of_rows(statistic), columns, prior=prior)
        stand_in = share**2 * solve @ moments.stand_in @ solve.T
        target_influence = target_influence[:0]
    # A disturbance of source prior and biases moves every posterior alike.
    parameters = _parameter_influence(source)
    logs = log_probabilities(target.probabilities)
    scaled = np.diag((posterior * logs).mean(axis=0)) - posterior.T @ (posterior * logs) / rows
    by_parameter = np.hstack([scaled * source.calibration.scale, variability])
    one_hot = np.eye(len(prior))[source.labels]
    prior_rows = source.bundles.sums((one_hot - source.prior) / source.prior) / len(one_hot)
    moved = parameters @ by_parameter.T - prior_rows @ variability.T
    return Likelihood(
        prior=prior,
        source_influence=share * moved @ solve.T,
        target_influence=target_influence,
        stand_in=stand_in,
    )


def _parameter_influence(source: SourceRows) -> Floats:
    """What each source bundle adds to the calibration's (log scales, biases): (bundles, 2k)."""
    rows, size = source.calibrated.shape
    basis = parameters_of(source.kind, size)
    if basis.shape[1] == 0:
        return np.zeros((source.bundles.count, 2 * size))
    logs = log_probabilities(source.probabilities) * source.calibration.scale
    found = source.calibrated
    error = np.eye(size)[source.labels] - found
    score = source.bundles.sums(np.hstack([error * logs, error])) / rows
    # Second derivatives in (log scales, biases): the scores' rows are linear in the logits.
    weighted = found * logs
    logit = np.diag(found.mean(axis=0)) - found.T @ found / rows
    mixed = np.diag(weighted.mean(axis=0)) - weighted.T @ found / rows
    scales = np.diag((weighted * logs).mean(axis=0)) - weighted.T @ weighted / rows
    curvature = basis.T @ np.block([[scales, mixed], [mixed.T, logit]]) @ basis
    curvature += np.eye(len(curvature)) / rows
    return score @ basis @ np.linalg.inv(curvature) @ basis.T
