"""A change of the last layer: in every architecture exactly what was added, also when saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from isogloss.models.features import FeatureClassifier, Rows
from isogloss.models.head_change import add_to_head
from tests.helpers.models import ARCHITECTURES, random_batch, tiny_model


def rows_of(model: PreTrainedModel) -> Rows:
    batch = random_batch()
    places = torch.arange(len(batch["input_ids"]))
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        return FeatureClassifier(model)(
            **inputs, active_rows=places, active_positions=torch.zeros_like(places)
        )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_saved_model_has_the_logits_that_were_computed(
    architecture: str, tmp_path: Path
) -> None:
    model = tiny_model(architecture)
    before = rows_of(model)
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(3, before.features.shape[1])), rng.normal(size=3)
    add_to_head(model, weight, bias)
    wanted = before.logits.double().numpy() + before.features.double().numpy() @ weight.T + bias
    np.testing.assert_allclose(rows_of(model).logits.numpy(), wanted, atol=1e-4)
    model.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.equal(rows_of(again).logits, rows_of(model).logits)
    # One layer has moved, whatever else a head is made of.
    changed = {name for name, old in kept.items() if not torch.equal(old, again.state_dict()[name])}
    assert len(changed) == 2
    assert {name.rpartition(".")[2] for name in changed} == {"weight", "bias"}


def test_a_classifier_is_changed_in_its_model() -> None:
    classifier, plain = FeatureClassifier(tiny_model("bert")), tiny_model("bert")
    change = (np.ones((3, classifier.feature_size)), np.arange(3.0))
    add_to_head(classifier, *change)
    add_to_head(plain, *change)
    state = plain.state_dict()
    assert torch.equal(classifier.final_linear.weight, state["classifier.weight"])
    assert torch.equal(classifier.final_linear.bias, state["classifier.bias"])
