"""Importance weights of many targets against one source, in one solution where that is possible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.linalg

from isogloss.labelshift.checks import Floats, check_shape, finite_array
from isogloss.labelshift.priors import check_prior
from isogloss.labelshift.quadratic import solve_weights

# As in `quadratic`: singular values below this share of the largest are rounding, not evidence.
_RANK_TOLERANCE = 1e-10


def solve_many_weights(
    confusion: npt.ArrayLike, target_means: npt.ArrayLike, prior: npt.ArrayLike
) -> Floats:
    """Solve the label-shift equation of every target as `solve_weights` does.

    Without the sign constraint the weights are a linear function of the target's mean prediction,
    so all are found at once; only targets that it gives a negative weight are solved alone.

    Args:
        confusion: C (k, k), `C[i, j] = P_S(prediction = i, label = j)`.
        target_means: (m, k), each the mean prediction of a target.
        prior: (k,) source prior.

    Returns:
        (m, k), each row as `solve_weights` gives it.

    Raises:
        IsoglossError: E400, E401, E402, E405 for unusable statistics.

    References:
        Xian, Ji & Zhao, ICLR 2022, eq. 3.
    """
    shares = check_prior(prior)
    matrix = finite_array(confusion, name="the confusion matrix")
    check_shape(matrix, (shares.size, shares.size), name="the confusion matrix")
    means = finite_array(target_means, name="the target means")
    check_shape(means, (-1, shares.size), name="the target means")
    weights = _without_signs(matrix, means, shares)
    alone = np.arange(len(means)) if weights is None else np.flatnonzero(weights.min(axis=1) < 0)
    out = np.ones_like(means) if weights is None else weights
    for index in alone:
        out[index] = solve_weights(matrix, means[index], shares)
    return out


def _without_signs(matrix: Floats, means: Floats, shares: Floats) -> Floats | None:
    """(m, k) minimisers under `prior·w = 1` alone, or None where they are not unique."""
    if (shares <= 0).any():
        return None
    # Directions that keep `prior·w`; all ones is on the constraint set.
    basis = scipy.linalg.null_space(shares[None, :])
    system = matrix @ basis
    values = np.linalg.svd(system, compute_uv=False)
    if values.size and values[-1] <= _RANK_TOLERANCE * np.linalg.norm(matrix):
        return None
    residual = means - matrix.sum(axis=1)
    found: Floats = 1.0 + residual @ np.linalg.pinv(system).T @ basis.T
    return found
