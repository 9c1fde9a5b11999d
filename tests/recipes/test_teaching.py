from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

import isogloss
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.recipes import teaching
from isogloss.recipes.candidates import is_settled
from isogloss.recipes.config import RunConfig
from isogloss.trainers.distillation import DistillationTrainer
from isogloss.trainers.distillation_config import DistillationConfig
from tests.helpers.models import LETTERS, SPECIAL, WORDS, save_tiny, tiny_model, tiny_tokenizer
from tests.recipes.conftest import write_csv

NAMES = ["class-0", "class-1", "class-2"]
OUTPUTS = f"stages/kd/{teaching.OUTPUTS}"
WEIGHTS = "model/model.safetensors"


def adapt(output: Path, files: dict[str, Any], **changes: Any) -> Any:
    return isogloss.adapt(output=output, **{**files, "recipe": "kd", **changes})


def code_of(call: Any) -> str:
    with pytest.raises(IsoglossError) as caught:
        call()
    return caught.value.code


def save_teacher(
    folder: Path,
    *,
    labels: list[str] = NAMES,
    task: str = "sequence",
    tokenizer: PreTrainedTokenizerFast | None = None,
    **options: Any,
) -> Path:
    """A random classifier of another architecture, as a plain Hugging Face folder."""
    model = tiny_model("xlm-roberta", task, num_labels=len(labels), seed=3, **options)
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {name: i for i, name in enumerate(labels)}
    model.save_pretrained(folder)
    (tokenizer or tiny_tokenizer("xlm-roberta")).save_pretrained(folder)
    return folder


def spelling_tokenizer(*, longest: int = 64) -> PreTrainedTokenizerFast:
    """Another tokenizer: every word letter by letter."""
    pieces = [*SPECIAL, *LETTERS, *("##" + letter for letter in LETTERS), *".,!?"]
    ids = {piece: index for index, piece in enumerate(pieces)}
    backend = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", continuing_subword_prefix="##"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=longest,
    )


def texts_of(path: str) -> list[str]:
    return [line.split(",")[0] for line in Path(path).read_text("utf-8").splitlines()[1:]]


