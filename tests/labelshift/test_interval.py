"""Weights that are known within an interval only."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from isogloss.errors import IsoglossError
from isogloss.labelshift.interval import IntervalWeights, greatest_within, nearest_within

PRIOR = np.array([0.2, 0.3, 0.5])
OPEN = np.tile([0.0, 1.0], (3, 1))


def _started(interval: np.ndarray = OPEN, **options: float) -> IntervalWeights:
    holder = IntervalWeights(3, **options)
    holder.start(np.ones(3), PRIOR, interval)
    return holder


def _told(holder: IntervalWeights, costs: list[float], steps: int) -> IntervalWeights:
    for _ in range(steps):
        holder.observe(torch.tensor(costs), torch.arange(3))
        holder.step()
    return holder


def _bounds(rng: np.random.Generator, k: int) -> torch.Tensor:
    middle = rng.dirichlet(np.ones(k))
    low, high = middle * rng.uniform(0, 1, k), middle + (1 - middle) * rng.uniform(0, 1, k)
    return torch.tensor(np.stack([low, high], axis=1))


@pytest.mark.parametrize("seed", range(20))
def test_the_greedy_balance_is_the_linear_program_s(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 9))
    bounds, values = _bounds(rng, k), rng.normal(size=k)
    found = greatest_within(torch.tensor(values), bounds).numpy()
    best = linprog(-values, A_eq=np.ones((1, k)), b_eq=[1.0], bounds=bounds.numpy())
    assert found.sum() == pytest.approx(1.0)
    assert (found >= bounds[:, 0].numpy() - 1e-12).all()
    assert (found <= bounds[:, 1].numpy() + 1e-12).all()
    assert found @ values == pytest.approx(-best.fun)


@pytest.mark.parametrize("seed", range(20))
def test_no_balance_within_the_bounds_is_nearer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 9))
    bounds, given = _bounds(rng, k), torch.tensor(rng.dirichlet(np.ones(k)))
    found = nearest_within(given, bounds)
    assert float(found.sum()) == pytest.approx(1.0)
    distance = float((found - given).norm())
    for _ in range(50):
        other = greatest_within(torch.tensor(rng.normal(size=k)), bounds)
        for share in (0.01, 0.5, 1.0):
            mixed = torch.lerp(found, other, share)
            assert float((mixed - given).norm()) >= distance - 1e-9


def test_an_open_interval_ends_at_the_class_that_looks_most_like_the_target() -> None:
    holder = _told(_started(), [0.0, 3.0, 1.0], 400)
    np.testing.assert_allclose(holder.target_prior, [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(holder.weights, [0, 1 / 0.3, 0], atol=1e-5)


def test_the_interval_is_never_left() -> None:
    interval = np.array([[0.1, 0.3], [0.2, 0.4], [0.3, 0.6]])
    holder = _started(interval)
    for seed in range(50):
        costs = np.random.default_rng(seed).normal(size=3).tolist()
        _told(holder, costs, 3)
        assert (holder.target_prior >= torch.tensor(interval[:, 0]) - 1e-12).all()
        assert (holder.target_prior <= torch.tensor(interval[:, 1]) + 1e-12).all()
        assert float(holder.prior @ holder.weights) == pytest.approx(1.0)


def test_an_interval_of_one_point_fixes_the_weights() -> None:
    point = np.array([0.5, 0.2, 0.3])
    holder = _told(_started(np.stack([point, point], axis=1)), [9.0, -1.0, 4.0], 20)
    np.testing.assert_allclose(holder.target_prior, point)


def test_a_start_outside_the_interval_is_moved_inside() -> None:
    holder = _started(np.array([[0.5, 0.9], [0.0, 1.0], [0.0, 1.0]]))
    np.testing.assert_allclose(holder.target_prior, [0.5, 0.15, 0.35], atol=1e-9)


def test_bounds_that_no_balance_meets_are_widened() -> None:
    holder = _started(np.array([[0.6, 0.7], [0.6, 0.7], [0.0, 0.1]]))
    assert float(holder.bounds[:, 0].sum()) == pytest.approx(1.0)
    assert float(holder.target_prior.sum()) == pytest.approx(1.0)
    low = _started(np.array([[0.0, 0.2], [0.0, 0.2], [0.0, 0.1]]))
    assert float(low.bounds[:, 1].sum()) == pytest.approx(1.0)


def test_a_class_that_the_source_lacks_gets_no_share() -> None:
    holder = IntervalWeights(3, rate=1.0)
    holder.start(np.ones(3), [0.4, 0.6, 0.0], OPEN)
    holder.observe(torch.tensor([1.0, 0.0]), torch.tensor([0, 1]))
    holder.step()
    np.testing.assert_allclose(holder.weights, [2.5, 0.0, 1.0])
    np.testing.assert_allclose(holder.target_prior, [1.0, 0.0, 0.0])


def test_nothing_moves_before_every_class_was_seen() -> None:
    holder = _started()
    holder.observe(torch.tensor([5.0, 1.0]), torch.tensor([0, 1]))
    holder.step()
    np.testing.assert_allclose(holder.weights, np.ones(3))
    holder.observe(torch.tensor([0.0]), torch.tensor([2]))
    holder.step()
    assert float(holder.target_prior[0]) == pytest.approx(0.2 + 0.05 * 0.8)


def test_parts_of_a_batch_count_as_one_batch() -> None:
    whole, parts = _started(), _started()
    costs, labels = torch.randn(12, dtype=torch.float64), torch.arange(12) % 3
    whole.observe(costs, labels)
    for part in range(4):
        rows = slice(3 * part, 3 * part + 3)
        parts.observe(costs[rows], labels[rows])
    whole.step()
    parts.step()
    torch.testing.assert_close(whole.weights, parts.weights)
    torch.testing.assert_close(whole.costs, parts.costs)


def test_permuted_classes_give_permuted_weights() -> None:
    order = torch.tensor([2, 0, 1])
    plain = _told(_started(), [0.1, 0.7, 0.4], 5)
    permuted = IntervalWeights(3)
    permuted.start(np.ones(3), PRIOR[order.numpy()], OPEN)
    _told(permuted, [0.4, 0.1, 0.7], 5)
    torch.testing.assert_close(permuted.weights, plain.weights[order])


def test_where_label_shift_holds_the_weights_find_the_balance() -> None:
    """A critic of the mean, always at its best, against the weights: they meet at the truth."""
    means = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]], dtype=torch.float64)
    truth = torch.tensor([0.6, 0.1, 0.3], dtype=torch.float64)
    holder = _started(rate=0.02, cost_rate=1.0)
    visited = []
    for _ in range(1000):
        direction = truth @ means - holder.target_prior @ means
        _told(holder, (means @ direction).tolist(), 1)
        visited.append(holder.target_prior)
    np.testing.assert_allclose(torch.stack(visited[200:]).mean(0), truth, atol=0.03)


@pytest.mark.parametrize("options", [{"rate": 1.5}, {"cost_rate": -0.1}])
def test_rates_are_shares(options: dict[str, float]) -> None:
    with pytest.raises(IsoglossError, match="E407"):
        IntervalWeights(3, **options)
