"""Divergences as parts of a training step: the same frame for each."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.alignment.critic import Critic
from isogloss.alignment.divergence import (
    DIVERGENCES,
    WITH_CRITIC,
    CriticDivergence,
    Divergence,
    make_divergence,
)
from isogloss.alignment.losses import jensen_shannon, wasserstein
from isogloss.alignment.mmd import mmd
from isogloss.alignment.penalty import zero_centred_penalty
from isogloss.errors import IsoglossError
from isogloss.labelshift.interval import IntervalWeights

WEIGHTS = torch.tensor([0.5, 2.0, 0.1, 1.0], dtype=torch.float64)
every = pytest.mark.parametrize("name", DIVERGENCES)


def _rows(num_rows: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num_rows, 6, dtype=torch.float64, generator=generator)


def _make(name: str, **options: Any) -> Divergence:
    options = {"width": 16, "penalty_strength": 10.0, **options}
    generator = torch.Generator().manual_seed(0)
    return make_divergence(name, 6, generator=generator, **options).double()


def _step(
    divergence: Divergence,
    rows: torch.Tensor,
    weights: torch.Tensor,
    strength: float,
    *,
    half: bool = False,
) -> tuple[Any, torch.Tensor]:
    rows = rows.clone().requires_grad_()
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        terms = divergence.terms(rows, weights, strength=strength)
    terms.loss.backward()
    assert rows.grad is not None
    return terms, rows.grad


def _plain_loss(divergence: Divergence, rows: torch.Tensor, objective: Any) -> torch.Tensor:
    """The plain path: a pass a side, and the penalty's slopes through autograd."""
    assert isinstance(divergence, CriticDivergence)
    source, target = rows[:4], rows[4:]
    distance = objective(divergence(source), divergence(target), WEIGHTS)
    torch.manual_seed(0)
    first, second, share = torch.randperm(4), torch.randperm(6)[:4], torch.rand(4, 1)
    points = torch.lerp(source.detach()[first], target.detach()[second], share.double())
    points.requires_grad_()
    (slopes,) = torch.autograd.grad(divergence(points).sum(), points, create_graph=True)
    return 10.0 * slopes.square().sum(dim=1).mean() - distance


with_objectives = pytest.mark.parametrize(
    ("name", "objective"), [("wasserstein", wasserstein), ("jsd", jensen_shannon)]
)


@with_objectives
@pytest.mark.parametrize("normalize", [True, False])
def test_a_critic_step_equals_two_passes_and_a_double_backward(
    name: str, objective: Any, normalize: bool
) -> None:
    divergence, rows = _make(name, normalize=normalize), _rows(10)
    terms, found = _step(divergence, rows, WEIGHTS, 0.3)
    found_parameters = [p.grad for p in divergence.parameters()]
    divergence.zero_grad()
    rows.requires_grad_()
    loss = _plain_loss(divergence, rows, partial(objective, normalize=normalize))
    loss.backward()
    torch.testing.assert_close(terms.loss, loss)
    torch.testing.assert_close(terms.loss, 10 * terms.penalty - terms.distance)
    # The loss descends the critic's objective turned round, the rows descend the objective.
    assert rows.grad is not None
    torch.testing.assert_close(found, -0.3 * rows.grad)
    for one, parameter in zip(found_parameters, divergence.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad)


@with_objectives
def test_fifty_steps_give_the_losses_of_the_plain_path(name: str, objective: Any) -> None:
    rows = _rows(10)
    losses: list[list[float]] = []
    for plain in (False, True):
        divergence = _make(name)
        optimizer = torch.optim.Adam(divergence.parameters(), lr=1e-2)
        losses.append([])
        for _ in range(50):
            optimizer.zero_grad()
            torch.manual_seed(0)
            if plain:
                loss = _plain_loss(divergence, rows, objective)
            else:
                loss = divergence.terms(rows, WEIGHTS, strength=1.0).loss
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)
    assert losses[0][-1] < losses[0][0]


def test_the_penalty_is_the_one_on_rows_and_can_be_left_out() -> None:
    rows = _rows(10)
    divergence, without = _make("wasserstein"), _make("wasserstein", penalty_strength=0.0)
    terms, _ = _step(divergence, rows, WEIGHTS, 1.0)
    torch.manual_seed(0)
    assert isinstance(divergence, CriticDivergence)
    torch.testing.assert_close(terms.penalty, zero_centred_penalty(divergence, rows[:4], rows[4:]))
    bare, _ = _step(without, rows, WEIGHTS, 1.0)
    assert bare.penalty.item() == 0.0
    torch.testing.assert_close(bare.loss, -bare.distance)


def test_without_a_critic_the_features_descend_the_divergence_itself() -> None:
    rows, divergence = _rows(10), _make("mmd")
    assert not list(divergence.parameters())
    terms, found = _step(divergence, rows, WEIGHTS, 0.3)
    expected = rows.clone().requires_grad_()
    value = mmd(expected[:4], expected[4:], WEIGHTS)
    value.backward()
    assert expected.grad is not None
    torch.testing.assert_close(found, 0.3 * expected.grad)
    torch.testing.assert_close(terms.distance, value.detach())
    assert terms.penalty.item() == 0.0


