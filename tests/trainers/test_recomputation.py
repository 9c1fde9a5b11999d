from __future__ import annotations

from typing import Any

import pytest
import torch

from isogloss.models.attention import use_fast_attention
from isogloss.models.dropout import replace_dropout
from isogloss.models.features import FeatureClassifier
from isogloss.trainers import recomputation
from isogloss.trainers.recomputation import Recomputation
from tests.helpers.models import ARCHITECTURES, random_batch, tiny_model


def gradients(model: FeatureClassifier, batch: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    torch.manual_seed(5)
    model.zero_grad()
    rows = torch.arange(len(batch["input_ids"]))
    output = model(**batch, active_rows=rows, active_positions=torch.zeros_like(rows))
    output.logits.square().sum().backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_do_not_change_dropout_and_all(architecture: str) -> None:
    model = FeatureClassifier(tiny_model(architecture)).train()
    replace_dropout(model)
    use_fast_attention(model)
    batch = random_batch(rows=4, length=10)
    plain = gradients(model, batch)
    assert Recomputation(model, 20).prepare(batch["input_ids"]) > 0
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


def test_zero_turns_it_off() -> None:
    model = FeatureClassifier(tiny_model("bert")).train()
    assert Recomputation(model, 0).prepare(torch.zeros(100, 100)) == 0
