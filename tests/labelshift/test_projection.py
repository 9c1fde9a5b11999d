"""The exact projection against a general solver, and its difference from clamp and rescale."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import torch

from isogloss.errors import IsoglossError
from isogloss.labelshift.projection import clamp_and_rescale, project_simplex, project_weights


def _reference(values: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Find the multiplier of `max(v - t normal, 0)` by root search."""

    def excess(t: float) -> float:
        return float(normal @ np.maximum(values - t * normal, 0.0)) - 1.0

    smallest = normal[normal > 0].min()
    reach = (np.abs(values).max() + 1.0 / smallest) / smallest
    t = scipy.optimize.brentq(excess, -reach, reach, xtol=1e-14)
    return np.maximum(values - t * normal, 0.0)


@pytest.mark.parametrize("seed", range(20))
def test_projection_equals_a_root_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 30))
    prior = rng.dirichlet(np.full(size, 5.0))
    weights = rng.normal(1.0, 3.0, size)
    projected = project_weights(weights, prior)
    assert prior @ projected == pytest.approx(1.0, abs=1e-12)
    assert projected.min() >= 0.0
    np.testing.assert_allclose(projected, _reference(weights, prior), atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_no_feasible_point_is_nearer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    prior = rng.dirichlet(np.ones(4))
    weights = rng.normal(1.0, 2.0, 4)
    nearest = np.linalg.norm(project_weights(weights, prior) - weights)
    others = rng.dirichlet(np.ones(4), 2000) / prior
    assert nearest <= np.linalg.norm(others - weights, axis=1).min() + 1e-12


def test_clamp_and_rescale_is_not_the_projection() -> None:
    """Fault 5: both meet the constraint, only one is nearest."""
    prior, weights = np.array([0.2, 0.3, 0.5]), np.array([4.0, -1.0, 1.0])
    exact, rescaled = project_weights(weights, prior), clamp_and_rescale(weights, prior)
    assert prior @ exact == pytest.approx(1.0)
    assert prior @ rescaled == pytest.approx(1.0)
    assert np.linalg.norm(exact - weights) < np.linalg.norm(rescaled - weights) - 0.05
    np.testing.assert_allclose(rescaled, np.array([4.0, 0.0, 1.0]) / 1.3)


@pytest.mark.parametrize("project", [project_weights, clamp_and_rescale])
def test_points_of_the_set_stay(project: object) -> None:
    prior = np.array([0.1, 0.6, 0.3])
    weights = np.array([2.5, 0.75, 1.0])
    np.testing.assert_allclose(project(weights, prior), weights, atol=1e-14)  # type: ignore[operator]


@pytest.mark.parametrize("project", [project_weights, clamp_and_rescale])
def test_a_class_without_prior_gets_weight_1(project: object) -> None:
    prior = np.array([0.4, 0.0, 0.6])
    projected = project(np.array([3.0, 9.0, -2.0]), prior)  # type: ignore[operator]
    assert projected[1] == 1.0
    assert prior @ projected == pytest.approx(1.0)


def test_rescaling_nothing_falls_back_to_no_shift() -> None:
    prior = np.array([0.4, 0.6])
    np.testing.assert_array_equal(clamp_and_rescale(np.array([-1.0, -2.0]), prior), [1.0, 1.0])


def test_simplex_projection_by_hand() -> None:
    np.testing.assert_allclose(project_simplex(np.array([0.5, 0.5, 0.5])), np.full(3, 1 / 3))
    np.testing.assert_allclose(project_simplex(np.array([3.0, 0.0, -1.0])), [1.0, 0.0, 0.0])


def test_arrays_tensors_and_stacks_agree() -> None:
    rng = np.random.default_rng(0)
    prior, stack = rng.dirichlet(np.ones(6)), rng.normal(size=(7, 6))
    arrays = project_weights(stack, prior)
    tensors = project_weights(torch.from_numpy(stack), torch.from_numpy(prior))
    assert isinstance(arrays, np.ndarray)
    np.testing.assert_array_equal(arrays, tensors.numpy())
    singly = np.stack([project_weights(row, prior) for row in stack])
    np.testing.assert_allclose(arrays, singly, atol=1e-14)


def test_tensors_keep_their_type_but_are_projected_in_double() -> None:
    weights, prior = torch.tensor([4.0, -1.0, 1.0]), torch.tensor([0.2, 0.3, 0.5])
    projected = project_weights(weights, prior)
    assert projected.dtype == torch.float32
    exact = project_weights(weights.double(), prior.double())
    assert torch.equal(projected, exact.float())


def test_a_tiny_prior_is_no_obstacle() -> None:
    prior = np.array([1e-9, 0.5, 0.5 - 1e-9])
    projected = project_weights(np.array([50.0, 0.0, 0.0]), prior)
    assert prior @ projected == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("project", [project_weights, clamp_and_rescale])
def test_nan_is_refused(project: object) -> None:
    with pytest.raises(IsoglossError, match="E400"):
        project(np.array([np.nan, 1.0]), np.array([0.5, 0.5]))  # type: ignore[operator]
