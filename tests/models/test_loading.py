"""load_backbone: heads that are new, kept or reordered, limits, and every error."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.labels import LabelMap
from isogloss.models import sources
from isogloss.models.loading import Backbone, load_backbone, max_length_of
from tests.helpers.models import (
    ARCHITECTURES,
    random_batch,
    save_tiny,
    tiny_model,
    tiny_tokenizer,
)

LABELS = LabelMap(names=("bad", "fine", "good"))
TAGS = LabelMap(names=("O", "B-LOC", "I-LOC"))


def _load(where: str | Path, **changes: Any) -> Backbone:
    options: dict[str, Any] = {"kind": "sequence", "labels": LABELS, "seed": 1}
    return load_backbone(where, **(options | changes))


def _state(backbone: Backbone) -> dict[str, torch.Tensor]:
    return backbone.model.model.state_dict()


def _edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "bert", "bert")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["sequence", "pair", "token"])
def test_an_encoder_gets_a_head_in_fp32(architecture: str, kind: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path, architecture)
    backbone = _load(folder, kind=kind, labels=TAGS if kind == "token" else LABELS)
    config = backbone.model.model.config
    assert backbone.model.is_token == (kind == "token")
    assert backbone.model.num_labels == 3
    assert config.id2label == dict(
        enumerate(("O", "B-LOC", "I-LOC") if kind == "token" else LABELS.names)
    )
    assert config.label2id == {name: index for index, name in config.id2label.items()}
    assert all(tensor.dtype == torch.float32 for tensor in backbone.model.parameters())
    assert backbone.name == str(folder)
    encoder = tiny_model(architecture, "base").state_dict()
    loaded = backbone.model.encoder.state_dict()
    kept = [name for name in loaded if name in encoder and not name.startswith("pooler")]
    assert len(kept) > 10
    assert all(torch.equal(loaded[name], encoder[name]) for name in kept)


def test_half_precision_weights_are_widened(tmp_path: Path) -> None:
    tiny_model("bert", "base").half().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    backbone = _load(tmp_path)
    assert {tensor.dtype for tensor in backbone.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_new_weights_depend_on_the_seed_alone(architecture: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path, architecture)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = _state(_load(folder, seed=1))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    again, other = _state(_load(folder, seed=1)), _state(_load(folder, seed=2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(
    ("architecture", "dense"),
    [
        ("bert", "bert.pooler.dense"),
        ("xlm-roberta", "classifier.dense"),
        ("distilbert", "pre_classifier"),
        ("deberta-v2", "pooler.dense"),
        ("modernbert", "head.dense"),
    ],
)
def test_a_missing_pooler_starts_as_identity_under_mean_pooling(
    architecture: str, dense: str, tmp_path: Path
) -> None:
    model = tiny_model(architecture, "base")
    keys = {k: v for k, v in model.state_dict().items() if not k.startswith("pooler")}
    model.save_pretrained(tmp_path, state_dict=keys)
    tiny_tokenizer(architecture).save_pretrained(tmp_path)
    mean = _load(tmp_path, pooling="mean").model.model.get_submodule(dense)
    assert torch.equal(mean.weight, torch.eye(32))
    cls = _load(tmp_path, pooling="cls").model.model.get_submodule(dense)
    assert not torch.equal(cls.weight, torch.eye(32))


def test_a_pooler_in_the_checkpoint_is_kept_under_mean_pooling(bert: Path) -> None:
    dense = _load(bert, pooling="mean").model.model.get_submodule("bert.pooler.dense")
    wanted = tiny_model("bert", "base").pooler.dense
    assert torch.equal(dense.weight, wanted.weight)


def test_pooling_defaults(tmp_path: Path) -> None:
    bert = save_tiny(tmp_path / "a", "bert")
    assert _load(bert).model.pooling == "cls"
    modern = save_tiny(tmp_path / "b", "modernbert", classifier_pooling="mean")
    assert _load(modern).model.pooling == "mean"
    assert _load(modern, pooling="cls").model.model.config.classifier_pooling == "cls"


def test_a_trained_head_for_the_same_labels_is_kept(tmp_path: Path) -> None:
    names = {0: "bad", 1: "fine", 2: "good"}
    save_tiny(tmp_path, "bert", "sequence", id2label=names)
    wanted = tiny_model("bert", "sequence")
    with torch.no_grad():
        logits = _load(tmp_path).model.model(**random_batch()).logits
        torch.testing.assert_close(logits, wanted(**random_batch()).logits)


def test_a_trained_head_is_put_in_the_order_of_the_labels(tmp_path: Path) -> None:
    save_tiny(tmp_path, "bert", "sequence", id2label={0: "good", 1: "bad", 2: "fine"})
    wanted = tiny_model("bert", "sequence")
    with torch.no_grad():
        logits = _load(tmp_path).model.model(**random_batch()).logits
        torch.testing.assert_close(logits, wanted(**random_batch()).logits[:, [1, 2, 0]])


@pytest.mark.parametrize("found", [("1", "2", "3"), ("1", "2", "3", "4", "5", "6", "7")])
def test_a_head_for_other_labels_starts_anew_with_a_warning(
    found: tuple[str, ...], tmp_path: Path
) -> None:
    labels = dict(enumerate(found))
    save_tiny(tmp_path, "bert", "sequence", num_labels=len(found), id2label=labels)
    with pytest.warns(IsoglossWarning, match=r"W311: .*\(1, 2, 3.*anew for bad, fine, good"):
        first = _load(tmp_path, seed=3)
    with pytest.warns(IsoglossWarning, match="W311"):
        again = _load(tmp_path, seed=3)
    weight = first.model.final_linear.weight
    assert weight.shape == (3, 32)
    assert torch.equal(weight, again.model.final_linear.weight)
    old = tiny_model("bert", "sequence", num_labels=len(found)).classifier.weight
    assert not torch.equal(weight, old[:3])


def test_a_head_for_several_labels_at_once_is_set_to_one(tmp_path: Path) -> None:
    save_tiny(tmp_path, "bert", problem_type="multi_label_classification")
    assert _load(tmp_path).model.model.config.problem_type == "single_label_classification"


def test_loading_says_nothing_and_restores_the_library_s_voice(
    bert: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = sources.library_logging.get_verbosity()
    _load(bert)
    assert capfd.readouterr() == ("", "")
    assert sources.library_logging.get_verbosity() == before
    assert sources.library_logging.is_progress_bar_enabled()
    assert logging.getLogger("transformers").level == before


@pytest.mark.parametrize(
    ("architecture", "length"),
    [("bert", 64), ("xlm-roberta", 65), ("distilbert", 66), ("modernbert", 66)],
)
def test_longest_input(architecture: str, length: int) -> None:
    tokenizer = tiny_tokenizer(architecture)
    tokenizer.model_max_length = 64 if architecture == "bert" else 10**30
    assert max_length_of(tiny_model(architecture), tokenizer) == length


def test_longest_input_without_any_limit() -> None:
    model, tokenizer = tiny_model("bert"), tiny_tokenizer()
    model.config.max_position_embeddings = 10**9
    tokenizer.model_max_length = 10**30
    assert max_length_of(model, tokenizer) == 512


def test_positions_up_to_the_limit_work(tmp_path: Path) -> None:
    backbone = _load(save_tiny(tmp_path, "xlm-roberta"))
    backbone.tokenizer.model_max_length = 10**30
    length = max_length_of(backbone.model.model, backbone.tokenizer)
    ids = torch.full((1, length), 5)
    assert backbone.model.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.shape
    longer = torch.full((1, length + 1), 5)
    with pytest.raises((IndexError, RuntimeError)):
        backbone.model.model(input_ids=longer, attention_mask=torch.ones_like(longer))


def test_offline_takes_the_folder_that_the_package_makes(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import isogloss.models.offline as offline

    monkeypatch.setattr(offline, "offline_folder", lambda: bert, raising=False)
    backbone = _load("offline", pooling="mean")
    assert backbone.name == "offline"
    assert torch.equal(
        backbone.model.encoder.embeddings.word_embeddings.weight,
        tiny_model("bert", "base").embeddings.word_embeddings.weight,
    )


def test_attention_implementation_is_passed_on(bert: Path) -> None:
    model = _load(bert, attn_implementation="eager").model.model
    assert model.config._attn_implementation == "eager"


def test_a_hub_id_goes_to_the_library(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def redirect(auto: type) -> None:
        real = auto.from_pretrained

        def from_pretrained(where: str, *args: Any, **options: Any) -> Any:
            # The library's own inner calls come with the folder already.
            if where == str(bert):
                return real(where, *args, **options)
            asked.append(where)
            assert options["trust_remote_code"] is False
            return real(str(bert), *args, **options)

        monkeypatch.setattr(auto, "from_pretrained", from_pretrained)

    for auto in (AutoConfig, AutoTokenizer, AutoModelForSequenceClassification):
        redirect(auto)
    backbone = _load("someone/some-model")
    assert backbone.name == "someone/some-model"
    assert asked == ["someone/some-model"] * 3


def _unreachable(*args: Any, **options: Any) -> Any:
    raise OSError("We couldn't connect to 'the hub' to load the files.\nCheck your connection.")


@pytest.mark.parametrize("part", [AutoConfig, AutoModelForSequenceClassification])
def test_e310_hub_out_of_reach(part: type, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, tokenizer = AutoConfig.from_pretrained(bert), AutoTokenizer.from_pretrained(bert)
    monkeypatch.setattr(AutoConfig, "from_pretrained", lambda *a, **k: config)
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", lambda *a, **k: tokenizer)
    monkeypatch.setattr(part, "from_pretrained", _unreachable)
    with pytest.raises(IsoglossError, match=r"E310: The model 'someone/some-model'.*couldn't conn"):
        _load("someone/some-model")


def test_e310_in_offline_mode_for_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(IsoglossError, match="E310"):
        _load("someone/some-model-that-is-not-cached")


@pytest.mark.parametrize("name", ["/no/such", "a/b/c", "~/x", "x y", "a\nb", "a" * 300, "a\0"])
def test_e319_neither_a_folder_nor_a_hub_id(name: str) -> None:
    with pytest.raises(IsoglossError, match="E319"):
        _load(name)


def test_e311_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(IsoglossError, match="E311"):
        _load(tmp_path)


def test_e312_no_weights(bert: Path) -> None:
    (bert / "model.safetensors").unlink()
    with pytest.raises(IsoglossError, match="E312"):
        _load(bert)


def test_e313_pickled_weights_only(bert: Path) -> None:
    (bert / "model.safetensors").rename(bert / "pytorch_model.bin")
    with pytest.raises(IsoglossError, match=r"E313: .*pytorch_model\.bin, a pickle"):
        _load(bert)


def test_e314_no_tokenizer(bert: Path) -> None:
    (bert / "tokenizer.json").unlink()
    (bert / "tokenizer_config.json").unlink()
    with pytest.raises(IsoglossError, match=r"E314: .*no word pieces"):
        _load(bert)


def test_e314_damaged_tokenizer(bert: Path) -> None:
    (bert / "tokenizer.json").write_text("{")
    with pytest.raises(IsoglossError, match="E314"):
        _load(bert)


def test_e315_slow_tokenizer(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        all_special_ids = (0,)

        def __len__(self) -> int:
            return 50

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", lambda *a, **k: Slow())
    with pytest.raises(IsoglossError, match=r"E315: .*\(Slow\)"):
        _load(bert)


def test_e316_encoder_tensor_missing(tmp_path: Path) -> None:
    model = tiny_model("bert", "base")
    state = model.state_dict()
    del state["encoder.layer.1.output.dense.weight"]
    model.save_pretrained(tmp_path, state_dict=state)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(IsoglossError, match=r"E316: .*1 tensors.*layer\.1\.output\.dense\.weight"):
        _load(tmp_path)


def test_e316_encoder_tensor_of_another_shape(bert: Path) -> None:
    _edit_config(bert, max_position_embeddings=80)
    with pytest.raises(IsoglossError, match=r"E316: .*position_embeddings"):
        _load(bert)


def test_e316_weights_that_cannot_be_read_into_the_model(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mismatch(*args: Any, **options: Any) -> Any:
        raise RuntimeError("Error(s) in loading")

    monkeypatch.setattr(AutoModelForSequenceClassification, "from_pretrained", mismatch)
    with pytest.raises(IsoglossError, match=r"E316: .*Error\(s\) in loading"):
        _load(bert)


def test_e320_no_such_head(bert: Path) -> None:
    _edit_config(bert, model_type="clip")
    with pytest.raises(IsoglossError, match="E320: A model of type 'clip'"):
        _load(bert, kind="token")


@pytest.mark.parametrize("text", ["{", '{"model_type": "nobody-knows"}', "{}"])
def test_e321_configuration_of_no_use(text: str, bert: Path) -> None:
    (bert / "config.json").write_text(text)
    with pytest.raises(IsoglossError, match="E321"):
        _load(bert)


def test_e321_code_of_its_own_is_not_run(bert: Path) -> None:
    (bert / "evil.py").write_text("raise SystemExit('ran')\n")
    (bert / "config.json").write_text(
        json.dumps({"model_type": "evil", "auto_map": {"AutoConfig": "evil.EvilConfig"}})
    )
    with pytest.raises(IsoglossError, match="E321"):
        _load(bert)


def test_e322_tokenizer_of_another_model(tmp_path: Path) -> None:
    save_tiny(tmp_path, "bert", vocab_size=40)
    with pytest.raises(IsoglossError, match=r"E322: .*embedding only 40 rows"):
        _load(tmp_path)


def test_e325_no_padding_token(bert: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.pad_token = None
    tokenizer.save_pretrained(bert)
    with pytest.raises(IsoglossError, match="E325"):
        _load(bert)


def test_e326_damaged_weights(bert: Path) -> None:
    weights = bert / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(IsoglossError, match="E326"):
        _load(bert)


def test_e327_unknown_pooling(bert: Path) -> None:
    with pytest.raises(IsoglossError, match="E327"):
        _load(bert, pooling="max")


def test_e328_attention_that_the_model_does_not_have(bert: Path) -> None:
    with pytest.raises(IsoglossError, match=r"E328: .*'no-such'"):
        _load(bert, attn_implementation="no-such")
