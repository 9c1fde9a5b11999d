"""Export: plain transformers gives the same logits, and the way back is exact."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.labels import LabelMap
from isogloss.models.export import export
from isogloss.models.features import FeatureClassifier
from isogloss.models.loading import Backbone, load_backbone
from tests.helpers.models import (
    ARCHITECTURES,
    HIDDEN,
    VOCAB_SIZE,
    random_batch,
    save_tiny,
)

LABELS = LabelMap(("bad", "fine", "good"))
TAGS = LabelMap(("O", "B-LOC", "I-LOC"))
CASES = [
    *((name, "sequence", pooling) for name in ARCHITECTURES for pooling in ("cls", "mean")),
    *((name, "token", "cls") for name in ARCHITECTURES),
]
every_case = pytest.mark.parametrize(("architecture", "kind", "pooling"), CASES)


def _load(where: Path, kind: str = "sequence", **options: Any) -> Backbone:
    labels = TAGS if kind == "token" else LABELS
    return load_backbone(where, kind=kind, labels=labels, seed=0, **options)  # type: ignore[arg-type]


def _trained(tmp_path: Path, architecture: str, kind: str, pooling: str) -> Backbone:
    """A backbone whose every parameter has moved away from its start."""
    backbone = _load(save_tiny(tmp_path / "start", architecture), kind, pooling=pooling)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in backbone.model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return backbone


def _write(backbone: Backbone, folder: Path, **options: Any) -> Path:
    options = {"card": None, "full_embedding": None} | options
    return export(backbone.model, backbone.tokenizer, folder, **options)


def _rows(batch: dict[str, Tensor], kind: str) -> tuple[Tensor, Tensor]:
    if kind == "token":
        return batch["attention_mask"].nonzero(as_tuple=True)
    rows = torch.arange(len(batch["input_ids"]))
    return rows, torch.zeros_like(rows)


@torch.no_grad()
def _logits(model: FeatureClassifier, batch: dict[str, Tensor], kind: str) -> Tensor:
    rows, positions = _rows(batch, kind)
    return model(**batch, active_rows=rows, active_positions=positions).logits


@torch.no_grad()
def _plain_logits(folder: Path, batch: dict[str, Tensor], kind: str) -> Tensor:
    token = kind == "token"
    auto = AutoModelForTokenClassification if token else AutoModelForSequenceClassification
    model, report = auto.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values())
    logits = model.eval()(**batch).logits
    return logits[_rows(batch, kind)] if token else logits


@every_case
def test_plain_transformers_gives_the_same_logits(
    architecture: str, kind: str, pooling: str, tmp_path: Path
) -> None:
    backbone = _trained(tmp_path, architecture, kind, pooling)
    folder = _write(backbone, tmp_path / "out")
    batch = random_batch(rows=6, length=13)
    assert not batch["attention_mask"].all()
    wanted = _logits(backbone.model, batch, kind)
    found = _plain_logits(folder, batch, kind)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    layers = AutoConfig.from_pretrained(folder).num_hidden_layers
    assert layers == 2 + (pooling == "mean" and architecture != "modernbert")


@every_case
def test_loading_and_exporting_again_changes_nothing(
    architecture: str, kind: str, pooling: str, tmp_path: Path
) -> None:
    backbone = _trained(tmp_path, architecture, kind, pooling)
    first = _write(backbone, tmp_path / "first")
    again = _load(first, kind)
    assert again.model.pooling == pooling
    assert again.model.model.config.num_hidden_layers == 2
    batch = random_batch()
    wanted = _logits(backbone.model, batch, kind)
    torch.testing.assert_close(_logits(again.model, batch, kind), wanted, atol=1e-5, rtol=1e-5)
    second = _write(again, tmp_path / "second")
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    configs = [json.loads((folder / "config.json").read_text()) for folder in (first, second)]
    assert configs[0] == configs[1]
    assert configs[0]["isogloss_pooling"] == pooling


@every_case
def test_exporting_leaves_the_model_alone(
    architecture: str, kind: str, pooling: str, tmp_path: Path
) -> None:
    model = (backbone := _trained(tmp_path, architecture, kind, pooling)).model
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    config = copy.deepcopy(model.model.config)
    _write(backbone, tmp_path / "out")
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    after = model.model.config.to_dict() | {"architectures": None}
    assert after == config.to_dict() | {"architectures": None}


PIPELINE = """
import json, sys
sys.modules["isogloss"] = None
from transformers import pipeline
from transformers.utils import logging
logging.set_verbosity_error()

def run(task, folder):
    options = {"top_k": None} if task == "text-classification" else {}
    found = pipeline(task, model=folder, device="cpu", **options)(texts, batch_size=2)
    return [[one | {"score": float(one["score"])} for one in row] for row in found]