def what_it_says(folder: Path, texts: Sequence[Any], *, order: list[int]) -> np.ndarray:
    """A plain transformers pass, one text, or pair of texts, at a time."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    with torch.no_grad():
        batches = [tokenizer([text], return_tensors="pt") for text in texts]
        logits = [model(**batch).logits[0] for batch in batches]
    return torch.stack(logits).numpy()[:, order]


@pytest.fixture
def tagged(files: dict[str, Any], conll: Callable[..., Path]) -> dict[str, Any]:
    return files | {
        "source": str(conll("en.conll", rows=30, tags=True, seed=0)),
        "target": str(conll("de.conll", rows=30, tags=False, seed=1)),
        "test": str(conll("test.conll", rows=12, tags=True, seed=2)),
        "task": "token",
    }


def test_a_run_teaches_another(files: dict[str, Any], tmp_path: Path) -> None:
    """Run folder, model folder and stage folder all name the same teacher."""
    first = adapt(tmp_path / "zs", files, recipe="zero-shot")
    results = [
        adapt(tmp_path / str(i), files, teacher=str(first.folder / place))
        for i, place in enumerate((".", "model", "stages/zero-shot"))
    ]
    own = adapt(tmp_path / "own", files)
    assert list(own.metrics["stages"]) == ["zero-shot", "kd"]
    for result in results:
        assert list(result.metrics["stages"]) == ["kd"]
        assert (result.folder / WEIGHTS).read_bytes() == (own.folder / WEIGHTS).read_bytes()


@pytest.mark.parametrize("spelling", [False, True])
def test_teacher_s_classes_are_found_by_name(
    files: dict[str, Any], tmp_path: Path, spelling: bool
) -> None:
    """Whatever its order of classes, and whatever its tokenizer."""
    teacher = save_teacher(
        tmp_path / "teacher",
        labels=["class-2", "class-0", "class-1"],
        tokenizer=spelling_tokenizer() if spelling else None,
    )
    result = adapt(tmp_path / "run", files, teacher=str(teacher))
    said = load_file(result.folder / OUTPUTS)["logits"].numpy()
    expected = what_it_says(teacher, texts_of(files["target"]), order=[1, 2, 0])
    np.testing.assert_allclose(said[-len(expected) :], expected, atol=1e-4)
    # Source rows that are held out are not trained on.
    assert len(said) == 34 + len(expected)
    source = what_it_says(teacher, texts_of(files["source"]), order=[1, 2, 0])
    for row in said[:34]:
        assert np.abs(source - row).max(axis=1).min() < 1e-4


def test_same_order_of_source_rows_in_another_encoding(
    files: dict[str, Any], tmp_path: Path
) -> None:
    said = []
    for name, tokenizer in (("same", tiny_tokenizer("xlm-roberta")), ("cut", None)):
        tokenizer = tokenizer or spelling_tokenizer()
        teacher = save_teacher(tmp_path / name, tokenizer=tokenizer)
        adapt(tmp_path / f"run-{name}", files, teacher=str(teacher), max_steps=1)
        logits = load_file(tmp_path / f"run-{name}" / OUTPUTS)["logits"].numpy()
        source = what_it_says(teacher, texts_of(files["source"]), order=[0, 1, 2])
        said.append([int(np.abs(source - row).max(axis=1).argmin()) for row in logits[:34]])
    assert said[0] == said[1]
    assert said[0] == sorted(said[0])


def test_pairs_of_texts(files: dict[str, Any], tmp_path: Path) -> None:
    """Both texts go to a teacher with another tokenizer."""
    for side in ("source", "target", "test"):
        header, *lines = Path(files[side]).read_text("utf-8").splitlines()
        named = [header.replace("text", "text,text_pair")]
        pairs = [f"{WORDS[i]} {WORDS[i + 1]},{line}" for i, line in enumerate(lines)]
        Path(files[side]).write_text("\n".join([*named, *pairs]), "utf-8")
    teacher = save_teacher(tmp_path / "teacher", tokenizer=spelling_tokenizer())
    result = adapt(tmp_path / "run", files, task="pair", teacher=str(teacher))
    said = load_file(result.folder / OUTPUTS)["logits"].numpy()[-30:]
    lines = Path(files["target"]).read_text("utf-8").splitlines()[1:]
    texts = [tuple(line.split(",")) for line in lines]
    np.testing.assert_allclose(said, what_it_says(teacher, texts, order=[0, 1, 2]), atol=1e-4)


@pytest.mark.parametrize("longest", [64, 12])
def test_words_are_matched_across_tokenizers(
    tagged: dict[str, Any], tmp_path: Path, longest: int
) -> None:
    """Words that the teacher's shorter input cuts off are not taught."""
    labels = ["B-PER", "O", "I-PER", "B-LOC", "I-LOC"]
    teacher = save_teacher(
        tmp_path / "teacher",
        labels=labels,
        task="token",
        tokenizer=spelling_tokenizer(longest=longest),
    )
    with pytest.warns(IsoglossWarning, match="W522") if longest == 12 else nullcontext():
        result = adapt(tmp_path / "run", tagged, teacher=str(teacher))
    stored = load_file(result.folder / OUTPUTS)
    words = sum(bool(line) for line in Path(tagged["target"]).read_text("utf-8").splitlines())
    target = stored["logits"][-words:]
    assert stored["logits"].shape[1] == 5
    lost = target[:, 0].isnan()
    assert bool(lost.any()) == (longest == 12)
    assert int((~lost).sum()) > 20
    assert result.metrics["headline"] == "f1"


@pytest.mark.parametrize("task", ["sequence", "token"])
def test_student_of_another_architecture_and_tokenizer(
    files: dict[str, Any], tagged: dict[str, Any], tmp_path: Path, task: str
) -> None:
    student = save_tiny(tmp_path / "student", "modernbert")
    spelling_tokenizer().save_pretrained(student)
    given = files if task == "sequence" else tagged
    result = adapt(tmp_path / "run", given, student=str(student))
    assert list(result.metrics["stages"]) == ["zero-shot", "kd"]
    config = json.loads((result.model / "config.json").read_text("utf-8"))
    assert config["model_type"] == "modernbert"
    assert "[CLS]" in (result.model / "tokenizer.json").read_text("utf-8")
    assert "/student" in (result.model / "README.md").read_text("utf-8")
    assert result.predictions.is_file()
    again = isogloss.evaluate_file(result.folder, given["test"])
    headline = result.metrics["headline"]
    expected = result.metrics["stages"]["kd"]["test"][headline]
    assert again["metrics"][headline] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("broken", [False, True])