@pytest.mark.parametrize("name", WITH_CRITIC)
def test_by_the_costs_weights_find_the_balance_that_is_hardest_to_tell(name: str) -> None:
    """Against all balances of three classes on a grid, under critics that are sure of some rows."""
    labels, shares = torch.arange(12) % 3, np.full(3, 1 / 3)
    parts = np.arange(21) / 20
    grid = [(a, b, 1 - a - b) for a in parts for b in parts if a + b <= 1 + 1e-9]
    other_by_score = 0
    for seed in range(10):
        divergence, rows = _make(name, penalty_strength=0.0), 40 * _rows(20, seed)
        assert isinstance(divergence, CriticDivergence)

        def terms(balance: torch.Tensor) -> Any:
            return divergence.terms(rows, 3 * balance[labels], strength=1.0)  # noqa: B023

        holder = IntervalWeights(3, rate=1.0)
        holder.start(np.ones(3), shares, np.tile([0.0, 1.0], (3, 1)))
        holder.observe(terms(holder.balance).source_costs, labels)
        holder.step()
        least = min(float(terms(torch.tensor(balance)).distance) for balance in grid)
        assert float(terms(holder.balance).distance) == pytest.approx(least)
        by_score = divergence(rows[:12]).detach().reshape(4, 3).mean(0).argmax()
        other_by_score += int(holder.balance.argmax() != by_score)
    # A mean of scores is what the weights of the Wasserstein distance go by, and those alone.
    assert (other_by_score == 0) == (name == "wasserstein")


@every
def test_strength_scales_what_reaches_the_rows_and_nothing_else(name: str) -> None:
    rows, results = _rows(10), []
    for strength in (0.0, 1.0, 2.0):
        divergence = _make(name)
        _, gradient = _step(divergence, rows, WEIGHTS, strength)
        results.append((gradient, [p.grad for p in divergence.parameters()]))
    assert not results[0][0].any()
    assert results[1][0].any()
    torch.testing.assert_close(2 * results[1][0], results[2][0])
    for one, two in zip(results[0][1], results[2][1], strict=True):
        torch.testing.assert_close(one, two)


@every
def test_descending_brings_the_sides_together(name: str) -> None:
    """Against a critic or not, the features that follow the gradient come closer."""
    divergence = _make(name, penalty_strength=1.0).float()
    rows = torch.nn.Parameter(torch.cat([_rows(20), _rows(20, seed=1) + 2]).float())
    groups = [{"params": [rows], "lr": 0.03}, {"params": list(divergence.parameters())}]
    optimizer = torch.optim.Adam(groups, lr=0.01, betas=(0.5, 0.9))
    torch.manual_seed(0)

    def gap() -> float:
        return float((rows[:20].mean(0) - rows[20:].mean(0)).norm().detach())

    before = gap()
    for _ in range(150):
        optimizer.zero_grad()
        divergence.terms(rows, torch.ones(20), strength=1.0).loss.backward()
        optimizer.step()
    assert gap() < 0.4 * before


@every
@pytest.mark.parametrize(("num_source", "num_target"), [(0, 2), (3, 0), (0, 0)])
def test_a_side_without_rows_changes_nothing(name: str, num_source: int, num_target: int) -> None:
    divergence = _make(name)
    rows = _rows(num_source + num_target)
    terms, gradient = _step(divergence, rows, torch.ones(num_source), 1.0)
    assert terms.loss.item() == terms.distance.item() == terms.penalty.item() == 0.0
    assert not gradient.any()
    for parameter in divergence.parameters():
        assert parameter.grad is None or not parameter.grad.any()


@every
def test_single_rows_and_rows_of_no_weight_stay_finite(name: str) -> None:
    for rows, weights in ((_rows(2), torch.ones(1)), (_rows(5), torch.zeros(3))):
        terms, gradient = _step(_make(name), rows, weights, 1.0)
        assert all(bool(value.isfinite().all()) for value in terms)
        assert bool(gradient.isfinite().all())
    assert terms.distance.item() == 0.0
    assert not gradient.any()


@every
def test_half_precision_stays_near_single(name: str) -> None:
    """Products in bfloat16 pass a unit or two on that single precision does not, and that shows."""
    results = []
    for half in (False, True):
        divergence = _make(name, width=256).float()
        rows = torch.cat([_rows(30), _rows(30, seed=1) + 1]).float()
        terms, gradient = _step(divergence, rows, torch.ones(30), 1.0, half=half)
        assert terms.loss.dtype == terms.distance.dtype == torch.float32
        results.append((terms.distance, gradient, *(p.grad for p in divergence.parameters())))
    for single, half_ in zip(*results, strict=True):
        assert float((half_ - single).norm()) <= 0.08 * float(single.norm()) + 1e-6
    if name not in WITH_CRITIC:
        torch.testing.assert_close(results[0], results[1])


def test_names_are_checked() -> None:
    with pytest.raises(IsoglossError, match="E409"):
        _make("kl")
    with pytest.raises(IsoglossError, match="E409"):
        _step(_make("jsd", pairing="nearest"), _rows(4), torch.ones(2), 1.0)


def test_the_critic_is_the_plain_one_in_start_and_checkpoint() -> None:
    divergence, critic = (
        make(6, width=16, generator=torch.Generator().manual_seed(5))
        for make in (partial(make_divergence, "wasserstein"), Critic)
    )
    found, expected = divergence.state_dict(), critic.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