texts, wanted = json.loads(sys.argv[1])
print(json.dumps([run(task, folder) for task, folder in wanted]))
"""
TEXTS = ["Good books, very good food!", "Anna lives in Berlin", "bad"]
PIPED = (("bert", "sequence"), ("deberta-v2", "sequence"), ("distilbert", "token"))


@pytest.fixture(scope="module")
def piped(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Backbone, list[Any]]]:
    """Backbones, and what transformers.pipeline gives where isogloss cannot be imported.

    One process for all of them, as starting it is what takes time.
    """
    backbones = [
        _trained(tmp_path_factory.mktemp(name), name, kind, "mean") for name, kind in PIPED
    ]
    asked = [
        (
            "token-classification" if backbone.model.is_token else "text-classification",
            str(_write(backbone, tmp_path_factory.mktemp("out"))),
        )
        for backbone in backbones
    ]
    command = [sys.executable, "-I", "-c", PIPELINE, json.dumps([TEXTS, asked])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return list(zip(backbones, json.loads(done.stdout), strict=True))


def _encoded(backbone: Backbone) -> dict[str, Tensor]:
    return dict(backbone.tokenizer(TEXTS, padding=True, return_tensors="pt"))


@pytest.mark.parametrize("index", [0, 1])
def test_pipeline_classifies_text_without_isogloss(
    index: int, piped: list[tuple[Backbone, list[Any]]]
) -> None:
    backbone, found = piped[index]
    wanted = _logits(backbone.model, _encoded(backbone), "sequence").softmax(-1)
    for row, scores in zip(found, wanted, strict=True):
        by_label = dict(zip(LABELS.names, scores.tolist(), strict=True))
        assert {one["label"]: one["score"] for one in row} == pytest.approx(by_label, abs=1e-5)


def test_pipeline_tags_tokens_without_isogloss(piped: list[tuple[Backbone, list[Any]]]) -> None:
    backbone, found = piped[2]
    batch = _encoded(backbone)
    rows, positions = (batch["input_ids"] > 3).nonzero(as_tuple=True)
    with torch.no_grad():
        logits = backbone.model(**batch, active_rows=rows, active_positions=positions).logits
    scores, ids = logits.softmax(-1).max(-1)
    keys = list(zip(rows.tolist(), positions.tolist(), strict=True))
    tags = dict(zip(keys, (TAGS.names[index] for index in ids), strict=True))
    entities = {(row, one["index"]): one for row, all_ in enumerate(found) for one in all_}
    tagged = {key: tag for key, tag in tags.items() if tag != "O"}
    assert tagged
    assert {key: one["entity"] for key, one in entities.items()} == tagged
    by_key = dict(zip(keys, scores.tolist(), strict=True))
    for key, one in entities.items():
        assert one["score"] == pytest.approx(by_key[key], abs=1e-5)


def test_what_the_folder_holds(tmp_path: Path) -> None:
    backbone = _trained(tmp_path, "bert", "sequence", "mean")
    folder = _write(backbone, tmp_path / "deep" / "out", card="# A model\n")
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "README.md",
    }
    assert (folder / "README.md").read_text() == "# A model\n"
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {"0": "bad", "1": "fine", "2": "good"}
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert AutoTokenizer.from_pretrained(folder)("good")["input_ids"] == [2, 4, 3]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    # Whoever may read the configuration may read the weights, too.
    modes = {(folder / name).stat().st_mode for name in ("config.json", "model.safetensors")}
    assert len(modes) == 1


def test_no_card_no_readme(tmp_path: Path) -> None:
    folder = _write(_trained(tmp_path, "bert", "sequence", "cls"), tmp_path / "out")
    assert not (folder / "README.md").exists()


def test_a_recorded_pooling_wins_over_another_with_a_warning(tmp_path: Path) -> None:
    folder = _write(_trained(tmp_path, "bert", "sequence", "mean"), tmp_path / "out")
    with pytest.warns(IsoglossWarning, match=r"W310: .*'mean', which is used instead of 'cls'"):
        assert _load(folder, pooling="cls").model.pooling == "mean"


def test_tagging_has_no_pooling_to_disagree_about(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    folder = _write(_trained(tmp_path, "bert", "token", "mean"), tmp_path / "out")
    assert _load(folder, "token", pooling="mean").model.pooling == "cls"
    assert [warning for warning in recwarn if warning.category is IsoglossWarning] == []


def test_settings_kept_in_the_configuration_survive(tmp_path: Path) -> None:
    backbone = _trained(tmp_path, "bert", "sequence", "mean")
    backbone.model.model.config.isogloss = {"task": "sequence", "max_length": 40}
    again = _load(_write(backbone, tmp_path / "out"))
    assert again.model.model.config.isogloss == {"task": "sequence", "max_length": 40}


def test_a_pooling_layer_trained_elsewhere_is_kept_with_a_warning(tmp_path: Path) -> None:
    folder = _write(_trained(tmp_path, "bert", "sequence", "mean"), tmp_path / "out")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        model.bert.encoder.layer[2].attention.self.value.weight += 0.01
    model.save_pretrained(folder)
    with pytest.warns(IsoglossWarning, match="W312"):
        backbone = _load(folder)
    assert backbone.model.pooling == "cls"
    batch = random_batch()
    with torch.no_grad():
        torch.testing.assert_close(
            _logits(backbone.model, batch, "sequence"), model.eval()(**batch).logits
        )


def test_an_exported_classifier_serves_as_an_encoder_for_tagging(tmp_path: Path) -> None:
    backbone = _trained(tmp_path, "bert", "sequence", "mean")
    folder = _write(backbone, tmp_path / "out")
    with pytest.warns(IsoglossWarning, match="W311"):
        tagger = _load(folder, "token")
    assert tagger.model.model.config.num_hidden_layers == 2
    wanted = backbone.model.encoder.encoder.state_dict()
    found = tagger.model.encoder.encoder.state_dict()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_the_full_embedding_takes_the_place_of_a_trimmed_one(tmp_path: Path) -> None:
    backbone = _trained(tmp_path, "xlm-roberta", "sequence", "mean")
    model = backbone.model.model
    full = model.get_input_embeddings().weight.detach().clone()
    batch = random_batch()
    wanted = _logits(backbone.model, batch, "sequence")
    model.set_input_embeddings(torch.nn.Embedding(9, HIDDEN))
    model.config.vocab_size = 9
    folder = _write(backbone, tmp_path / "out", full_embedding=full)
    torch.testing.assert_close(
        _plain_logits(folder, batch, "sequence"), wanted, atol=1e-5, rtol=1e-5
    )
    assert AutoConfig.from_pretrained(folder).vocab_size == VOCAB_SIZE
    with safe_open(folder / "model.safetensors", "pt") as weights:
        assert torch.equal(weights.get_tensor("roberta.embeddings.word_embeddings.weight"), full)


@pytest.mark.parametrize("full", [None, torch.zeros(9, HIDDEN), torch.zeros(VOCAB_SIZE, 5)])
def test_e323_embedding_that_does_not_cover_the_tokenizer(
    full: Tensor | None, tmp_path: Path
) -> None:
    backbone = _trained(tmp_path, "bert", "sequence", "cls")
    backbone.model.model.set_input_embeddings(torch.nn.Embedding(9, HIDDEN))
    with pytest.raises(IsoglossError, match="E323"):
        _write(backbone, tmp_path / "out", full_embedding=full)
    assert not (tmp_path / "out").exists()


def test_an_earlier_export_is_replaced_whole(tmp_path: Path) -> None:
    backbone = _trained(tmp_path, "bert", "sequence", "cls")
    folder = _write(backbone, tmp_path / "out", card="old")
    (folder / "extra.txt").write_text("left over")
    with torch.no_grad():
        backbone.model.final_linear.bias += 1
    _write(backbone, folder)
    assert not (folder / "extra.txt").exists()
    assert not (folder / "README.md").exists()
    bias = _load(folder).model.final_linear.bias
    assert torch.equal(bias, backbone.model.final_linear.bias)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert (_write(_trained(tmp_path, "bert", "sequence", "cls"), tmp_path / "out")).is_dir()


@pytest.mark.parametrize("found", ["file", "folder", "model"])
def test_e324_a_place_that_is_taken(found: str, tmp_path: Path) -> None:
    place = tmp_path / "out"
    if found == "file":
        place.write_text("mine")
    elif found == "folder":
        place.mkdir()
        (place / "mine.txt").write_text("mine")
    else:
        save_tiny(place, "bert")
    before = sorted(place.rglob("*"))
    with pytest.raises(IsoglossError, match="E324"):
        _write(_trained(tmp_path, "bert", "sequence", "cls"), place)
    assert sorted(place.rglob("*")) == before


def test_e329_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IsoglossError, match="E329"):
        _write(_trained(tmp_path, "bert", "sequence", "cls"), tmp_path / "file" / "out")


def test_a_failure_leaves_the_earlier_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = _trained(tmp_path, "bert", "sequence", "cls")
    folder = _write(backbone, tmp_path / "out", card="old")

    def full(*args: Any, **options: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(type(backbone.tokenizer), "save_pretrained", full)
    with pytest.raises(IsoglossError, match=r"E329: .*No space left"):
        _write(backbone, folder, card="new")
    assert (folder / "README.md").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "start"]
