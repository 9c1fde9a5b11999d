"""What holds for any rows: no regard for their order, nor for the axes of the features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.alignment.divergence import DIVERGENCES, CriticDivergence, make_divergence
from isogloss.alignment.mmd import mmd
from isogloss.alignment.penalty import squared_gradients
from isogloss.alignment.sliced import draw_directions, sliced_wasserstein

few = settings(max_examples=20, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)
WIDTH = 6


def drawn(seed: int) -> tuple[torch.Generator, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Source and target rows in double precision, and the source's weights."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.randint(2, 20, (2,), generator=generator).tolist()
    source, target = (
        torch.randn(n, WIDTH, dtype=torch.float64, generator=generator) for n in sizes
    )
    weights = torch.rand(sizes[0], dtype=torch.float64, generator=generator) + 0.05
    return generator, source, target + 0.5, weights


def rotation(generator: torch.Generator) -> torch.Tensor:
    found, _ = torch.linalg.qr(torch.randn(WIDTH, WIDTH, dtype=torch.float64, generator=generator))
    return found


def divergence(name: str, **options: Any) -> Any:
    generator = torch.Generator().manual_seed(0)
    return make_divergence(name, WIDTH, width=16, generator=generator, **options).double()


def distance_and_gradient(
    module: Any, source: torch.Tensor, target: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.cat([source, target]).requires_grad_()
    # The sliced distance draws its directions.
    torch.manual_seed(0)
    terms = module.terms(rows, weights, strength=1.0)
    terms.loss.backward()
    assert rows.grad is not None
    return terms.distance, rows.grad


@pytest.mark.parametrize("name", DIVERGENCES)
@few
@given(seed=seeds)
def test_divergences_have_no_regard_for_the_order_of_rows(name: str, seed: int) -> None:
    generator, source, target, weights = drawn(seed)
    one = torch.randperm(len(source), generator=generator)
    two = torch.randperm(len(target), generator=generator)
    module = divergence(name)
    plain, gradient = distance_and_gradient(module, source, target, weights)
    other, moved = distance_and_gradient(module, source[one], target[two], weights[one])
    torch.testing.assert_close(other, plain, atol=1e-9, rtol=1e-9)
    order = torch.cat([one, len(source) + two])
    torch.testing.assert_close(moved, gradient[order], atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize("name", ["wasserstein", "jsd"])
@few
@given(seed=seeds)
def test_a_critic_has_no_axes_of_its_own(name: str, seed: int) -> None:
    """Features and first layer turned alike give the same scores, slopes and turned gradients."""
    generator, source, target, weights = drawn(seed)
    turn = rotation(generator)
    plain = divergence(name)
    distance, gradient = distance_and_gradient(plain, source, target, weights)
    turned = divergence(name)
    with torch.no_grad():
        turned.hidden.weight.copy_(plain.hidden.weight @ turn.T)
    found, moved = distance_and_gradient(turned, source @ turn.T, target @ turn.T, weights)
    torch.testing.assert_close(found, distance, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(moved, gradient @ turn.T, atol=1e-9, rtol=1e-7)
    slopes = [
        squared_gradients(module, module.preactivations(rows, matrix), matrix)
        for module, rows in ((plain, source), (turned, source @ turn.T))
        for matrix in [module.matrix(rows)]
    ]
    torch.testing.assert_close(*slopes, atol=1e-9, rtol=1e-9)


def test_a_critic_prefers_no_axis_at_first() -> None:
    """Over many initial critics the slopes point everywhere alike: their covariance is round."""
    slopes = []
    for seed in range(600):
        generator = torch.Generator().manual_seed(seed)
        critic = make_divergence("wasserstein", WIDTH, width=8, generator=generator)
        assert isinstance(critic, CriticDivergence)
        rows = torch.zeros(1, WIDTH, requires_grad=True)
        critic(rows).sum().backward()
        assert rows.grad is not None
        slopes.append(rows.grad[0].numpy())
    covariance = np.cov(np.array(slopes).T)
    # Sampling errors of 600 draws are about 6 % of an entry of the diagonal.
    scale = np.trace(covariance) / WIDTH
    np.testing.assert_allclose(covariance / scale, np.eye(WIDTH), atol=0.3)


@few
@given(seed=seeds)
def test_distances_without_a_critic_have_no_axes(seed: int) -> None:
    generator, source, target, weights = drawn(seed)
    turn = rotation(generator)
    moved = source @ turn.T, target @ turn.T, weights
    torch.testing.assert_close(mmd(*moved), mmd(source, target, weights), atol=1e-9, rtol=1e-7)
    directions = draw_directions(12, WIDTH, generator=generator).double()
    torch.testing.assert_close(
        sliced_wasserstein(*moved, directions=directions @ turn.T),
        sliced_wasserstein(source, target, weights, directions=directions),
        atol=1e-9,
        rtol=1e-7,
    )
