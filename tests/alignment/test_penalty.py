"""The gradient penalty against a naive double backward pass."""

from __future__ import annotations

import pytest
import torch

from isogloss.alignment.critic import Critic
from isogloss.alignment.penalty import (
    FEW_ROWS,
    interpolate,
    squared_gradients,
    zero_centred_penalty,
)
from isogloss.errors import IsoglossError


def _critic(width: int = 16) -> Critic:
    return Critic(5, width=width, generator=torch.Generator().manual_seed(0)).double()


def _rows(num_rows: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num_rows, 5, dtype=torch.float64, generator=generator)


def _naive(critic: Critic, points: torch.Tensor) -> torch.Tensor:
    points = points.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradient.square().sum(dim=1)


@pytest.mark.parametrize("pairing", ["index", "random"])
def test_value_and_parameter_gradients_equal_double_backward(pairing: str) -> None:
    critic, source, target = _critic(), _rows(4), _rows(7, seed=1)
    points = interpolate(
        source, target, pairing=pairing, generator=torch.Generator().manual_seed(5)
    )
    expected = _naive(critic, points).mean()
    expected.backward()
    gradients = [None if p.grad is None else p.grad.clone() for p in critic.parameters()]
    critic.zero_grad()
    found = zero_centred_penalty(
        critic, source, target, pairing=pairing, generator=torch.Generator().manual_seed(5)
    )
    found.backward()
    torch.testing.assert_close(found, expected)
    for parameter, gradient in zip(critic.parameters(), gradients, strict=True):
        zeros = torch.zeros_like(parameter)
        torch.testing.assert_close(
            zeros if parameter.grad is None else parameter.grad,
            zeros if gradient is None else gradient,
        )


def _squares(critic: Critic, points: torch.Tensor) -> torch.Tensor:
    matrix = critic.matrix(points)
    return squared_gradients(critic, critic.preactivations(points, matrix), matrix)


@pytest.mark.parametrize("num_rows", [1, 3, FEW_ROWS - 1, FEW_ROWS, 2 * FEW_ROWS])
def test_both_ways_back_agree_with_double_backward(num_rows: int) -> None:
    critic, points = _critic(), _rows(num_rows)
    found, expected = _squares(critic, points), _naive(critic, points)
    torch.testing.assert_close(found, expected)
    mixture = torch.arange(1.0, num_rows + 1, dtype=torch.float64)
    parameters = (critic.hidden.weight, critic.output.weight)
    found_gradients = torch.autograd.grad((found * mixture).sum(), parameters)
    expected_gradients = torch.autograd.grad((expected * mixture).sum(), parameters)
    for one, two in zip(found_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("num_rows", [3, FEW_ROWS])
def test_the_gradient_equals_finite_differences(num_rows: int) -> None:
    critic, points = _critic(width=4), _rows(num_rows)
    active = critic.preactivations(points, critic.matrix(points)).detach()
    matrix = critic.hidden.weight.detach().requires_grad_()
    parameters = (matrix, critic.output.weight)
    assert torch.autograd.gradcheck(lambda m, _: squared_gradients(critic, active, m), parameters)


def test_preactivations_between_rows_are_those_of_rows_between() -> None:
    critic, source, target = _critic(), _rows(6), _rows(6, seed=1)
    between_rows, between_preactivations = (
        interpolate(*sides, generator=torch.Generator().manual_seed(2))
        for sides in (
            (source, target),
            [critic.preactivations(rows, critic.matrix(rows)) for rows in (source, target)],
        )
    )
    expected = critic.preactivations(between_rows, critic.matrix(between_rows))
    torch.testing.assert_close(between_preactivations, expected.detach())


def test_points_lie_on_segments_with_fresh_coefficients() -> None:
    source, target = torch.zeros(50, 2), torch.ones(50, 2)
    points = interpolate(source, target)
    assert torch.equal(points[:, 0], points[:, 1])
    assert len(points[:, 0].unique()) == 50
    assert 0 <= float(points.min()) <= float(points.max()) <= 1
    assert abs(float(points.mean()) - 0.5) < 0.2
    assert not torch.equal(points, interpolate(source, target))


def _rows_used(pairing: str, num_source: int, num_target: int) -> tuple[set[int], set[int]]:
    """Which rows take part over many calls; sources sit at their index, targets below zero."""
    used_source: set[int] = set()
    used_target: set[int] = set()
    source = torch.eye(num_source, 20, dtype=torch.float64)
    target = torch.eye(num_target, 20, dtype=torch.float64).roll(10, dims=1)
    for _ in range(60):
        points = interpolate(source, target, pairing=pairing)
        used = (points > 0).any(dim=0).nonzero().flatten().tolist()
        used_source |= {i for i in used if i < 10}
        used_target |= {i - 10 for i in used if i >= 10}
    return used_source, used_target


@pytest.mark.parametrize(("num_source", "num_target"), [(3, 9), (9, 3)])
def test_random_pairing_leaves_no_row_out_for_good(num_source: int, num_target: int) -> None:
    """Fault 13."""
    source, target = _rows_used("random", num_source, num_target)
    assert source == set(range(num_source))
    assert target == set(range(num_target))
    source, target = _rows_used("index", num_source, num_target)
    assert source == target == set(range(3))


def test_random_pairing_uses_every_row_of_the_shorter_side_each_time() -> None:
    points = interpolate(torch.eye(3), torch.zeros(9, 3))
    assert bool((points > 0).any(dim=0).all())


def test_features_get_no_gradient() -> None:
    source, target = _rows(4).requires_grad_(), _rows(4, seed=1).requires_grad_()
    zero_centred_penalty(_critic(), source, target).backward()
    assert source.grad is None
    assert target.grad is None


def test_the_penalty_follows_its_generator() -> None:
    critic, source, target = _critic(), _rows(4), _rows(6, seed=1)
    values = [
        zero_centred_penalty(
            critic, source, target, generator=torch.Generator().manual_seed(seed)
        ).item()
        for seed in (0, 0, 1)
    ]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize("pairing", ["index", "random"])
def test_a_side_without_rows_gives_zero(pairing: str) -> None:
    for num_source, num_target in ((0, 3), (3, 0), (0, 0)):
        penalty = zero_centred_penalty(
            _critic(), _rows(num_source), _rows(num_target), pairing=pairing
        )
        assert penalty.item() == 0.0


@pytest.mark.parametrize("num_rows", [4, 3 * FEW_ROWS])
def test_half_precision_stays_near_single_and_sums_in_it(num_rows: int) -> None:
    generator = torch.Generator().manual_seed(0)
    critic = Critic(64, width=256, generator=generator)
    rows = torch.randn(num_rows, 64, generator=generator)
    results = []
    for half in (False, True):
        critic.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            squares = _squares(critic, rows)
        assert squares.dtype == torch.float32
        squares.mean().backward()
        gradients = [p.grad.flatten() for p in critic.parameters() if p.grad is not None]
        results.append(torch.cat([squares.detach(), *gradients]))
    error = (results[1] - results[0]).norm() / results[0].norm()
    # A unit whose preactivation is near 0 may flip, which weighs more among few rows.
    assert 0 < float(error) < 0.05


def test_another_pairing_is_refused() -> None:
    with pytest.raises(IsoglossError, match="E409"):
        zero_centred_penalty(_critic(), _rows(2), _rows(2), pairing="nearest")
