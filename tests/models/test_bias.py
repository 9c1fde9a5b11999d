"""Weights folded into the last bias: the corrected classifier, also as a plain saved model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    ElectraConfig,
    GPT2Config,
    PreTrainedModel,
)

from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.labelshift import correct
from isogloss.models.bias import SMALLEST_WEIGHT, fold_into_bias
from isogloss.models.features import FeatureClassifier
from isogloss.models.heads import head_of
from tests.helpers.models import ARCHITECTURES, HIDDEN, VOCAB_SIZE, random_batch, tiny_model

WEIGHTS = np.array([0.2, 1.0, 3.5])
AUTO = {
    "sequence": AutoModelForSequenceClassification,
    "token": AutoModelForTokenClassification,
}


def _logits(model: PreTrainedModel) -> Tensor:
    with torch.no_grad():
        return model(**random_batch()).logits.reshape(-1, model.config.num_labels)


def _probabilities(model: PreTrainedModel) -> np.ndarray:
    return _logits(model).double().softmax(-1).numpy()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("task", AUTO)
def test_a_saved_model_makes_the_corrected_predictions(
    architecture: str, task: str, tmp_path: Path
) -> None:
    model = tiny_model(architecture, task)
    wanted = correct(_probabilities(model), WEIGHTS)
    fold_into_bias(model, WEIGHTS)
    np.testing.assert_allclose(_probabilities(model), wanted, atol=1e-6)
    model.save_pretrained(tmp_path)
    again = AUTO[task].from_pretrained(tmp_path).eval()
    assert torch.equal(_logits(again), _logits(model))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_feature_classifier_is_changed_in_its_model(architecture: str) -> None:
    classifier, plain = FeatureClassifier(tiny_model(architecture)), tiny_model(architecture)
    fold_into_bias(classifier, WEIGHTS)
    fold_into_bias(plain, WEIGHTS)
    assert torch.equal(_logits(classifier.model), _logits(plain))


def test_nothing_but_the_last_bias_changes() -> None:
    model = tiny_model("xlm-roberta")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fold_into_bias(model, WEIGHTS)
    changed = [
        name for name, tensor in model.state_dict().items() if not tensor.equal(before[name])
    ]
    assert changed == ["classifier.out_proj.bias"]
    assert model.classifier.out_proj.bias.requires_grad


def test_folding_back_restores_the_predictions() -> None:
    model = tiny_model("bert")
    before = _probabilities(model)
    fold_into_bias(model, WEIGHTS)
    fold_into_bias(model, 5.0 / WEIGHTS)
    np.testing.assert_allclose(_probabilities(model), before, atol=1e-6)


def test_a_weight_of_0_leaves_a_class_no_probability_and_every_logit_finite() -> None:
    model = tiny_model("distilbert")
    wanted = correct(_probabilities(model), [0.0, 1.0, 2.0])
    fold_into_bias(model, [0.0, 1.0, 2.0])
    assert torch.isfinite(_logits(model)).all()
    np.testing.assert_allclose(_probabilities(model), wanted, atol=1e-6)
    assert _probabilities(model)[:, 0].max() < 1e6 * SMALLEST_WEIGHT


def test_a_common_factor_and_weights_of_0_alone_change_nothing() -> None:
    model = tiny_model("bert")
    before = _probabilities(model)
    fold_into_bias(model, 1e-40 * WEIGHTS)
    np.testing.assert_allclose(_probabilities(model), correct(before, WEIGHTS), atol=1e-5)
    again = tiny_model("bert")
    fold_into_bias(again, np.zeros(3))
    np.testing.assert_allclose(_probabilities(again), before, atol=1e-5)


def test_an_unlisted_architecture_is_probed() -> None:
    config = ElectraConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=HIDDEN,
        embedding_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=3,
    )
    model = AutoModelForSequenceClassification.from_config(config).eval()
    assert head_of(model) is None
    wanted = correct(_probabilities(model), WEIGHTS)
    fold_into_bias(model, WEIGHTS)
    np.testing.assert_allclose(_probabilities(model), wanted, atol=1e-6)


def test_a_layer_without_bias_gets_one_and_a_warning() -> None:
    model = tiny_model("bert")
    model.classifier = nn.Linear(HIDDEN, 3, bias=False)
    wanted = correct(_probabilities(model), WEIGHTS)
    with pytest.warns(IsoglossWarning, match="W420: The last layer of BertForSequence"):
        fold_into_bias(model, WEIGHTS)
    np.testing.assert_allclose(_probabilities(model), wanted, atol=1e-6)
    assert "classifier.bias" in model.state_dict()


def test_half_precision_models_stay_in_it() -> None:
    model = tiny_model("bert").to(torch.bfloat16)
    fold_into_bias(model, [0.0, 1.0, 2.0])
    assert model.classifier.bias.dtype == torch.bfloat16
    assert torch.isfinite(model.classifier.bias).all()


@pytest.mark.parametrize(
    ("weights", "code"),
    [([1.0, 2.0], "E405"), ([1.0, -1.0, 1.0], "E401"), ([1.0, np.nan, 1.0], "E400")],
)
def test_unusable_weights_are_refused_and_change_nothing(weights: list[float], code: str) -> None:
    model = tiny_model("bert")
    before = _logits(model)
    with pytest.raises(IsoglossError, match=code):
        fold_into_bias(model, weights)
    assert torch.equal(_logits(model), before)


def test_a_head_without_a_final_linear_layer_is_refused() -> None:
    config = GPT2Config(
        vocab_size=VOCAB_SIZE, n_embd=HIDDEN, n_layer=1, n_head=2, num_labels=3, pad_token_id=0
    )
    model = AutoModelForSequenceClassification.from_config(config)
    with pytest.raises(IsoglossError, match="E317: GPT2ForSequenceClassification"):
        fold_into_bias(model, WEIGHTS)
