"""Class priors: checked, counted, and divided into importance weights."""

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
