"""Turns of alternating training, and a side that stays as it is."""

from __future__ import annotations

import torch
from torch import nn

from isogloss.alignment.alternation import held_fixed, is_adversary_turn


def test_a_cycle_is_the_adversary_s_steps_and_one_of_the_model() -> None:
    assert [is_adversary_turn(step, 4) for step in range(10)] == [True] * 4 + [False] + [
        True
    ] * 4 + [False]
    assert [is_adversary_turn(step, 1) for step in range(4)] == [True, False, True, False]


def test_a_held_module_passes_gradients_on_and_takes_none() -> None:
    layer = nn.Linear(3, 1)
    rows = torch.randn(2, 3, requires_grad=True)
    with held_fixed(layer):
        loss = layer(rows).sum()
    loss.backward()
    torch.testing.assert_close(rows.grad, layer.weight.detach().expand(2, 3))
    assert layer.weight.grad is None
    assert layer.bias.grad is None


def test_afterwards_parameters_train_as_before() -> None:
    layer = nn.Linear(3, 1)
    layer.bias.requires_grad_(False)
    try:
        with held_fixed(layer):
            raise RuntimeError
    except RuntimeError:
        pass
    assert layer.weight.requires_grad
    assert not layer.bias.requires_grad
