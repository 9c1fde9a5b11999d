"""The critic and its closed-form input gradient."""

from __future__ import annotations

import torch

from isogloss.alignment.critic import Critic


def _critic(seed: int = 0) -> Critic:
    return Critic(6, width=32, generator=torch.Generator().manual_seed(seed)).double()


def test_the_paper_width_and_a_score_per_row() -> None:
    critic = Critic(4)
    assert critic.hidden.out_features == 2048
    assert critic(torch.randn(3, 4)).shape == (3,)
    assert critic(torch.randn(0, 4)).shape == (0,)


def test_a_generator_fixes_the_start_and_leaves_the_global_one_alone() -> None:
    state = torch.get_rng_state()
    first, again, other = _critic(1), _critic(1), _critic(2)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.hidden.weight, again.hidden.weight)
    assert torch.equal(first.output.bias, again.output.bias)
    assert not torch.equal(first.hidden.weight, other.hidden.weight)


def test_the_start_is_scaled_to_the_inputs() -> None:
    critic = _critic()
    assert 0.9 / 6**0.5 < float(critic.hidden.weight.detach().abs().max()) <= 1 / 6**0.5
    assert 0.5 / 32**0.5 < float(critic.output.weight.detach().abs().max()) <= 1 / 32**0.5


def test_the_input_gradient_equals_autograd() -> None:
    critic = _critic()
    u = torch.randn(7, 6, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(critic(u).sum(), u)
    torch.testing.assert_close(critic.input_gradient(u), expected)


def test_its_parameter_gradients_equal_double_backward() -> None:
    critic = _critic()
    u = torch.randn(7, 6, dtype=torch.float64, requires_grad=True)
    parameters = (critic.hidden.weight, critic.output.weight)
    (gradient,) = torch.autograd.grad(critic(u).sum(), u, create_graph=True)
    mixture = torch.randn(7, 6, dtype=torch.float64)
    expected = torch.autograd.grad((gradient * mixture).sum(), parameters)
    found = torch.autograd.grad((critic.input_gradient(u) * mixture).sum(), parameters)
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two)
