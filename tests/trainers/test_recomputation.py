from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import nn

from isogloss.errors import IsoglossError
from isogloss.models.attention import use_fast_attention
from isogloss.models.dropout import replace_dropout
from isogloss.models.features import FeatureClassifier
from isogloss.trainers import recomputation
from isogloss.trainers.config import FinetuneConfig
from isogloss.trainers.recomputation import Recomputation
from tests.helpers.models import ARCHITECTURES, random_batch, tiny_model


def gradients(model: FeatureClassifier, batch: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    torch.manual_seed(5)
    model.zero_grad()
    rows = torch.arange(len(batch["input_ids"]))
    output = model(**batch, active_rows=rows, active_positions=torch.zeros_like(rows))
    output.logits.square().sum().backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_do_not_change_dropout_and_all(architecture: str, always: bool) -> None:
    model = FeatureClassifier(tiny_model(architecture)).train()
    replace_dropout(model)
    use_fast_attention(model)
    batch = random_batch(rows=4, length=10)
    plain = gradients(model, batch)
    recomputed = Recomputation(model, 20, always=always).prepare(batch["input_ids"])
    assert recomputed == model.model.config.num_hidden_layers if always else recomputed > 0
    again = gradients(model, batch)
    assert len(plain) == len(again)
    for one, other in zip(plain, again, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("rows", "recomputed"), [(2, 0), (4, 0), (5, 1), (8, 2), (12, 3), (16, 3), (17, 4), (100, 4)]
)
def test_layers_keep_what_the_bound_allows(
    monkeypatch: pytest.MonkeyPatch, rows: int, recomputed: int
) -> None:
    calls: list[object] = []
    inner = recomputation.checkpoint

    def spy(function: Any, *args: Any, **options: Any) -> Any:
        calls.append(function)
        return inner(function, *args, **options)

    monkeypatch.setattr(recomputation, "checkpoint", spy)
    model = FeatureClassifier(tiny_model("bert", num_hidden_layers=4)).train()
    bounded = Recomputation(model, 40)
    for size, expected in ((rows, recomputed), (4, 0)):
        calls.clear()
        batch = random_batch(rows=size, length=10)
        assert bounded.prepare(batch["input_ids"]) == expected
        gradients(model, batch)
        assert len(calls) == expected
        recomputing = [layer.gradient_checkpointing for layer in model.encoder.encoder.layer]
        assert recomputing == [True] * expected + [False] * (4 - expected)


def test_zero_turns_it_off_even_where_it_was_on() -> None:
    model = FeatureClassifier(tiny_model("bert")).train()
    assert Recomputation(model, 0, always=True).prepare(torch.zeros(1, 1)) == 2
    assert Recomputation(model, 0).prepare(torch.zeros(100, 100)) == 0
    assert not any(layer.gradient_checkpointing for layer in model.encoder.encoder.layer)


def test_always_needs_layers_that_can_recompute() -> None:
    class Other(nn.Module):
        pass

    assert Recomputation(Other(), 40).prepare(torch.zeros(100, 100)) == 0
    with pytest.raises(IsoglossError, match="E514: Other has no layers"):
        Recomputation(Other(), 40, always=True)


@pytest.mark.parametrize("name", ["gradient_checkpointing", "activation_checkpointing"])
def test_both_names_are_taken_without_a_warning(name: str) -> None:
    if not hasattr(FinetuneConfig, name):
        pytest.skip("this version of transformers has one name only")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        args = FinetuneConfig(**{"use_cpu": True, name: True})
    assert args.gradient_checkpointing
    assert not FinetuneConfig(use_cpu=True).gradient_checkpointing


def test_options_of_upstreams_own_are_refused() -> None:
    with pytest.raises(IsoglossError, match="E515: gradient_checkpointing_kwargs is"):
        FinetuneConfig(use_cpu=True, gradient_checkpointing_kwargs={"use_reentrant": True})
