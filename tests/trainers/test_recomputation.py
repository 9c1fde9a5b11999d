from __future__ import annotations

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
    assert Recomputation(model, 20).prepare(batch["input_ids"])
    again = gradients(model, batch)
    assert len(plain) == len(again)
    for one, other in zip(plain, again, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_only_batches_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    inner = recomputation.checkpoint

    def spy(*args: object, **options: object) -> object:
        calls.append(1)
        return inner(*args, **options)

    monkeypatch.setattr(recomputation, "checkpoint", spy)
    model = FeatureClassifier(tiny_model("bert")).train()
    bounded = Recomputation(model, 30)
    short, long = random_batch(rows=3, length=10), random_batch(rows=4, length=10)
    assert not bounded.prepare(short["input_ids"])
    gradients(model, short)
    assert not calls
    assert bounded.prepare(long["input_ids"])
    gradients(model, long)
    assert len(calls) == 2
    assert not bounded.prepare(short["input_ids"])
    gradients(model, short)
    assert len(calls) == 2


def test_zero_turns_it_off() -> None:
    model = FeatureClassifier(tiny_model("bert")).train()
    assert not Recomputation(model, 0).prepare(torch.zeros(100, 100))
