"""The estimators of the literature that match predictions: BBSE, RLLS, kernel mean matching."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.optimize

from isogloss.labelshift.checks import Floats
from isogloss.labelshift.fit import Fit, fit_from_match
from isogloss.labelshift.matching import match_plainly
from isogloss.labelshift.moments import gather_moments, of_rows, statistics_of
from isogloss.labelshift.quadratic import solve_weights
from isogloss.labelshift.rows import SourceRows, TargetRows
from isogloss.labelshift.statistics import gather_statistics

# The published code scales its bound by this, and holds with probability 1 minus that.
_RLLS_SCALE, _RLLS_FAILURE = 0.01, 0.05
_WEAKEST_RIDGE, _STRONGEST_RIDGE = 1e-12, 1e4
# Random frequencies of the kernel's features, and rows that its width is measured on.
_FREQUENCIES, _WIDTH_ROWS = 150, 500


def bbse_fit(source: SourceRows, target: TargetRows, *, hard: bool) -> Fit:
    """Black-box shift estimation: the weights that best explain the mean prediction.

    Args:
        source: labelled rows.
        target: target rows.
        hard: predicted classes instead of probabilities.

    References:
        Lipton, Wang & Smola, ICML 2018 (hard); Garg et al., NeurIPS 2020 (soft); as the exact
        quadratic program of Xian, Ji & Zhao, ICLR 2022, eq. 3.
    """
    confusion, mean = _confusion(source, target, hard=hard)
    weights = solve_weights(confusion, mean, source.prior)
    return _fit_at(weights * source.prior, source, target, hard=hard)


def rlls_fit(source: SourceRows, target: TargetRows) -> Fit:
    """Regularised learning under label shifts: `w = 1 + θ`, `min |Cθ - (mu - C1)| + Δ |θ|`.

    Δ is 0.01 of the bound of the paper, as in its code. Norms that are not squared have the same
    minimisers as squared ones under some other weight, so the best of those is sought.

    Args:
        source: labelled rows.
        target: target rows.

    References:
        Azizzadenesheli et al., ICLR 2019, eq. 6 and theorem 1.
    """
    confusion, mean = _confusion(source, target, hard=False)
    rows, size = len(source.labels), len(source.prior)
    log_term = np.log(2 * size / _RLLS_FAILURE)
    bound = 3.0 * (2.0 * log_term / (3.0 * rows) + np.sqrt(2.0 * log_term / rows))
    gap = mean - confusion.sum(axis=1)

    def weights_at(log_ridge: float) -> Floats:
        ridge = float(np.exp(log_ridge))
        return solve_weights(confusion, mean, source.prior, ridge=ridge, metric="euclidean")

    def objective(log_ridge: float) -> float:
        change = weights_at(log_ridge) - 1.0
        misfit = float(np.linalg.norm(confusion @ change - gap))
        return misfit + _RLLS_SCALE * bound * float(np.linalg.norm(change))

    weakest, strongest = float(np.log(_WEAKEST_RIDGE)), float(np.log(_STRONGEST_RIDGE))
    found = scipy.optimize.minimize_scalar(objective, bounds=(weakest, strongest), method="bounded")
    best = min((float(found.x), weakest, strongest), key=objective)
    weights = weights_at(best)
    fit = _fit_at(weights * source.prior, source, target, hard=False)
    # What the penalty does to the shift it does to the noise.
    whole = float(np.linalg.norm(weights_at(weakest) - 1.0))
    kept = float(np.linalg.norm(weights - 1.0)) / whole if whole > 0 else 0.0
    return fit.widened(min(1.0, kept) ** 2)


def kernel_fit(source: SourceRows, target: TargetRows, *, seed: int) -> Fit:
    """Kernel mean matching: the mixture of class-conditional distributions nearest to the target's.

    Distributions of the features where both sides have them, else of the calibrated probabilities,
    are compared by a Gaussian kernel of the median width, through random Fourier features. It needs
    no classifier that is right, and weighs no statistic by how exactly it is known.

    Args:
        source: labelled rows.
        target: target rows.
        seed: of the frequencies.

    References:
        Dussap, Blanchard & Chérief-Abdellatif, ECML 2023 (distribution feature matching);
        Rahimi & Recht, NeurIPS 2007.
    """
    both = source.features is not None and target.features is not None
    inputs = source.features if both else source.calibrated
    assert inputs is not None
    rng = np.random.default_rng(seed)
    sample = inputs[rng.permutation(len(inputs))[:_WIDTH_ROWS]]
    distances = np.sqrt(np.maximum(_squared_distances(sample), 0.0))
    width = float(np.median(distances[distances > 0])) if (distances > 0).any() else 1.0
    frequencies = rng.standard_normal((inputs.shape[1], _FREQUENCIES)) / width

    def statistic(side: SourceRows | TargetRows, rows: slice) -> Floats:
        values = side.features if both else side.calibrated
        assert values is not None
        angles = values[rows] @ frequencies
        return np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / np.sqrt(_FREQUENCIES)

    basis = np.eye(2 * _FREQUENCIES)
    moments = gather_moments(source, target, statistic, basis, prior=source.prior)
    found = match_plainly(moments, source.prior)
    # Again, for the noise of the source as the estimate weighs its classes.
    moments = gather_moments(source, target, statistic, basis, prior=found.prior)
    return fit_from_match(moments, found, width=width)


def _confusion(source: SourceRows, target: TargetRows, *, hard: bool) -> tuple[Floats, Floats]:
    """C (k, k) and mu (k,) of the predictions."""
    rows = [side.probabilities if hard else side.calibrated for side in (source, target)]
    found = gather_statistics(rows[0], source.labels, rows[1], hard=hard)
    return found.confusion, found.target_mean


def _fit_at(prior: Floats, source: SourceRows, target: TargetRows, *, hard: bool) -> Fit:
    """A prior with the influences of predictions on it; it weighs the source's noise."""
    statistic, _ = statistics_of(source.prior, source.prior, ["hard" if hard else "calibrated"])
    basis = np.eye(len(prior))
    moments = gather_moments(source, target, of_rows(statistic), basis, prior=prior)
    return replace(fit_from_match(moments, match_plainly(moments, source.prior)), prior=prior)


def _squared_distances(rows: Floats) -> Floats:
    lengths = (rows**2).sum(axis=1)
    found: Floats = lengths[:, None] + lengths - 2.0 * rows @ rows.T
    return found
