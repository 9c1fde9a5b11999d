"""Predicted probabilities under another class balance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isogloss.labelshift.checks import (
    Floats,
    check_nonnegative,
    check_probabilities,
    check_shape,
    finite_array,
)


def correct(probabilities: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Turn predictions made under the source's class balance into those under the target's.

    Args:
        probabilities: (n, k) predicted, n >= 1; each row sums to 1.
        weights: (k,) importance weights, at least 0; a common factor changes nothing.

    Returns:
        (n, k) float64 rows `p_j w_j / Σ_i p_i w_i`. A row with nothing but classes of weight 0 is
        left as it is.

    Raises:
        IsoglossError: E400, E401, E404, E405 or E406 for unusable probabilities, E400, E401 or E405
            for unusable weights.

    References:
        Saerens, Latinne & Decaestecker, Neural Computation 14 (2002), eq. 2.4.
    """
    rows = check_probabilities(probabilities, name="the probabilities")
    factors = check_weights(weights, num_classes=rows.shape[1])
    return reweigh(rows, factors / max(factors.max(), np.finfo(float).tiny))


def reweigh(rows: Floats, factors: Floats) -> Floats:
    """Multiply rows (n, k) by (k,) factors, and make each sum to 1.

    A row with nothing but classes of factor 0 is left as it is.
    """
    weighted = rows * factors
    totals = weighted.sum(axis=1, keepdims=True)
    usable = totals > 0
    reweighed: Floats = np.where(usable, weighted / np.where(usable, totals, 1.0), rows)
    return reweighed


def check_weights(weights: npt.ArrayLike, *, num_classes: int) -> Floats:
    """Return importance weights as float64, refusing unusable ones.

    Args:
        weights: (k,) numbers of at least 0.
        num_classes: k.

    Returns:
        (k,) float64.

    Raises:
        IsoglossError: E400 for NaN or infinity, E401 for a negative weight, E405 for another shape.
    """
    array = finite_array(weights, name="the weights")
    check_shape(array, (num_classes,), name="the weights")
    check_nonnegative(array, name="the weights")
    return array
