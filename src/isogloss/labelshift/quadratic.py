"""The importance weights that best explain the target's predictions: an exact quadratic program."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.optimize

from isogloss.labelshift.checks import (
    Floats,
    check_choice,
    check_range,
    check_shape,
    finite_array,
)
from isogloss.labelshift.priors import check_prior
from isogloss.labelshift.statistics import check_confusion

# Singular values below this share of the largest are rounding, not evidence.
_RANK_TOLERANCE = 1e-10
# How far below zero rounding may leave a weight whose true value is zero.
_SIGN_TOLERANCE = 1e-12


def solve_weights(
    confusion: npt.ArrayLike,
    target_mean: npt.ArrayLike,
    prior: npt.ArrayLike,
    *,
    ridge: float = 0.0,
    center: npt.ArrayLike | None = None,
    metric: str = "prior",
) -> Floats:
    """Solve `argmin_w 1/2 w'(C'C)w - (C'mu)'w` subject to `w >= 0` and `prior·w = 1`.

    With `ridge`, `ridge/2 Σ_j prior_j (w_j - center_j)²` is added. Where the statistics leave
    several best answers (a class that is never predicted, two classes that are predicted alike, a
    class of the prior without rows in C), the one nearest to `center` in that same metric is
    returned. A class with prior 0 keeps weight 1.

    Args:
        confusion: C (k, k), `C[i, j] = P_S(prediction = i, label = j)`.
        target_mean: mu (k,), `mu[i] = P_T(prediction = i)`.
        prior: (k,) source prior.
        ridge: strength of the pull towards `center`, at least 0.
        center: (k,) weights to prefer; all ones (no shift) by default.
        metric: of the ridge and of "nearest": "prior" as above, or "euclidean",
            `Σ_j (w_j - center_j)²`.

    Returns:
        w (k,), finite, nonnegative, with `prior @ w == 1` up to rounding.

    Raises:
        IsoglossError: E400, E401, E402, E405 for unusable statistics, E407 for a negative ridge,
            E409 for another metric.

    References:
        Xian, Ji & Zhao, ICLR 2022, eq. 3; Lawson & Hanson, Solving Least Squares Problems, ch. 23.
    """
    matrix, mean = check_confusion(confusion, target_mean)
    shares = check_prior(prior, num_classes=mean.size)
    check_range(ridge, 0.0, np.inf, name="ridge")
    preferred = np.ones_like(shares) if center is None else finite_array(center, name="center")
    check_shape(preferred, shares.shape, name="center")

    check_choice(metric, ("prior", "euclidean"), name="metric")
    seen = shares > 0
    # In v = scale w the metric is Euclidean and the constraint is root·v = 1, |root| = 1.
    scale = np.sqrt(shares[seen])
    if metric == "euclidean":
        scale = np.full_like(scale, float(np.linalg.norm(shares[seen])))
        ridge /= float(scale[0]) ** 2
    solution = _solve_scaled(
        matrix[:, seen] / scale,
        mean - matrix[:, ~seen].sum(axis=1),
        root=shares[seen] / scale,
        center=preferred[seen] * scale,
        ridge=ridge,
    )
    weights = np.ones_like(shares)
    weights[seen] = solution / scale
    return weights


def _solve_scaled(
    matrix: Floats, mean: Floats, *, root: Floats, center: Floats, ridge: float
) -> Floats:
    """Minimise `|matrix v - mean|² + ridge |v - center|²` over `v >= 0`, `root·v = 1`."""
    free, unique = _solve_without_signs(matrix, mean, root=root, center=center, ridge=ridge)
    if free.min() >= -_SIGN_TOLERANCE:
        return _feasible(free, root)
    bounded = _solve_with_signs(matrix, mean, root=root, center=center, ridge=ridge)
    if not unique:
        bounded = _nearest_equivalent(bounded, matrix, root=root, center=center)
    return _feasible(bounded, root)


def _solve_without_signs(
    matrix: Floats, mean: Floats, *, root: Floats, center: Floats, ridge: float
) -> tuple[Floats, bool]:
    """Solve under `root·v = 1` alone: the answer nearest to `center`, and whether it is unique."""
    start = center + root * (1.0 - root @ center)
    # The columns lose their part along `root`, so the step can only move across the constraint.
    tangent = matrix - np.outer(matrix @ root, root)
    if np.linalg.norm(tangent) <= _RANK_TOLERANCE * np.linalg.norm(matrix):
        tangent = np.zeros_like(tangent)
    residual = mean - matrix @ start
    if ridge > 0:
        tangent = np.vstack([tangent, np.sqrt(ridge) * np.eye(root.size)])
        residual = np.concatenate([residual, np.zeros(root.size)])
    step, _, rank, _ = scipy.linalg.lstsq(
        tangent, residual, cond=_RANK_TOLERANCE, lapack_driver="gelsy", check_finite=False
    )
    return start + step, ridge > 0 or int(rank) >= root.size - 1


def _solve_with_signs(
    matrix: Floats, mean: Floats, *, root: Floats, center: Floats, ridge: float
) -> Floats:
    """Solve under both constraints by nonnegative least squares.

    On `root·v = 1` the objective is `|M v|²` with `M = matrix - mean root'` (and the ridge rows
    likewise). For y = s v, min over s of `|M y|² + (root·y - 1)²` is `|Mv|² / (1 + |Mv|²)`, which
    grows with `|Mv|²`: the minimiser's direction is the constrained answer, with no penalty weight.
    """
    rows = [matrix - np.outer(mean, root)]
    if ridge > 0:
        rows.append(np.sqrt(ridge) * (np.eye(root.size) - np.outer(center, root)))
    system = np.vstack([*rows, root[None, :]])
    goal = np.zeros(system.shape[0])
    goal[-1] = 1.0
    return _feasible(_nonnegative_least_squares(system, goal), root)


def _nearest_equivalent(
    solution: Floats, matrix: Floats, *, root: Floats, center: Floats
) -> Floats:
    """Move among the answers that explain the statistics equally well to the one nearest `center`.

    Least-distance programming: with an orthonormal basis N of the directions that change nothing,
    `min |u|` subject to `N u >= -(solution + N t0)` is a nonnegative least-squares problem.
    """
    directions = scipy.linalg.null_space(np.vstack([matrix, root]), rcond=_RANK_TOLERANCE)
    moved = solution + directions @ (directions.T @ (center - solution))
    system = np.vstack([directions.T, -moved])
    goal = np.zeros(system.shape[0])
    goal[-1] = 1.0
    residual = system @ _nonnegative_least_squares(system, goal) - goal
    return moved - directions @ (residual[:-1] / residual[-1])


def _nonnegative_least_squares(system: Floats, goal: Floats) -> Floats:
    return scipy.optimize.nnls(system, goal, maxiter=100 * system.shape[1])[0]


def _feasible(solution: Floats, root: Floats) -> Floats:
    clipped = np.maximum(solution, 0.0)
    return clipped / (root @ clipped)
