"""The critic's objective."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from isogloss.alignment.losses import (
    jensen_shannon,
    jensen_shannon_costs,
    wasserstein,
    wasserstein_costs,
)
from isogloss.alignment.weighting import Divisors
from isogloss.errors import IsoglossError

SOURCE = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
TARGET = torch.tensor([3.0, 5.0], dtype=torch.float64)
WEIGHTS = torch.tensor([0.5, 2.0, 0.1], dtype=torch.float64)
both_losses = pytest.mark.parametrize("loss", [wasserstein, jensen_shannon])


def test_both_forms_by_hand() -> None:
    weighted = 0.5 + 4.0 + 0.4
    assert wasserstein(SOURCE, TARGET, WEIGHTS, normalize=True).item() == pytest.approx(
        4.0 - weighted / 2.6
    )
    assert wasserstein(SOURCE, TARGET, WEIGHTS, normalize=False).item() == pytest.approx(
        4.0 - weighted / 3
    )


def test_a_constant_added_to_the_critic_changes_nothing() -> None:
    """Fault 10: true of the normalised form alone."""
    plain = wasserstein(SOURCE, TARGET, WEIGHTS, normalize=True)
    moved = wasserstein(SOURCE + 100, TARGET + 100, WEIGHTS, normalize=True)
    torch.testing.assert_close(plain, moved)
    plain = wasserstein(SOURCE, TARGET, WEIGHTS, normalize=False)
    moved = wasserstein(SOURCE + 100, TARGET + 100, WEIGHTS, normalize=False)
    assert abs(float(plain - moved)) > 10


def test_weights_of_one_make_both_forms_equal() -> None:
    ones = torch.ones(3)
    torch.testing.assert_close(
        wasserstein(SOURCE, TARGET, ones, normalize=True),
        wasserstein(SOURCE, TARGET, ones, normalize=False),
    )


def test_weights_carry_no_gradient() -> None:
    scores, weights = SOURCE.clone().requires_grad_(), WEIGHTS.clone().requires_grad_()
    wasserstein(scores, TARGET, weights).backward()
    assert weights.grad is None
    assert scores.grad is not None
    torch.testing.assert_close(scores.grad, -WEIGHTS / WEIGHTS.sum())


@both_losses
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize(("num_source", "num_target"), [(0, 2), (3, 0), (0, 0)])
def test_a_side_without_rows_gives_zero(
    loss: Any, normalize: bool, num_source: int, num_target: int
) -> None:
    source = torch.randn(num_source, requires_grad=True)
    target = torch.randn(num_target, requires_grad=True)
    value = loss(source, target, torch.ones(num_source), normalize=normalize)
    value.backward()
    assert value.item() == 0.0
    for side in (source, target):
        assert side.grad is None or not side.grad.any()


@both_losses
def test_source_rows_of_no_weight_give_zero(loss: Any) -> None:
    source, target = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
    value = loss(source, target, torch.zeros(3), normalize=True)
    value.backward()
    assert value.item() == 0.0
    assert source.grad is not None
    assert torch.equal(source.grad, torch.zeros(3))
    assert target.grad is not None
    assert torch.equal(target.grad, torch.zeros(3))


def test_half_precision_scores_are_averaged_in_single() -> None:
    scores = torch.full((1000,), 1.0, dtype=torch.bfloat16)
    loss = wasserstein(scores, scores[:1], torch.ones(1000, dtype=torch.float64))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(0.0, abs=1e-6)


@both_losses
@pytest.mark.parametrize("weights", [torch.ones(2), torch.ones(3, 1)])
def test_weights_of_other_rows_are_refused(loss: Any, weights: torch.Tensor) -> None:
    with pytest.raises(IsoglossError, match="E405"):
        loss(SOURCE, TARGET, weights)


@pytest.mark.parametrize("normalize", [True, False])
def test_jensen_shannon_equals_the_cross_entropy_row_by_row(normalize: bool) -> None:
    def chance_of_target(score: float) -> float:
        return 1 / (1 + math.exp(-score))

    pairs = list(zip(WEIGHTS.tolist(), SOURCE.tolist(), strict=True))
    divisor = float(WEIGHTS.sum()) if normalize else 3
    of_source = -sum(w * math.log(1 - chance_of_target(s)) for w, s in pairs) / divisor
    of_target = -sum(math.log(chance_of_target(s)) for s in TARGET.tolist()) / 2
    share = 1.0 if normalize else float(WEIGHTS.sum()) / 3
    expected = 0.5 * math.log(2) * (1 + share) - 0.5 * (of_source + of_target)
    found = jensen_shannon(SOURCE, TARGET, WEIGHTS, normalize=normalize)
    assert found.item() == pytest.approx(expected)


def test_jensen_shannon_of_the_best_critic_is_the_divergence() -> None:
    """Two sides on two points, whose log-odds of being target are known."""
    source_prior = torch.tensor([0.8, 0.2], dtype=torch.float64)
    target_prior = torch.tensor([0.3, 0.7], dtype=torch.float64)
    scores = (target_prior / source_prior).log()
    middle = (source_prior + target_prior) / 2
    divergence = 0.5 * sum((p * (p / middle).log()).sum() for p in (source_prior, target_prior))
    # Ten target rows that have exactly the target's shares.
    target = scores.repeat_interleave(torch.tensor([3, 7]))
    torch.testing.assert_close(jensen_shannon(scores, target, source_prior), divergence)
    assert float(jensen_shannon(0.9 * scores, 0.9 * target, source_prior)) < float(divergence)


def test_a_critic_that_cannot_tell_finds_no_divergence() -> None:
    assert jensen_shannon(torch.zeros(3), torch.zeros(2), WEIGHTS).item() == pytest.approx(0.0)


def test_certain_scores_stay_finite() -> None:
    source = torch.tensor([1e4, -1e4], requires_grad=True)
    value = jensen_shannon(source, torch.tensor([-1e4]), torch.ones(2))
    value.backward()
    assert source.grad is not None
    assert bool(value.isfinite())
    assert bool(source.grad.isfinite().all())


def _random_rows(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scores of 7 source rows and 4 target rows, and weights of the former, one of them 0."""
    rng = torch.Generator().manual_seed(seed)
    source, target = (3 * torch.randn(n, generator=rng, dtype=torch.float64) for n in (7, 4))
    weights = torch.rand(7, generator=rng, dtype=torch.float64) * 3
    weights[seed % 7] = 0.0
    return source, target, weights


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_random_rows_give_what_a_loop_over_them_gives(normalize: bool, seed: int) -> None:
    source, target, weights = _random_rows(seed)
    by_hand = {wasserstein: 0.0, jensen_shannon: 0.0}
    divisor = float(weights.sum()) if normalize else len(weights)
    for score, weight in zip(source.tolist(), weights.tolist(), strict=True):
        by_hand[wasserstein] -= weight * score / divisor
        chance = 1 - 1 / (1 + math.exp(-score))
        by_hand[jensen_shannon] += weight * (math.log(chance) + math.log(2)) / 2 / divisor
    for score in target.tolist():
        by_hand[wasserstein] += score / len(target)
        chance = 1 / (1 + math.exp(-score))
        by_hand[jensen_shannon] += (math.log(chance) + math.log(2)) / 2 / len(target)
    for loss, expected in by_hand.items():
        found = loss(source, target, weights, normalize=normalize)
        assert found.item() == pytest.approx(expected)


