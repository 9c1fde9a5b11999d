from __future__ import annotations

import pytest
import torch

from isogloss.errors import IsoglossError
from isogloss.models.fast import make_fast
from isogloss.models.features import FeatureClassifier
from isogloss.models.freezing import encoder_layers, freeze_bottom
from isogloss.models.heads import embedding_table
from isogloss.trainers.recomputation import Recomputation
from tests.helpers.models import ARCHITECTURES, random_batch, tiny_model

every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


def batch() -> dict[str, torch.Tensor]:
    given = random_batch()
    rows = torch.arange(len(given["input_ids"]))
    return given | {"active_rows": rows, "active_positions": torch.zeros_like(rows)}


def stepped(classifier: FeatureClassifier) -> set[str]:
    """Names of the parameters that a step with weight decay moves."""
    before = {name: p.detach().clone() for name, p in classifier.named_parameters()}
    trained = [p for p in classifier.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0.5)
    classifier.train()
    classifier(**batch()).logits.square().sum().backward()
    optimizer.step()
    return {n for n, p in classifier.named_parameters() if not torch.equal(before[n], p.detach())}


@every_architecture
@pytest.mark.parametrize("task", ["sequence", "token"])
@pytest.mark.parametrize("fast", [False, True])
def test_bottom_rests_and_the_rest_moves(architecture: str, task: str, fast: bool) -> None:
    classifier = FeatureClassifier(tiny_model(architecture, task))
    if fast:
        make_fast(classifier, batch()["input_ids"].numpy())
    freeze_bottom(classifier, layers=1)
    Recomputation(classifier, 8).prepare(batch()["input_ids"])
    layers = encoder_layers(classifier.encoder)
    assert len(layers) == 2
    upper = {id(p) for p in layers[1].parameters()}
    top = {n for n, p in classifier.named_parameters() if id(p) in upper}
    moved = stepped(classifier)
    frozen = {n for n, p in classifier.named_parameters() if not p.requires_grad}
    assert not moved & frozen
    assert any("embeddings" in name for name in frozen)
    assert top <= moved
    assert all("embeddings" in n or ".0." in n for n in frozen), frozen


@every_architecture
def test_all_positions_types_and_norms_of_the_embeddings_rest(architecture: str) -> None:
    classifier = FeatureClassifier(tiny_model(architecture))
    freeze_bottom(classifier, layers=0)
    moved = stepped(classifier)
    # DeBERTa's relative positions belong to its layers, each of which reads them.
    assert not [name for name in moved if ".embeddings." in name]
    layers = {id(p) for layer in encoder_layers(classifier.encoder) for p in layer.parameters()}
    assert {n for n, p in classifier.named_parameters() if id(p) in layers} <= moved


def test_layers_can_rest_without_the_embeddings() -> None:
    classifier = FeatureClassifier(tiny_model("bert"))
    freeze_bottom(classifier, layers=2, embeddings=False)
    moved = stepped(classifier)
    assert any("word_embeddings" in name for name in moved)
    assert not any(".layer." in name for name in moved)


def test_frozen_rows_of_a_trimmed_embedding_come_back_as_they_were() -> None:
    classifier = FeatureClassifier(tiny_model("bert"))
    whole = embedding_table(classifier.model).detach().clone()
    trimmed = make_fast(classifier, batch()["input_ids"].numpy())
    freeze_bottom(classifier, layers=1)
    stepped(classifier)
    assert trimmed is not None
    assert torch.equal(trimmed.full_table(), whole)


def test_more_layers_than_there_are_are_refused() -> None:
    with pytest.raises(IsoglossError) as caught:
        freeze_bottom(FeatureClassifier(tiny_model("bert")), layers=3)
    assert caught.value.code == "E345"
    assert "has only 2" in str(caught.value)