def test_a_resumed_run_asks_the_teacher_only_where_it_must(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    files |= {"distill": {**files["distill"], "save_strategy": "steps", "save_steps": 1}}
    unbroken = adapt(tmp_path / "a", files)
    inner = DistillationTrainer.batch_loss

    def stop(trainer: DistillationTrainer, *given: Any) -> torch.Tensor:
        if trainer.state.global_step == 2:
            raise KeyboardInterrupt
        return inner(trainer, *given)

    monkeypatch.setattr(DistillationTrainer, "batch_loss", stop)
    with pytest.raises(KeyboardInterrupt):
        adapt(tmp_path / "b", files)
    monkeypatch.setattr(DistillationTrainer, "batch_loss", inner)
    assert (tmp_path / "b/stages/kd/checkpoints/checkpoint-2").is_dir()
    asked: list[int] = []
    observe = teaching.observe

    def spy(*given: Any, **options: Any) -> np.ndarray:
        asked.append(len(given[1]))
        return observe(*given, **options)

    monkeypatch.setattr(teaching, "observe", spy)
    if broken:
        content = (tmp_path / "b" / OUTPUTS).read_bytes()
        (tmp_path / "b" / OUTPUTS).write_bytes(content[:-8])
    resumed = adapt(tmp_path / "b", files)
    assert asked == ([30, 34] if broken else [])
    assert (resumed.folder / WEIGHTS).read_bytes() == (unbroken.folder / WEIGHTS).read_bytes()


def test_another_teacher_under_the_same_name_is_asked_anew(
    files: dict[str, Any], tmp_path: Path
) -> None:
    teacher = save_teacher(tmp_path / "teacher")
    result = adapt(tmp_path / "run", files, teacher=str(teacher))
    before = load_file(result.folder / OUTPUTS)["logits"].clone()
    save_teacher(teacher, hidden_dropout_prob=0.3)
    for mark in ("metrics.json", "stages/kd/result.json"):
        (result.folder / mark).unlink()
    stamp = (result.folder / OUTPUTS).stat().st_ino
    adapt(tmp_path / "run", files, teacher=str(teacher))
    assert (result.folder / OUTPUTS).stat().st_ino != stamp
    torch.testing.assert_close(load_file(result.folder / OUTPUTS)["logits"], before)


def test_target_only_asks_about_the_target_only(files: dict[str, Any], tmp_path: Path) -> None:
    """`wu2020`; and the source's labels have no part in the student."""
    teacher = str(save_teacher(tmp_path / "teacher"))
    first = adapt(tmp_path / "a", files, recipe="wu2020", teacher=teacher)
    logits = load_file(first.folder / "stages/wu2020" / teaching.OUTPUTS)["logits"]
    assert bool(logits[:34].isnan().all())
    assert not bool(logits[34:].isnan().any())
    lines = Path(files["source"]).read_text("utf-8").splitlines()
    turned = [line.replace("class-1", "class-x").replace("class-2", "class-1") for line in lines]
    mixed = tmp_path / "mixed.csv"
    mixed.write_text("\n".join(turned).replace("class-x", "class-2"), "utf-8")
    changes = {"holdout": 0.0, "recipe": "wu2020", "teacher": teacher}
    weights = [
        (
            adapt(tmp_path / name, files | {"source": source}, **changes).folder / WEIGHTS
        ).read_bytes()
        for name, source in (("b", files["source"]), ("c", str(mixed)))
    ]
    assert weights[0] == weights[1]


def test_target_labels_change_nothing(files: dict[str, Any], tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.csv"
    lines = [f"{text},nonsense" for text in texts_of(files["target"])]
    labelled.write_text("\n".join(["text,label", *lines]), "utf-8")
    weights = [
        (adapt(tmp_path / name, files | {"target": target}).folder / WEIGHTS).read_bytes()
        for name, target in (("a", files["target"]), ("b", str(labelled)))
    ]
    assert weights[0] == weights[1]


def test_prior_correction_moves_the_target_s_rows_only(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted = SimpleNamespace(weights=np.array([0.5, 1.5, 1.0]))
    monkeypatch.setattr(teaching, "row_estimator", lambda *_: lambda _: shifted)
    files["source"] = str(write_csv(tmp_path / "long.csv", rows=120, labels=True, seed=0))
    stored = []
    for correct in (False, True):
        settings = {**files["distill"], "correct_prior": correct}
        given = {**files, "max_steps": 60, "finetune": {"learning_rate": 1e-3}, "epochs": 8.0}
        given["averages"] = 2
        result = adapt(tmp_path / str(correct), {**given, "distill": settings})
        stored.append(load_file(result.folder / OUTPUTS))
        facts = json.loads((result.folder / "stages/kd/result.json").read_text("utf-8"))
        assert ("teacher_weights" in facts) == correct
        # Who learnt from a corrected teacher, and the average, say so.
        for stage in ("kd", "kd-average"):
            folder = result.folder / "stages" / stage
            assert folder.is_dir()
            assert is_settled(folder) == correct
        assert not is_settled(result.folder / "stages/zero-shot")
    plain, corrected = stored
    weights = corrected["weights"]
    assert facts["teacher_weights"] == weights.tolist() == [0.5, 1.5, 1.0]
    np.testing.assert_array_equal(plain["weights"], np.ones(3))
    source = len(plain["logits"]) - 30
    torch.testing.assert_close(plain["logits"][:source], corrected["logits"][:source])
    shift = corrected["logits"][source:] - plain["logits"][source:]
    torch.testing.assert_close(shift, weights.log().float().expand(30, 3), atol=1e-4, rtol=0)


def test_paper_preset_has_the_published_numbers() -> None:
    """METHOD, section 5: the hyper-parameters of the paper's appendix C.2."""
    config = RunConfig(source="a.csv", target="b.csv", preset="paper").resolved()
    args = DistillationConfig(**config.distill)
    published = {
        "learning_rate": 5e-5,
        "per_device_train_batch_size": 32,
        "weight_decay": 0.01,
        "distillation_loss": "mse",
        "temperature": 3.0,
        "domains": "both",
        "source_loss_weight": 0.1,
        "freeze_embeddings": True,
        "frozen_layers": 3,
        "correct_prior": False,
    }
    assert {name: getattr(args, name) for name in published} == published


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipe": "iwda", "teacher": "zs"}, "E538"),
        ({"recipe": "iwda+kd", "teacher": "zs"}, "E538"),
        ({"recipe": "zero-shot", "student": "offline"}, "E538"),
        ({"distill": {"frozen_layers": 3}}, "E345"),
        ({"distill": {"temprature": 3}}, "E642"),
        ({"student": "./nowhere"}, "E319"),
        ({"teacher": "./nowhere"}, "E319"),
        ({"teacher": "."}, "E311"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(
    files: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    code: str,
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert code_of(lambda: adapt(tmp_path / "run", files, **changes)) == code
    assert not (tmp_path / "run").exists()


def test_taking_over_a_stage_with_an_outside_teacher(files: dict[str, Any], tmp_path: Path) -> None:
    earlier = str(adapt(tmp_path / "zs", files, recipe="zero-shot").folder)
    output = tmp_path / "run"
    assert code_of(lambda: adapt(output, files, teacher=earlier, start=earlier)) == "E539"
    result = adapt(output, files, start=earlier)
    assert list(result.metrics["stages"]) == ["zero-shot", "kd"]


def test_teacher_of_other_labels_or_another_task(files: dict[str, Any], tmp_path: Path) -> None:
    other = save_teacher(tmp_path / "other", labels=["bad", "fine", "good"])
    tagger = save_teacher(tmp_path / "tagger", task="token")
    encoder = save_tiny(tmp_path / "plain", "bert")
    for teacher, code, said in (
        (other, "E536", "bad, fine, good"),
        (tagger, "E537", "XLMRobertaForTokenClassification"),
        (encoder, "E537", "BertModel"),
    ):
        with pytest.raises(IsoglossError, match=said) as caught:
            adapt(tmp_path / "run", files, teacher=str(teacher))
        assert caught.value.code == code
        assert not (tmp_path / "run").exists()