@both_losses
@pytest.mark.parametrize("normalize", [True, False])
def test_gradients_equal_finite_differences(loss: Any, normalize: bool) -> None:
    source, target, weights = _random_rows(0)
    sides = source.requires_grad_(), target.requires_grad_()
    assert torch.autograd.gradcheck(lambda s, t: loss(s, t, weights, normalize=normalize), sides)


@pytest.mark.parametrize(
    ("loss", "costs"), [(wasserstein, wasserstein_costs), (jensen_shannon, jensen_shannon_costs)]
)
def test_a_row_costs_what_the_objective_loses_by_one_more_of_its_weight(
    loss: Any, costs: Any
) -> None:
    source, target, weights = _random_rows(1)
    before = loss(source, target, weights, normalize=False)
    lost = [
        before - loss(source, target, weights + one, normalize=False)
        for one in torch.eye(7, dtype=torch.float64)
    ]
    torch.testing.assert_close(costs(source), 7 * torch.stack(lost))


@both_losses
def test_weights_count_relatively_and_a_weight_of_two_is_a_row_twice(loss: Any) -> None:
    plain = loss(SOURCE, TARGET, WEIGHTS)
    torch.testing.assert_close(loss(SOURCE, TARGET, 7 * WEIGHTS), plain)
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(loss(SOURCE[order], TARGET.flip(0), WEIGHTS[order]), plain)
    once = loss(SOURCE, TARGET, torch.tensor([2.0, 1.0, 1.0]))
    twice = loss(torch.cat([SOURCE[:1], SOURCE]), TARGET, torch.ones(4))
    torch.testing.assert_close(once, twice)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("objective", [wasserstein, jensen_shannon])
def test_mean_over_the_parts_of_a_batch_is_what_the_whole_gives(
    objective: Callable[..., torch.Tensor], normalize: bool
) -> None:
    """However the rows of either side fell to the parts, and where a part lacks a side."""
    rng = torch.Generator().manual_seed(5)
    source, target = torch.randn(7, generator=rng), torch.randn(5, generator=rng)
    classes, weights = torch.tensor([0, 0, 1, 2, 0, 2, 1]), torch.tensor([0.2, 3.0, 0.0])
    counts = torch.tensor([*classes.bincount(minlength=3), len(target)])
    over = Divisors.of_classes(counts, weights, 3)
    row_weights = weights[classes]
    parts = [
        objective(s, t, w, normalize=normalize, divisors=over)
        for s, t, w in zip(
            source.split([2, 5, 0]),
            target.split([0, 1, 4]),
            row_weights.split([2, 5, 0]),
            strict=True,
        )
    ]
    whole = objective(source, target, row_weights, normalize=normalize)
    torch.testing.assert_close(torch.stack(parts).mean(), whole)


def test_parts_of_a_batch_without_any_weight_give_nothing() -> None:
    scores = torch.ones(2, requires_grad=True)
    over = Divisors.of_classes(torch.tensor([0, 2, 2]), torch.tensor([1.0, 0.0]), 2)
    value = wasserstein(scores, torch.ones(1), torch.zeros(2), divisors=over)
    value.backward()
    assert value.item() == 0.0
    assert scores.grad is not None
    assert not scores.grad.any()
