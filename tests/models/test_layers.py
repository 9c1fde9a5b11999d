"""The states of every layer, against the library's own."""

from __future__ import annotations

import itertools

import pytest
import torch
from transformers import AutoModelForSequenceClassification, ElectraConfig

from isogloss.models.features import FeatureClassifier
from isogloss.models.inference import inference
from isogloss.models.layers import layer_count, reduce_states, with_layer_states
from tests.helpers.models import ARCHITECTURES, VOCAB_SIZE, random_batch, tiny_model


def electra() -> torch.nn.Module:
    shape = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = ElectraConfig(vocab_size=VOCAB_SIZE, hidden_size=32, embedding_size=16, **shape)
    return AutoModelForSequenceClassification.from_config(config).eval()


@pytest.mark.parametrize(
    ("architecture", "task"),
    [*itertools.product(ARCHITECTURES, ["sequence", "token"]), ("electra", "sequence")],
)
def test_states_are_those_of_the_plain_model(architecture: str, task: str) -> None:
    model = electra() if architecture == "electra" else tiny_model(architecture, task)
    classifier = FeatureClassifier(model)
    batch = random_batch()
    active = batch["attention_mask"].nonzero(as_tuple=True)
    if task == "sequence":
        active = (torch.arange(5), torch.zeros(5, dtype=torch.long))
    places = {"active_rows": active[0], "active_positions": active[1]}
    with torch.no_grad():
        rows, states = with_layer_states(classifier, **batch, **places)
        wanted = model.base_model(**batch, output_hidden_states=True).hidden_states
        plain = classifier(**batch, **places)
    assert len(states) == layer_count(classifier) + 1 == 3
    for found, one in zip(states, wanted, strict=True):
        torch.testing.assert_close(found, one)
    torch.testing.assert_close(rows.features, plain.features)
    torch.testing.assert_close(rows.logits, plain.logits)


def test_views_are_taken_text_by_text() -> None:
    batch = random_batch()
    mask = batch["attention_mask"]
    hidden = torch.randn(*mask.shape, 4, generator=torch.Generator().manual_seed(0))
    active = mask.nonzero(as_tuple=True)
    options = {"attention_mask": mask, "active_rows": active[0], "active_positions": active[1]}
    torch.testing.assert_close(reduce_states(hidden, "cls", **options), hidden[:, 0])
    lengths = mask.sum(dim=1).tolist()
    texts = [hidden[i, :length] for i, length in enumerate(lengths)]
    means = torch.stack([text.mean(dim=0) for text in texts])
    torch.testing.assert_close(reduce_states(hidden, "mean", **options), means)
    torch.testing.assert_close(reduce_states(hidden, "active", **options), torch.cat(texts))


def test_half_precision_leaves_nothing_behind() -> None:
    classifier = FeatureClassifier(tiny_model("bert"))
    batch = random_batch()
    places = {"active_rows": torch.arange(5), "active_positions": torch.zeros(5, dtype=torch.long)}
    with inference(classifier, "bf16"):
        _, half = with_layer_states(classifier, **batch, **places)
    with inference(classifier, "fp32"):
        _, full = with_layer_states(classifier, **batch, **places)
    torch.testing.assert_close(half[-1].float(), full[-1], atol=0.2, rtol=0.1)
    assert not classifier.encoder._forward_hooks
    assert not classifier.encoder._forward_pre_hooks
