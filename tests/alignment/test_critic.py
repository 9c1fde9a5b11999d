"""The critic network."""

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


def test_scores_are_those_of_the_two_layers() -> None:
    critic, u = _critic(), torch.randn(7, 6, dtype=torch.float64)
    expected = [
        sum(
            critic.output.weight[0, j] * max(0.0, critic.hidden.weight[j] @ row + b)
            for j, b in enumerate(critic.hidden.bias)
        )
        + critic.output.bias[0]
        for row in u
    ]
    torch.testing.assert_close(critic(u), torch.stack(expected))


def test_under_autocast_products_are_half_and_scores_single() -> None:
    critic, u = Critic(6, width=32), torch.randn(7, 6)
    with torch.autocast("cpu", torch.bfloat16):
        matrix = critic.matrix(u)
        preactivations = critic.preactivations(u, matrix)
        scores = critic(u)
    assert matrix.dtype == preactivations.dtype == torch.bfloat16
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, critic(u), rtol=0.05, atol=0.02)
    # In bfloat16 the scores themselves would be rounded to 8 bits.
    assert not torch.equal(scores, scores.bfloat16().float())
