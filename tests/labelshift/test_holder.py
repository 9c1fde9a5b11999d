"""Weights as module state."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from isogloss.errors import IsoglossError
from isogloss.labelshift.holder import ClassWeights, FixedWeights
from isogloss.labelshift.online import OnlineWeights

PRIOR = [0.25, 0.25, 0.5]
WEIGHTS = [2.0, 0.8, 0.6]


def _moved(holder: ClassWeights) -> ClassWeights:
    if isinstance(holder, FixedWeights):
        holder.set(WEIGHTS, PRIOR)
    elif isinstance(holder, OnlineWeights):
        holder.start(WEIGHTS, PRIOR)
        holder.observe(torch.eye(3), torch.tensor([0, 1, 1]), torch.eye(3)[:2])
        holder.step(0.0)
    return holder


@pytest.mark.parametrize("kind", [FixedWeights, OnlineWeights])
def test_before_anything_is_known_there_is_no_shift(kind: type[ClassWeights]) -> None:
    holder = kind(4)
    assert torch.equal(holder.weights, torch.ones(4, dtype=torch.float64))
    assert torch.equal(holder.target_prior, holder.prior)


@pytest.mark.parametrize("kind", [FixedWeights, OnlineWeights])
def test_checkpoints_hold_everything(kind: type[ClassWeights]) -> None:
    holder = _moved(kind(3))
    restored = kind(3)
    restored.load_state_dict(holder.state_dict())
    for name, value in holder.state_dict().items():
        assert value.dtype == torch.float64, name
    assert torch.equal(restored.weights, holder.weights)
    assert torch.equal(restored.prior, holder.prior)
    if isinstance(holder, OnlineWeights) and isinstance(restored, OnlineWeights):
        holder.step(0.5)
        restored.step(0.5)
        assert torch.equal(restored.weights, holder.weights)


@pytest.mark.parametrize("kind", [FixedWeights, OnlineWeights])
def test_half_precision_around_it_does_not_round_the_state(kind: type[ClassWeights]) -> None:
    holder = _moved(kind(3))
    before = {name: value.clone() for name, value in holder.state_dict().items()}
    around = nn.ModuleList([nn.Linear(2, 2), holder]).to(torch.bfloat16).half()
    assert around[0].weight.dtype == torch.float16
    for name, value in holder.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_nothing_is_trained_by_an_optimiser() -> None:
    assert not list(OnlineWeights(3).parameters())
    assert not list(FixedWeights(3).parameters())


def test_fixed_weights_are_what_was_set() -> None:
    holder = FixedWeights(3)
    holder.set(torch.tensor(WEIGHTS), torch.tensor(PRIOR))
    np.testing.assert_allclose(holder.weights.numpy(), WEIGHTS, atol=1e-6)
    np.testing.assert_allclose(holder.target_prior.numpy(), [0.5, 0.2, 0.3], atol=1e-6)
    assert float(holder.target_prior.sum()) == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize(
    ("weights", "prior", "code"),
    [
        ([np.nan, 1.0, 1.0], PRIOR, "E400"),
        ([-1.0, 1.0, 2.0], PRIOR, "E401"),
        (WEIGHTS, [0.5, 0.5, 0.5], "E402"),
        ([1.0, 1.0], PRIOR, "E405"),
        (WEIGHTS, [0.5, 0.5], "E405"),
        ([2.0, 2.0, 2.0], PRIOR, "E408"),
    ],
)
def test_unusable_weights_are_refused(weights: list[float], prior: list[float], code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        FixedWeights(3).set(weights, prior)
    with pytest.raises(IsoglossError, match=code):
        OnlineWeights(3).start(weights, prior)
