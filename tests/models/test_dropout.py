"""Dropout from a pool: rates, independence, gradients, and repeatability from torch's state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from isogloss.models import dropout as module
from isogloss.models.dropout import (
    PooledDropout,
    multiplier_pool,
    pooled_dropout,
    replace_dropout,
    restore_dropout,
)
from tests.helpers.models import ARCHITECTURES, random_batch, tiny_model


@pytest.fixture(autouse=True)
def _small_pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "POOL_BYTES", 1 << 22)
    multiplier_pool.cache_clear()
    yield
    multiplier_pool.cache_clear()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_mean_and_variance(p: float) -> None:
    torch.manual_seed(0)
    dropped = pooled_dropout(torch.ones(400, 1000), p)
    values = dropped.unique()
    torch.testing.assert_close(values, torch.tensor([0.0, 1 / (1 - p)]))
    # Five standard errors of 400,000 independent draws.
    error = 5 * (p / (1 - p) / 400_000) ** 0.5
    assert abs(dropped.mean() - 1) < error
    assert abs(dropped.var() / (p / (1 - p)) - 1) < 0.05


def test_elements_are_independent() -> None:
    torch.manual_seed(0)
    masks = torch.stack([pooled_dropout(torch.ones(64), 0.3) for _ in range(4000)])
    rates = (masks == 0).float().mean(0)
    assert (rates - 0.3).abs().max() < 5 * (0.3 * 0.7 / 4000) ** 0.5
    off_diagonal = torch.corrcoef(masks.T) - torch.eye(64)
    assert off_diagonal.abs().max() < 0.1


def test_successive_calls_differ_and_a_seed_repeats_them() -> None:
    ones = torch.ones(5000)
    torch.manual_seed(7)
    first, second = pooled_dropout(ones, 0.1), pooled_dropout(ones, 0.1)
    assert not torch.equal(first, second)
    torch.manual_seed(7)
    assert torch.equal(pooled_dropout(ones, 0.1), first)
    assert torch.equal(pooled_dropout(ones, 0.1), second)


def test_saved_random_state_repeats_the_masks_in_a_pool_made_anew() -> None:
    ones = torch.ones(5000)
    pooled_dropout(ones, 0.1)
    state = torch.get_rng_state()
    expected = [pooled_dropout(ones, 0.1) for _ in range(3)]
    multiplier_pool.cache_clear()
    torch.set_rng_state(state)
    assert all(torch.equal(pooled_dropout(ones, 0.1), mask) for mask in expected)


def test_making_the_pool_leaves_the_random_state_alone() -> None:
    state = torch.get_rng_state()
    multiplier_pool(0.25, torch.float32)
    assert torch.equal(torch.get_rng_state(), state)


def test_gradient_is_the_mask() -> None:
    inputs = torch.randn(30, 20, requires_grad=True)
    dropped = pooled_dropout(inputs, 0.4)
    dropped.sum().backward()
    assert set(inputs.grad.unique().tolist()) == set(torch.tensor([0.0, 1 / 0.6]).tolist())
    assert torch.equal(inputs.detach() * inputs.grad, dropped.detach())


def test_backward_keeps_no_mask_of_its_own() -> None:
    pool = multiplier_pool(0.4, torch.float32)
    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        pooled_dropout(torch.randn(100, requires_grad=True), 0.4)
    assert [t.untyped_storage().data_ptr() for t in kept] == [pool.untyped_storage().data_ptr()]


def test_pool_first_used_in_inference_mode_serves_training() -> None:
    with torch.inference_mode():
        pooled_dropout(torch.ones(10), 0.3)
    inputs = torch.ones(10, requires_grad=True)
    pooled_dropout(inputs, 0.3).sum().backward()
    assert inputs.grad is not None


def test_eval_mode_and_probability_zero_change_nothing() -> None:
    inputs = torch.randn(10)
    assert PooledDropout(0.5).eval()(inputs) is inputs
    assert pooled_dropout(inputs, 0.0) is inputs
    assert torch.equal(pooled_dropout(inputs, 1.0), torch.zeros(10))


def test_larger_than_half_the_pool_takes_several_windows() -> None:
    half = len(multiplier_pool(0.1, torch.float32)) // 2
    torch.manual_seed(1)
    dropped = pooled_dropout(torch.ones(2 * half + 5), 0.1)
    torch.manual_seed(1)
    parts = [pooled_dropout(torch.ones(count), 0.1) for count in (half, half, 5)]
    assert torch.equal(dropped, torch.cat(parts))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions(dtype: torch.dtype) -> None:
    dropped = pooled_dropout(torch.ones(50_000, dtype=dtype), 0.1)
    assert dropped.dtype == dtype
    assert dropped.double().mean() == pytest.approx(1, abs=0.01)


def test_inputs_that_are_not_contiguous() -> None:
    dropped = pooled_dropout(torch.ones(40, 30, 2).transpose(0, 2), 0.5)
    assert dropped.shape == (2, 30, 40)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_replacing_in_a_model(architecture: str) -> None:
    model = tiny_model(architecture)
    batch = random_batch()
    before = model(**batch).logits
    count = sum(type(part) is nn.Dropout for part in model.modules())
    assert replace_dropout(model) == count > 0
    assert replace_dropout(model) == 0
    assert not any(type(part) is nn.Dropout for part in model.modules())
    assert torch.equal(model(**batch).logits, before)
    model.train()
    assert not torch.equal(model(**batch).logits, model(**batch).logits)
    assert restore_dropout(model) == count
    assert restore_dropout(model) == 0
    assert all(part.training for part in model.modules())


def test_replacing_keeps_probability_mode_and_sharing() -> None:
    shared, special = nn.Dropout(0.3), nn.Dropout1d(0.2)
    model = nn.Sequential(shared, nn.ModuleList([shared]), special, nn.Dropout(0.7).eval())
    assert replace_dropout(model) == 2
    assert model[0] is model[1][0]
    assert (model[0].p, model[0].training) == (0.3, True)
    assert model[2] is special
    assert (model[3].p, model[3].training) == (0.7, False)
