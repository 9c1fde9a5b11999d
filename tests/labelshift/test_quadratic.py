"""The quadratic program: exact on exact statistics, optimal on noisy ones, defined on singular."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize

from isogloss.errors import IsoglossError
from isogloss.labelshift.measures import total_variation
from isogloss.labelshift.quadratic import solve_weights


def _problem(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a confusion matrix and its prior; predictions are better than chance."""
    prior = rng.dirichlet(np.ones(size))
    noise = rng.uniform(0.1, 0.8)
    conditional = noise * rng.dirichlet(np.ones(size), size).T + (1 - noise) * np.eye(size)
    return conditional * prior, prior


def _optimality_gap(
    confusion: np.ndarray, mean: np.ndarray, prior: np.ndarray, weights: np.ndarray
) -> float:
    """Largest violation of the Karush-Kuhn-Tucker conditions, in the metric of the prior."""
    root = np.sqrt(prior)
    gradient = confusion.T @ (confusion @ weights - mean) / root
    scaled = weights * root
    multipliers = gradient - (gradient @ scaled) * root
    return max(-multipliers.min(), np.abs(multipliers * scaled).max(), abs(prior @ weights - 1.0))


def test_exact_statistics_give_the_exact_prior() -> None:
    """Fault 1: on 1,000 random problems the target prior is recovered."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(1000):
        size = int(rng.integers(2, 41))
        confusion, prior = _problem(rng, size)
        target = rng.dirichlet(np.full(size, rng.choice([0.1, 1.0])))
        weights = solve_weights(confusion, confusion @ (target / prior), prior)
        worst = max(worst, total_variation(prior * weights, target))
    assert worst < 1e-9


def test_no_shift_gives_weights_of_one() -> None:
    rng = np.random.default_rng(1)
    for size in (2, 5, 17):
        confusion, prior = _problem(rng, size)
        weights = solve_weights(confusion, confusion.sum(axis=1), prior)
        np.testing.assert_allclose(weights, 1.0, atol=1e-9)


def test_the_linear_term_is_transposed() -> None:
    """Fault 1: a program with `C mu` in place of `C' mu` misses even the absence of a shift."""
    confusion = np.array([[0.45, 0.20], [0.05, 0.30]])
    mean, prior = confusion.sum(axis=1), confusion.sum(axis=0)

    def objective(weights: np.ndarray, linear: np.ndarray) -> float:
        return float(0.5 * weights @ confusion.T @ confusion @ weights - linear @ weights)

    grid = np.linspace(0.0, 1.0, 20001)
    candidates = np.stack([grid / prior[0], (1 - grid) / prior[1]], axis=1)
    right = min(candidates, key=lambda w: objective(w, confusion.T @ mean))
    wrong = min(candidates, key=lambda w: objective(w, confusion @ mean))
    solved = solve_weights(confusion, mean, prior)
    np.testing.assert_allclose(solved, right, atol=1e-3)
    np.testing.assert_allclose(solved, 1.0, atol=1e-12)
    assert np.abs(solved - wrong).max() > 0.3


@pytest.mark.parametrize("singular", [False, True])
def test_noisy_statistics_are_solved_to_optimality(singular: bool) -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        size = int(rng.integers(2, 25))
        confusion, prior = _problem(rng, size)
        if singular:
            confusion[0] += confusion[size - 1]
            confusion[size - 1] = 0.0
        mean = rng.dirichlet(np.full(size, 0.5))
        weights = solve_weights(confusion, mean, prior)
        assert weights.min() >= 0.0
        assert _optimality_gap(confusion, mean, prior, weights) < 1e-10


def test_a_general_solver_agrees() -> None:
    rng = np.random.default_rng(3)
    confusion, prior = _problem(rng, 4)
    mean = np.array([0.7, 0.0, 0.2, 0.1])
    center = np.array([2.0, 0.5, 1.0, 1.0])

    def objective(w: np.ndarray) -> float:
        fit = np.sum((confusion @ w - mean) ** 2)
        return float(1e3 * (0.5 * fit + 0.05 * prior @ (w - center) ** 2))

    reference = scipy.optimize.minimize(
        objective,
        np.ones(4),
        bounds=[(0, None)] * 4,
        constraints={"type": "eq", "fun": lambda w: prior @ w - 1.0},
        options={"ftol": 1e-14, "maxiter": 1000},
    ).x
    solved = solve_weights(confusion, mean, prior, ridge=0.1, center=center)
    np.testing.assert_allclose(solved, reference, atol=1e-4)
    assert objective(solved) <= objective(reference) + 1e-9


def test_a_strong_ridge_returns_the_center() -> None:
    rng = np.random.default_rng(4)
    confusion, prior = _problem(rng, 5)
    mean = rng.dirichlet(np.ones(5))
    np.testing.assert_allclose(solve_weights(confusion, mean, prior, ridge=1e9), 1.0, atol=1e-6)
    center = rng.dirichlet(np.ones(5)) / prior
    solved = solve_weights(confusion, mean, prior, ridge=1e9, center=center)
    np.testing.assert_allclose(solved, center, atol=1e-6)


def test_the_euclidean_metric_weighs_every_class_alike() -> None:
    rng = np.random.default_rng(7)
    for ridge in (1e-4, 0.01, 1.0):
        confusion, prior = _problem(rng, 4)
        mean, center = rng.dirichlet(np.ones(4)), np.array([2.0, 0.5, 1.0, 1.0])

        def objective(
            w: np.ndarray,
            confusion: np.ndarray = confusion,
            mean: np.ndarray = mean,
            center: np.ndarray = center,
            ridge: float = ridge,
        ) -> float:
            fit = np.sum((confusion @ w - mean) ** 2)
            return float(1e3 * (0.5 * fit + 0.5 * ridge * np.sum((w - center) ** 2)))

        reference = scipy.optimize.minimize(
            objective,
            np.ones(4),
            bounds=[(0, None)] * 4,
            constraints={"type": "eq", "fun": lambda w, prior=prior: prior @ w - 1.0},
            options={"ftol": 1e-15, "maxiter": 1000},
        ).x
        solved = solve_weights(
            confusion, mean, prior, ridge=ridge, center=center, metric="euclidean"
        )
        np.testing.assert_allclose(solved, reference, atol=1e-3)
        assert objective(solved) <= objective(reference) + 1e-7
        assert prior @ solved == pytest.approx(1.0)


def test_the_metric_only_decides_among_equally_good_weights() -> None:
    rng = np.random.default_rng(8)
    confusion, prior = _problem(rng, 5)
    mean = confusion @ (rng.dirichlet(np.ones(5)) / prior)
    both = [solve_weights(confusion, mean, prior, metric=m) for m in ("prior", "euclidean")]
    np.testing.assert_allclose(*both, atol=1e-9)
    confusion[0] += confusion[1]
    confusion[1] = 0.0
    mean = confusion @ (np.array([0.3, 0.3, 0.2, 0.1, 0.1]) / prior)
    by_prior, plain = (
        solve_weights(confusion, mean, prior, metric=m) for m in ("prior", "euclidean")
    )
    for weights in (by_prior, plain):
        np.testing.assert_allclose(confusion @ weights, mean, atol=1e-10)
    assert np.sum((plain - 1) ** 2) <= np.sum((by_prior - 1) ** 2) + 1e-9
    assert prior @ (by_prior - 1) ** 2 <= prior @ (plain - 1) ** 2 + 1e-9


def test_rounding_is_no_evidence() -> None:
    """Predictions that do not depend on the class leave the weights at 1."""
    rng = np.random.default_rng(9)
    for size in (2, 3, 10):
        prior, mean = rng.dirichlet(np.ones(size)), rng.dirichlet(np.ones(size))
        confusion = np.outer(mean, prior) * (1 + 1e-16 * rng.normal(size=(size, size)))
        np.testing.assert_allclose(solve_weights(confusion, mean, prior), 1.0, atol=1e-9)


def test_a_never_predicted_class_gives_the_weights_nearest_to_no_shift() -> None:
    """Fault 6: C is singular; no equally good weights are nearer to 1, and all are finite."""
    rng = np.random.default_rng(5)
    bounded = 0
    for _ in range(100):
        size = int(rng.integers(3, 9))
        confusion, prior = _problem(rng, size)
        confusion[0] += confusion[1]
        confusion[1] = 0.0
        mean = confusion @ (rng.dirichlet(np.full(size, 0.5)) / prior)
        weights = solve_weights(confusion, mean, prior)
        np.testing.assert_allclose(confusion @ weights, mean, atol=1e-10)
        direction = scipy.linalg.null_space(np.vstack([confusion, prior]))[:, 0]
        steps = -weights / direction
        low, high = steps[direction > 0].max(), steps[direction < 0].min()
        nearest = (prior * direction) @ (1 - weights) / ((prior * direction) @ direction)
        assert abs(min(max(nearest, low), high)) < 1e-6
        bounded += not low <= nearest <= high
    assert 10 < bounded < 90


def test_two_classes_predicted_alike_share_their_shift() -> None:
    """Fault 6: with equal columns only their sum is known; both get the same weight."""
    conditional = np.array([[0.9, 0.2, 0.2], [0.1, 0.8, 0.8]])
    prior = np.array([0.5, 0.4, 0.1])
    confusion = np.vstack([conditional * prior, np.zeros(3)])
    target = np.array([0.2, 0.6, 0.2])
    weights = solve_weights(confusion, confusion @ (target / prior), prior)
    np.testing.assert_allclose(weights, [0.4, 1.6, 1.6], atol=1e-10)


def test_an_empty_class_keeps_weight_1() -> None:
    """Fault 6: no source rows of a class, so prior and column are zero."""
    confusion = np.array([[0.4, 0.1, 0.0], [0.1, 0.3, 0.0], [0.05, 0.05, 0.0]])
    prior = confusion.sum(axis=0)
    target = np.array([0.2, 0.8, 0.0])
    mean = confusion[:, :2] @ (target[:2] / prior[:2])
    weights = solve_weights(confusion, mean, prior)
    assert weights[2] == 1.0
    np.testing.assert_allclose(prior * weights, target, atol=1e-10)


def test_a_class_of_the_prior_without_rows_stays_as_near_to_1_as_it_can() -> None:
    confusion = np.array([[0.5, 0.1, 0.0], [0.1, 0.3, 0.0], [0.0, 0.0, 0.0]])
    prior = np.array([0.5, 0.4, 0.1])
    weights = solve_weights(confusion, confusion.sum(axis=1), prior)
    np.testing.assert_allclose(weights, 1.0, atol=1e-10)
    flat = solve_weights(np.zeros((3, 3)), np.full(3, 1 / 3), prior)
    np.testing.assert_allclose(flat, 1.0, atol=1e-12)


def test_many_classes_are_exact_too() -> None:
    rng = np.random.default_rng(6)
    confusion, prior = _problem(rng, 200)
    target = rng.dirichlet(np.full(200, 0.3))
    weights = solve_weights(confusion, confusion @ (target / prior), prior)
    assert total_variation(prior * weights, target) < 1e-9


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"confusion": [[np.nan, 0.1], [0.2, 0.3]]}, "E400"),
        ({"confusion": [[-0.1, 0.1], [0.5, 0.5]]}, "E401"),
        ({"prior": [0.5, 0.6]}, "E402"),
        ({"confusion": [[0.5, 0.5]]}, "E405"),
        ({"target_mean": [0.2, 0.3, 0.5]}, "E405"),
        ({"center": [1.0, 1.0, 1.0]}, "E405"),
        ({"ridge": -1.0}, "E407"),
        ({"metric": "cosine"}, "E409"),
    ],
)
def test_unusable_problems_are_refused(change: dict[str, object], code: str) -> None:
    problem: dict[str, object] = {
        "confusion": [[0.4, 0.1], [0.1, 0.4]],
        "target_mean": [0.5, 0.5],
        "prior": [0.5, 0.5],
    }
    with pytest.raises(IsoglossError, match=code):
        solve_weights(**(problem | change))  # type: ignore[arg-type]
