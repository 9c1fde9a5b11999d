"""Trimming is exact: logits, gradients, and the table that is put back."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification

from isogloss.errors import IsoglossError
from isogloss.models.export import export
from isogloss.models.features import FeatureClassifier
from isogloss.models.trimming import TrimmedEmbedding, trim_vocabulary
from tests.helpers.models import (
    ARCHITECTURES,
    HIDDEN,
    VOCAB_SIZE,
    random_batch,
    save_tiny,
    tiny_model,
    tiny_tokenizer,
)

every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


def _batch() -> dict[str, Tensor]:
    batch = random_batch(length=9)
    rows = torch.arange(len(batch["input_ids"]))
    return batch | {"active_rows": rows, "active_positions": torch.zeros_like(rows)}


def _used(batch: dict[str, Tensor]) -> np.ndarray:
    return batch["input_ids"].numpy()


def _table(classifier: FeatureClassifier) -> Tensor:
    return classifier.encoder.get_input_embeddings().weight.detach().clone()


def _train(classifier: FeatureClassifier, batch: dict[str, Tensor], **options: float) -> None:
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=0.01, **options)
    for _ in range(3):
        optimizer.zero_grad()
        classifier(**batch).logits.square().sum().backward()
        optimizer.step()


@every_architecture
@pytest.mark.parametrize("task", ["sequence", "token"])
def test_logits_and_gradients_are_bit_identical(architecture: str, task: str) -> None:
    whole = FeatureClassifier(tiny_model(architecture, task))
    trimmed = FeatureClassifier(tiny_model(architecture, task))
    batch = _batch()
    vocabulary = trim_vocabulary(trimmed, _used(batch))
    assert len(vocabulary.kept) < VOCAB_SIZE
    rows = [model(**batch) for model in (whole, trimmed)]
    assert torch.equal(rows[0].logits, rows[1].logits)
    for result in rows:
        result.logits.square().sum().backward()
    gradient = whole.encoder.get_input_embeddings().weight.grad
    assert torch.equal(vocabulary.embedding.weight.grad, gradient[vocabulary.kept])


@every_architecture
def test_training_then_full_table(architecture: str) -> None:
    whole = FeatureClassifier(tiny_model(architecture))
    trimmed = FeatureClassifier(tiny_model(architecture))
    batch, before = _batch(), _table(whole)
    vocabulary = trim_vocabulary(trimmed, _used(batch))
    for model in (whole, trimmed):
        _train(model, batch, weight_decay=0.0)
    full = vocabulary.full_table()
    assert torch.equal(full, _table(whole))
    outside = np.setdiff1d(np.arange(VOCAB_SIZE), vocabulary.kept)
    assert torch.equal(full[outside], before[outside])
    assert not torch.equal(full[_used(batch)], before[_used(batch)])


def test_untouched_rows_stay_under_weight_decay() -> None:
    classifier = FeatureClassifier(tiny_model("bert"))
    batch, before = _batch(), _table(classifier)
    vocabulary = trim_vocabulary(classifier, _used(batch))
    _train(classifier, batch, weight_decay=0.5)
    changed = (vocabulary.full_table() != before).any(dim=1).nonzero().flatten()
    assert set(changed.tolist()) <= set(vocabulary.kept.tolist())
    assert len(changed) > 1


@every_architecture
def test_restore_gives_an_ordinary_model(architecture: str) -> None:
    classifier = FeatureClassifier(tiny_model(architecture))
    state = copy.deepcopy(classifier.state_dict())
    padding = classifier.encoder.get_input_embeddings().padding_idx
    vocabulary = trim_vocabulary(classifier, _used(_batch()))
    vocabulary.restore()
    embedding = classifier.encoder.get_input_embeddings()
    assert type(embedding) is nn.Embedding
    assert embedding.padding_idx == padding
    assert embedding.weight.requires_grad
    assert classifier.state_dict().keys() == state.keys()
    assert all(torch.equal(classifier.state_dict()[key], state[key]) for key in state)
    trim_vocabulary(classifier, _used(_batch()))


@every_architecture
def test_state_dict_has_the_same_names(architecture: str) -> None:
    classifier = FeatureClassifier(tiny_model(architecture))
    names = list(classifier.state_dict())
    trim_vocabulary(classifier, _used(_batch()))
    assert list(classifier.state_dict()) == names


def test_special_pieces_are_kept_without_being_used() -> None:
    classifier = FeatureClassifier(tiny_model("bert"))
    vocabulary = trim_vocabulary(classifier, np.array([[50, 40], [40, 60]]))
    # Padding 0, beginning 2 and end 3 of the configuration.
    assert vocabulary.kept.tolist() == [0, 2, 3, 40, 50, 60]
    assert vocabulary.embedding.padding_idx == 0


def test_padding_row_gets_no_gradient() -> None:
    classifier = FeatureClassifier(tiny_model("bert", pad_token_id=7))
    vocabulary = trim_vocabulary(classifier, np.array([10, 11]))
    row = int(np.searchsorted(vocabulary.kept, 7))
    assert vocabulary.embedding.padding_idx == row > 0
    classifier.encoder(torch.tensor([[7, 10, 11]])).last_hidden_state.square().sum().backward()
    gradient = vocabulary.embedding.weight.grad
    assert not gradient[row].any()
    assert gradient[row + 1].any()


def test_embedding_without_padding() -> None:
    whole = nn.Embedding(10, 4)
    embedding = TrimmedEmbedding(whole, np.array([2, 5]))
    assert embedding.padding_idx is None
    assert torch.equal(embedding(torch.tensor([[5, 2]])), whole(torch.tensor([[5, 2]])))
    assert repr(embedding) == "TrimmedEmbedding(2 of 10, 4)"


def test_frozen_embedding_stays_frozen() -> None:
    classifier = FeatureClassifier(tiny_model("bert"))
    classifier.encoder.get_input_embeddings().weight.requires_grad_(False)
    vocabulary = trim_vocabulary(classifier, np.array([10]))
    assert not vocabulary.embedding.weight.requires_grad
    vocabulary.restore()
    assert not classifier.encoder.get_input_embeddings().weight.requires_grad


def test_trimmed_id() -> None:
    embedding = TrimmedEmbedding(nn.Embedding(10, 4), np.array([2, 5]))
    with pytest.raises(IsoglossError, match=r"E340: Token id 7 .* 2 pieces"):
        embedding(torch.tensor([[5, 2], [7, 5]]))


@pytest.mark.parametrize("bad", [-1, -100, 10])
def test_id_outside_the_table(bad: int) -> None:
    embedding = TrimmedEmbedding(nn.Embedding(10, 4), np.array([2, 5, 9]))
    with pytest.raises(IsoglossError, match=f"E341: Token id {bad} .* 10 embedding rows"):
        embedding(torch.tensor([[5, bad]]))


@pytest.mark.parametrize("bad", [-1, VOCAB_SIZE])
def test_used_id_outside_the_table(bad: int) -> None:
    classifier = FeatureClassifier(tiny_model("bert"))
    with pytest.raises(IsoglossError, match=f"E341: Token id {bad} "):
        trim_vocabulary(classifier, np.array([5, bad]))


def test_trimming_twice() -> None:
    classifier = FeatureClassifier(tiny_model("bert"))
    trim_vocabulary(classifier, np.array([10]))
    with pytest.raises(IsoglossError, match="E343"):
        trim_vocabulary(classifier, np.array([10]))


def test_full_table_survives_the_folder_it_came_from(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "bert")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    classifier = FeatureClassifier(model.eval())
    before = _table(classifier)
    vocabulary = trim_vocabulary(classifier, np.array([10, 20]))
    (folder / "model.safetensors").unlink()
    with torch.no_grad():
        vocabulary.embedding.weight[-1] = 1.0
    full = vocabulary.full_table()
    assert torch.equal(full[20], torch.ones(HIDDEN))
    others = [i for i in range(VOCAB_SIZE) if i != 20]
    assert torch.equal(full[others], before[others])
    assert torch.equal(vocabulary.untouched.read(), before)


def test_trimming_again_keeps_what_was_trained_before() -> None:
    classifier = FeatureClassifier(tiny_model("bert"))
    for step, piece in enumerate((10, 20), start=1):
        vocabulary = trim_vocabulary(classifier, np.array([piece]))
        row = int(np.searchsorted(vocabulary.kept, piece))
        with torch.no_grad():
            vocabulary.embedding.weight[row] = float(step)
        vocabulary.restore()
    assert torch.equal(_table(classifier)[[10, 20], 0], torch.tensor([1.0, 2.0]))


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_export_of_a_trimmed_model_is_whole(tmp_path: Path, pooling: str) -> None:
    classifier = FeatureClassifier(tiny_model("bert"), pooling=pooling)
    batch, before = _batch(), _table(classifier)
    vocabulary = trim_vocabulary(classifier, _used(batch))
    _train(classifier, batch)
    folder = export(
        classifier,
        tiny_tokenizer("bert"),
        tmp_path / "out",
        card=None,
        full_embedding=vocabulary.full_table(),
    )
    plain = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        logits = plain(batch["input_ids"], batch["attention_mask"]).logits
        torch.testing.assert_close(logits, classifier.eval()(**batch).logits, atol=1e-5, rtol=1e-5)
    exported = plain.get_input_embeddings().weight
    outside = np.setdiff1d(np.arange(VOCAB_SIZE), vocabulary.kept)
    assert torch.equal(exported[outside], before[outside])
