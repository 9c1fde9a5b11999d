"""How far an estimated prior is from the true one, as the quantification literature names it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isogloss.labelshift.checks import Floats, check_range
from isogloss.labelshift.priors import check_prior


def total_variation(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Measure the distance between two priors, in 0..1.

    Args:
        first: (k,) prior.
        second: (k,) prior.

    Returns:
        Half the sum of absolute differences.

    Raises:
        IsoglossError: E400, E401, E402, E405 as `check_prior`.
    """
    one, two = _pair(first, second)
    return float(0.5 * np.abs(one - two).sum())


def prior_shift_correction(
    source_prior: npt.ArrayLike, estimate: npt.ArrayLike, target_prior: npt.ArrayLike
) -> float:
    """Score an estimated target prior: the share of the prior shift that it corrects.

    Args:
        source_prior: (k,) prior.
        estimate: (k,) estimated target prior.
        target_prior: (k,) true target prior.

    Returns:
        1 for a perfect estimate, 0 for one as far off as assuming no shift, below 0 for a worse
        one. Without a true shift: 1 where the estimate says so too, else minus infinity.

    Raises:
        IsoglossError: E400, E401, E402, E405 as `check_prior`.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 4.2.
    """
    shift = total_variation(source_prior, target_prior)
    error = total_variation(estimate, target_prior)
    if shift < 1e-12:
        return 1.0 if error < 1e-12 else float("-inf")
    return (shift - error) / shift


def absolute_error(truth: npt.ArrayLike, estimate: npt.ArrayLike) -> float:
    """Average the absolute errors of the shares (AE), in 0..2/k.

    Args:
        truth: (k,) true prior.
        estimate: (k,) estimated prior.

    Returns:
        `mean_j |p_j - p̂_j|`.

    Raises:
        IsoglossError: E400, E401, E402, E405 as `check_prior`.

    References:
        Sebastiani, Information Retrieval Journal 23 (2020), "Evaluation measures for
        quantification: an axiomatic approach": AE.
    """
    true, guess = _pair(truth, estimate)
    return float(np.abs(true - guess).mean())


def normalised_absolute_error(truth: npt.ArrayLike, estimate: npt.ArrayLike) -> float:
    """Divide the absolute error by the largest that the truth allows (NAE), in 0..1.

    Args:
        truth: (k,) true prior, k >= 2.
        estimate: (k,) estimated prior.

    Returns:
        `Σ_j |p_j - p̂_j| / (2 (1 - min_j p_j))`.

    Raises:
        IsoglossError: E400, E401, E402, E405 as `check_prior`.

    References:
        Sebastiani 2020: NAE.
    """
    true, guess = _pair(truth, estimate)
    return _quotient(float(np.abs(true - guess).sum()), 2.0 * (1.0 - float(true.min())))


def relative_absolute_error(truth: npt.ArrayLike, estimate: npt.ArrayLike, *, rows: int) -> float:
    """Average the errors of the shares relative to the true ones (RAE), at least 0.

    Args:
        truth: (k,) true prior.
        estimate: (k,) estimated prior.
        rows: n of the target set, at least 1. Both priors are smoothed by `1/(2n)` a class, so
            that an empty class counts like half a row rather than dividing by 0.

    Returns:
        `mean_j |p_j - p̂_j| / p_j` of the smoothed priors.

    Raises:
        IsoglossError: E400, E401, E402, E405 as `check_prior`, E407 for `rows`.

    References:
        Sebastiani 2020: RAE and its smoothing.
    """
    true, guess = _smooth_pair(truth, estimate, rows)
    return float((np.abs(true - guess) / true).mean())


def normalised_relative_absolute_error(
    truth: npt.ArrayLike, estimate: npt.ArrayLike, *, rows: int
) -> float:
    """Divide the relative absolute error by the largest that the truth allows (NRAE), in 0..1.

    Args:
        truth: (k,) true prior, k >= 2.
        estimate: (k,) estimated prior.
        rows: n of the target set, as for `relative_absolute_error`.

    Returns:
        `Σ_j (|p_j - p̂_j| / p_j) / (k - 1 + (1 - min_j p_j) / min_j p_j)` of the smoothed priors.

    Raises:
        IsoglossError: E400, E401, E402, E405 as `check_prior`, E407 for `rows`.

    References:
        Sebastiani 2020: NRAE.
    """
    true, guess = _smooth_pair(truth, estimate, rows)
    least = float(true.min())
    largest = true.size - 1 + (1.0 - least) / least
    return _quotient(float((np.abs(true - guess) / true).sum()), largest)


def kullback_leibler(truth: npt.ArrayLike, estimate: npt.ArrayLike, *, rows: int) -> float:
    """Measure what is lost by taking the estimate for the truth (KLD), in nats, at least 0.

    Args:
        truth: (k,) true prior.
        estimate: (k,) estimated prior.
        rows: n of the target set, as for `relative_absolute_error`.

    Returns:
        `Σ_j p_j log(p_j / p̂_j)` of the smoothed priors.

    Raises:
        IsoglossError: E400, E401, E402, E405 as `check_prior`, E407 for `rows`.

    References:
        Sebastiani 2020: KLD.
    """
    true, guess = _smooth_pair(truth, estimate, rows)
    return max(0.0, float(true @ np.log(true / guess)))


def normalised_kullback_leibler(
    truth: npt.ArrayLike, estimate: npt.ArrayLike, *, rows: int
) -> float:
    """Bring the Kullback-Leibler divergence into 0..1 by a logistic function (NKLD).

    Args:
        truth: (k,) true prior.
        estimate: (k,) estimated prior.
        rows: n of the target set, as for `relative_absolute_error`.

    Returns:
        `2 e^KLD / (e^KLD + 1) - 1`.

    Raises:
        IsoglossError: E400, E401, E402, E405 as `check_prior`, E407 for `rows`.

    References:
        Sebastiani 2020: NKLD.
    """
    # The same function, which cannot overflow.
    return float(np.tanh(0.5 * kullback_leibler(truth, estimate, rows=rows)))


def _pair(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Floats, Floats]:
    one = check_prior(first)
    return one, check_prior(second, num_classes=one.size)


def _smooth_pair(first: npt.ArrayLike, second: npt.ArrayLike, rows: int) -> tuple[Floats, Floats]:
    check_range(rows, 1, np.inf, name="rows")
    one, two = _pair(first, second)
    share = 0.5 / rows
    return (one + share) / (1.0 + share * one.size), (two + share) / (1.0 + share * two.size)


def _quotient(error: float, largest: float) -> float:
    """A normalised error; 0 for a single class, which leaves nothing to get wrong."""
    return error / largest if largest > 0 else 0.0
