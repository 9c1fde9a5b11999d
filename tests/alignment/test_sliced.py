"""Sliced Wasserstein distance against transport on repeated rows, and what must not change it."""

from __future__ import annotations

import itertools

import pytest
import torch

from isogloss.alignment.sliced import draw_directions, quantile_distances, sliced_wasserstein
from isogloss.errors import IsoglossError


def _rows(num_rows: int, seed: int = 0, size: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num_rows, size, dtype=torch.float64, generator=generator)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


SOURCE, TARGET = _rows(4), _rows(6, seed=1) + 0.5
WEIGHTS = torch.tensor([1.0, 4.0, 0.0, 2.0], dtype=torch.float64)
DIRECTIONS = draw_directions(3, 5, generator=_generator()).double()


def _naive(source: list[float], weights: list[int], target: list[float]) -> float:
    """Every value as often as its weight says, both sides equally many: sort and compare."""
    repeated = [value for value, w in zip(source, weights, strict=True) for _ in range(w)]
    left = sorted(value for value in repeated for _ in target)
    right = sorted(value for value in target for _ in repeated)
    pairs = list(zip(left, right, strict=True))
    return sum((u - v) ** 2 for u, v in pairs) / len(pairs)


def test_the_value_equals_sorting_repeated_rows() -> None:
    expected = [
        _naive((SOURCE @ axis).tolist(), [1, 4, 0, 2], (TARGET @ axis).tolist())
        for axis in DIRECTIONS
    ]
    found = sliced_wasserstein(SOURCE, TARGET, WEIGHTS, directions=DIRECTIONS)
    assert found.item() == pytest.approx(sum(expected) / 3)


def test_no_other_matching_of_three_values_is_cheaper() -> None:
    source, target = _rows(1, size=3), _rows(1, seed=1, size=3)
    cheapest = min(
        float((source[0] - target[0, list(order)]).square().mean())
        for order in itertools.permutations(range(3))
    )
    assert quantile_distances(source, target, torch.full((3,), 1 / 3)).item() == pytest.approx(
        cheapest
    )


def test_gradients_equal_finite_differences() -> None:
    source, target = SOURCE.clone().requires_grad_(), TARGET.clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda s, t: sliced_wasserstein(s, t, WEIGHTS, directions=DIRECTIONS), (source, target)
    )


def test_weights_carry_no_gradient_and_rows_without_weight_get_none() -> None:
    source, weights = SOURCE.clone().requires_grad_(), WEIGHTS.clone().requires_grad_()
    sliced_wasserstein(source, TARGET, weights, directions=DIRECTIONS).backward()
    assert weights.grad is None
    assert source.grad is not None
    assert [bool(row.any()) for row in source.grad] == [True, True, False, True]


def test_neither_order_nor_scale_of_the_weights_nor_place_matters() -> None:
    def distance(source: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return sliced_wasserstein(source, target, weights, directions=DIRECTIONS)

    plain = distance(SOURCE, TARGET, WEIGHTS)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(distance(SOURCE[order], TARGET.flip(0), WEIGHTS[order]), plain)
    torch.testing.assert_close(distance(SOURCE, TARGET, 7 * WEIGHTS), plain)
    torch.testing.assert_close(distance(SOURCE + 9, TARGET + 9, WEIGHTS), plain)
    twice = distance(torch.cat([SOURCE[:1], SOURCE]), TARGET, torch.ones(5))
    torch.testing.assert_close(distance(SOURCE, TARGET, torch.tensor([2.0, 1, 1, 1])), twice)


def test_equal_samples_are_at_no_distance_and_a_shift_costs_its_square() -> None:
    ones = torch.ones(4)
    assert sliced_wasserstein(SOURCE, SOURCE.flip(0), ones).item() == pytest.approx(0.0, abs=1e-12)
    move = torch.tensor([3.0, 0.0, 0.0, 4.0, 0.0])
    cost = sliced_wasserstein(
        SOURCE, SOURCE + move, ones, directions=20_000, generator=_generator()
    )
    assert cost.item() == pytest.approx(25.0, rel=0.05)


def test_weights_undo_a_change_of_class_balance() -> None:
    classes = _rows(2, seed=3)
    source, target = classes[[0, 0, 0, 1]], classes[[0, 1, 1, 1]]
    right = torch.tensor([1 / 3, 1 / 3, 1 / 3, 3.0])
    assert sliced_wasserstein(source, target, right).item() == pytest.approx(0.0, abs=1e-5)
    assert float(sliced_wasserstein(source, target, torch.ones(4))) > 0.1


@pytest.mark.parametrize(("num_source", "num_target"), [(0, 2), (3, 0), (0, 0)])
def test_a_side_without_rows_gives_zero(num_source: int, num_target: int) -> None:
    source, target = _rows(num_source).requires_grad_(), _rows(num_target).requires_grad_()
    value = sliced_wasserstein(source, target, torch.ones(num_source))
    value.backward()
    assert value.item() == 0.0
    for side in (source, target):
        assert side.grad is not None
        assert not side.grad.any()


@pytest.mark.parametrize("num_rows", [1, 3])
def test_rows_of_no_weight_or_all_the_same_give_zero(num_rows: int) -> None:
    for weights, shift in ((torch.zeros(num_rows), 1.0), (torch.ones(num_rows), 0.0)):
        source = _rows(1).expand(num_rows, 5).clone().requires_grad_()
        value = sliced_wasserstein(source, source.detach()[:1] + shift, weights)
        value.backward()
        assert value.item() == pytest.approx(0.0, abs=1e-12)
        assert source.grad is not None
        assert float(source.grad.abs().max()) < 1e-6


def test_directions_follow_the_generator_and_the_global_one_by_default() -> None:
    def value(generator: torch.Generator | None = None) -> float:
        return float(sliced_wasserstein(SOURCE, TARGET, WEIGHTS, generator=generator))

    assert value(_generator(1)) == value(_generator(1)) != value(_generator(2))
    state = torch.get_rng_state()
    first = value()
    assert value() != first
    torch.set_rng_state(state)
    assert value() == first


def test_directions_have_the_length_that_makes_their_products_the_identity() -> None:
    axes = draw_directions(20_000, 5, generator=_generator())
    torch.testing.assert_close(axes.square().sum(1), torch.full((20_000,), 5.0))
    torch.testing.assert_close(axes.T @ axes / 20_000, torch.eye(5), rtol=0, atol=0.04)


def test_half_precision_rows_are_compared_in_single() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        value = sliced_wasserstein(
            SOURCE.float(), TARGET.float(), WEIGHTS, directions=DIRECTIONS.float()
        )
    assert value.dtype == torch.float32
    expected = sliced_wasserstein(SOURCE, TARGET, WEIGHTS, directions=DIRECTIONS)
    torch.testing.assert_close(value, expected.float())


def test_weights_of_other_rows_are_refused() -> None:
    with pytest.raises(IsoglossError, match="E405"):
        sliced_wasserstein(SOURCE, TARGET, torch.ones(3))
