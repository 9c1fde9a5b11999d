"""Class priors, the distance between them, and how much of a shift an estimate corrects."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import (
    Floats,
    check_labels,
    check_nonnegative,
    check_shape,
    finite_array,
)

# Priors often arrive in float32.
_SUM_TOLERANCE = 1e-5


def check_prior(prior: npt.ArrayLike, *, name: str = "the prior", num_classes: int = -1) -> Floats:
    """Return a class prior as float64, summing to exactly one.

    Args:
        prior: (k,) shares, nonnegative, summing to 1 within 1e-5.
        name: what to call it in a message.
        num_classes: k where it is known, else -1.

    Returns:
        (k,) float64.

    Raises:
        IsoglossError: E400 for NaN or infinity, E401 for a negative share, E402 unless it sums to
            1, E405 for another shape.
    """
    array = finite_array(prior, name=name)
    check_shape(array, (num_classes,), name=name)
    check_nonnegative(array, name=name)
    total = float(array.sum())
    if abs(total - 1.0) > _SUM_TOLERANCE:
        raise IsoglossError("E402", name=name, total=round(total, 6))
    return array / total


def class_prior(labels: npt.ArrayLike, num_classes: int) -> Floats:
    """Count the classes.

    Args:
        labels: (n,) label ids in 0..num_classes-1, n >= 1.
        num_classes: k.

    Returns:
        (k,) shares; 0 for a class that does not occur.

    Raises:
        IsoglossError: E403 for an id outside, E404 without labels, E405 unless one-dimensional.
    """
    ids = check_labels(labels, num_classes)
    return np.bincount(ids, minlength=num_classes) / ids.size


def importance_weights(target_prior: npt.ArrayLike, source_prior: npt.ArrayLike) -> Floats:
    """Divide a target prior by a source prior.

    A class that the source does not have gets weight 1: it has no source rows to weigh. Its target
    share is lost to the constraint, so the other weights are scaled up to keep `p_S·w = 1`.

    Args:
        target_prior: (k,) prior.
        source_prior: (k,) prior.

    Returns:
        (k,) weights with `source_prior @ w == 1`, all 1 where the two share no class.

    Raises:
        IsoglossError: E400, E401, E402, E405 as `check_prior`.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 3: `w_j = p_T(j) / p_S(j)`.
    """
    source = check_prior(source_prior, name="the source prior")
    target = check_prior(target_prior, name="the target prior", num_classes=source.size)
    seen = source > 0
    shared = float(target[seen].sum())
    weights = np.ones_like(source)
    if shared > 0:
        weights[seen] = target[seen] / shared / source[seen]
    return weights


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
    one = check_prior(first)
    two = check_prior(second, num_classes=one.size)
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
