from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

import isogloss
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.progress import Progress
from isogloss.recipes.candidates import read_candidate
from isogloss.recipes.methods import RECIPES, stage_names
from isogloss.recipes.serving import open_served
from isogloss.tasks import make_task
from isogloss.tasks.tagging import begin_orphans
from isogloss.trainers.finetune import FinetuneTrainer
from tests.recipes.conftest import write_csv


def code_of(call: Any) -> str:
    with pytest.raises(IsoglossError) as caught:
        call()
    return caught.value.code


class Listener(Progress):
    def __init__(self) -> None:
        self.phases: list[str] = []
        self.lines: list[str] = []

    def start(self, phase: str, total: int | None, unit: str) -> None:
        self.phases.append(phase)

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_the_main_job(files: dict[str, Any], tmp_path: Path) -> None:
    result = isogloss.adapt(output=tmp_path / "run", **files)
    folder = result.folder
    for name in ("config.yaml", "run.json", "metrics.json", "prior.json", "predictions.csv"):
        assert (folder / name).is_file(), name
    assert set(result.metrics["stages"]) == {"zero-shot", "iwda"}
    for stage in result.metrics["stages"].values():
        assert set(stage) == {"held-out", "test"}
        assert 0.0 <= stage["test"]["macro_f1"] <= 1.0
    for name in ("source", "predicted", "estimate"):
        assert sum(result.prior[name]) == pytest.approx(1.0)
    for (low, high), share in zip(result.prior["interval"], result.prior["estimate"], strict=True):
        assert 0.0 <= low <= high <= 1.0
        assert 0.0 <= share <= 1.0
    with (folder / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with Path(files["target"]).open(newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert [row["text"] for row in rows] == texts
    assert {row["prediction"] for row in rows} <= {"class-0", "class-1", "class-2"}
    config = json.loads((folder / "model" / "config.json").read_text())
    assert list(config["id2label"].values()) == ["class-0", "class-1", "class-2"]
    assert (folder / "model" / "tokenizer.json").is_file()
    assert "iwda" in (folder / "model" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_runs(files: dict[str, Any], tmp_path: Path, recipe: str) -> None:
    if recipe in ("supervised", "bilingual", "iwda-oracle"):
        files["target"] = str(write_csv(tmp_path / "t.csv", rows=30, labels=True, seed=5))
    result = isogloss.adapt(output=tmp_path / "run", **{**files, "recipe": recipe, "max_steps": 2})
    assert list(result.metrics["stages"]) == stage_names(recipe)
    if recipe == "iwda-oracle":
        np.testing.assert_allclose(result.prior["true"], [1 / 3] * 3)


def test_paper_preset_runs(files: dict[str, Any], tmp_path: Path) -> None:
    result = isogloss.adapt(output=tmp_path / "run", preset="paper", **{**files, "max_steps": 2})
    assert set(result.metrics["stages"]["iwda"]) == {"train", "test"}


def test_target_labels_change_nothing(files: dict[str, Any], tmp_path: Path) -> None:
    """A label column in the target, right or wrong, is left out of training."""
    first = isogloss.adapt(output=tmp_path / "a", **files)
    with Path(files["target"]).open(newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    labelled = tmp_path / "labelled.csv"
    with labelled.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text", "label"], *[[text, "nonsense"] for text in texts]])
    second = isogloss.adapt(output=tmp_path / "b", **{**files, "target": str(labelled)})
    weights = "model/model.safetensors"
    assert (first.folder / weights).read_bytes() == (second.folder / weights).read_bytes()


def test_finished_run_is_read_not_repeated(files: dict[str, Any], tmp_path: Path) -> None:
    isogloss.adapt(output=tmp_path / "run", **files)
    stamp = (tmp_path / "run" / "model" / "model.safetensors").stat().st_mtime_ns
    listener = Listener()
    isogloss.adapt(output=tmp_path / "run", progress=listener, **files)
    assert listener.phases == []
    assert (tmp_path / "run" / "model" / "model.safetensors").stat().st_mtime_ns == stamp


def test_report_that_a_killed_run_had_no_time_for_is_written(
    files: dict[str, Any], tmp_path: Path
) -> None:
    isogloss.adapt(output=tmp_path / "run", **files)
    before = (tmp_path / "run" / "report.html").read_bytes()
    (tmp_path / "run" / "report.html").unlink()
    isogloss.adapt(output=tmp_path / "run", **files)
    assert (tmp_path / "run" / "report.html").read_bytes() == before


def test_finished_stage_is_not_trained_again(files: dict[str, Any], tmp_path: Path) -> None:
    isogloss.adapt(output=tmp_path / "run", **files)
    (tmp_path / "run" / "metrics.json").unlink()
    shutil.rmtree(tmp_path / "run" / "stages" / "iwda")
    listener = Listener()
    isogloss.adapt(output=tmp_path / "run", progress=listener, **files)
    assert "zero-shot: finished before" in listener.lines
    assert listener.phases[0] == "iwda"


def test_zero_shot_stage_can_be_taken_over(files: dict[str, Any], tmp_path: Path) -> None:
    plain = isogloss.adapt(output=tmp_path / "full", **files)
    isogloss.adapt(output=tmp_path / "zs", **(files | {"recipe": "zero-shot"}))
    listener = Listener()
    result = isogloss.adapt(
        output=tmp_path / "run", start=str(tmp_path / "zs"), progress=listener, **files
    )
    assert listener.phases[0] == "iwda"
    weights = "model/model.safetensors"
    assert (result.folder / weights).read_bytes() == (plain.folder / weights).read_bytes()


def test_a_stage_taken_over_for_another_target_is_measured_on_it(
    files: dict[str, Any], tmp_path: Path
) -> None:
    isogloss.adapt(output=tmp_path / "first", **{**files, "recipe": "zero-shot"})
    files["target"] = str(write_csv(tmp_path / "es.csv", rows=12, labels=False, seed=7))
    files["test"] = str(write_csv(tmp_path / "es.test.csv", rows=9, labels=True, seed=8))
    call = {**files, "recipe": "zero-shot"}
    trained = isogloss.adapt(output=tmp_path / "trained", **call)
    listener = Listener()
    taken = isogloss.adapt(
        output=tmp_path / "taken", start=str(tmp_path / "first"), progress=listener, **call
    )
    assert "zero-shot" not in listener.phases
    assert taken.metrics["stages"] == trained.metrics["stages"]
    assert taken.prior == trained.prior
    candidate = "stages/zero-shot/candidate.safetensors"
    assert (taken.folder / candidate).read_bytes() == (trained.folder / candidate).read_bytes()


def test_a_stage_of_other_source_rows_is_not_taken_over(
    files: dict[str, Any], tmp_path: Path
) -> None:
    isogloss.adapt(output=tmp_path / "first", **{**files, "recipe": "zero-shot"})
    write_csv(Path(files["source"]), rows=41, labels=True, seed=0)
    call = {**files, "start": str(tmp_path / "first"), "output": tmp_path / "run"}
    assert code_of(lambda: isogloss.adapt(**call)) == "E528"
    assert not (tmp_path / "run").exists()


def test_aligned_stage_is_taken_over_where_its_settings_agree(
    files: dict[str, Any], tmp_path: Path
) -> None:
    isogloss.adapt(output=tmp_path / "first", **files)
    for changes, phases in (({}, False), ({"iwda": {"n_critic": 2}}, True)):
        listener = Listener()
        output = tmp_path / f"run-{phases}"
        call = {**files, **changes, "start": str(tmp_path / "first"), "output": output}
        isogloss.adapt(progress=listener, **call)
        assert ("iwda" in listener.phases) == phases
        assert "zero-shot" not in listener.phases


def test_rows_decide_what_is_taken_over_and_not_what_their_files_are_called(
    files: dict[str, Any], tmp_path: Path
) -> None:
    isogloss.adapt(output=tmp_path / "first", **files)
    moved = dict(files)
    for side in ("source", "target"):
        moved[side] = str(shutil.copy(files[side], tmp_path / f"moved-{side}.csv"))
    write_csv(Path(files["target"]), rows=12, labels=False, seed=7)
    for call, aligned in ((moved, False), (files, True)):
        listener = Listener()
        output = tmp_path / f"run-{aligned}"
        isogloss.adapt(
            **{**call, "start": str(tmp_path / "first"), "output": output, "progress": listener}
        )
        assert "zero-shot" not in listener.phases
        assert ("iwda" in listener.phases) == aligned


def test_start_must_fit(files: dict[str, Any], tmp_path: Path) -> None:
    start = str(tmp_path / "zs")
    call = {"output": tmp_path / "run", "start": start}
    assert code_of(lambda: isogloss.adapt(**call, **files)) == "E527"
    isogloss.adapt(output=start, **(files | {"recipe": "zero-shot"}))
    assert code_of(lambda: isogloss.adapt(**call, seed=5, **files)) == "E528"
    assert not (tmp_path / "run").exists()


def test_data_sets_in_place_of_files(files: dict[str, Any], tmp_path: Path) -> None:
    source = isogloss.load(files.pop("source"))
    target = Dataset.from_dict({"text": [f"gut schlecht {i}" for i in range(9)]})
    files.pop("target")
    result = isogloss.adapt(source, target, output=tmp_path / "run", **files)
    lines = result.predictions.read_text("utf-8").splitlines()
    assert result.predictions.suffix == ".jsonl"
    assert [json.loads(line)["text"] for line in lines] == target["text"]


@pytest.mark.parametrize("orphans", [None, "outside"])
def test_tagging(
    files: dict[str, Any], conll: Callable[..., Path], tmp_path: Path, orphans: str | None
) -> None:
    files |= {
        "orphan_tags": orphans,
        "source": str(conll("en.conll", rows=30, tags=True, seed=0)),
        "target": str(conll("de.conll", rows=30, tags=False, seed=1)),
        "test": str(conll("test.conll", rows=12, tags=True, seed=2)),
        "task": "token",
    }
    result = isogloss.adapt(output=tmp_path / "run", **files)
    assert result.metrics["headline"] == "f1"
    assert result.prior["labels"] == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    predictions = [p.split() for p in result.predictions.read_text("utf-8").splitlines() if p]
    assert {row[-1] for row in predictions} <= {"O", "B-LOC", "I-LOC", "B-PER", "I-PER"}
    # Whoever loads the model afterwards gets the tags that were scored.
    assert open_served(result.folder).task == make_task(
        "token", labels=result.prior["labels"], orphan_tags=orphans or "begin"
    )
    settings = json.loads((result.model / "config.json").read_text("utf-8"))
    del settings["isogloss"]["orphan_tags"]
    (result.model / "config.json").write_text(json.dumps(settings), "utf-8")
    # One of an earlier version goes on tagging as it was scored.
    assert open_served(result.folder).task.revise is None
    # So do estimates and choices, which go by the rows that a stage leaves.
    for stage in ("zero-shot", "iwda"):
        rows = read_candidate(result.folder / "stages" / stage, name=stage)
        logits, sentences = rows.target_logits, rows.target_groups
        revised = begin_orphans(logits, sentences, names=result.prior["labels"])
        assert np.array_equal(revised, logits) == (orphans is None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": "nowhere.csv"}, "E101"),
        ({"text": "body"}, "E105"),
        ({"label": "stars"}, "E106"),
        ({"task": "image"}, "E640"),
        ({"holdout": 0.01}, "E523"),
        ({"model": "./nowhere"}, "E319"),
        ({"iwda": {"critic_widht": 3}}, "E642"),
        ({"iwda": {"learning_rate": "fast"}}, "E645"),
        ({"finetune": {"learning_rate": True}}, "E645"),
        ({"finetune": {"lr_scheduler_type": "zigzag"}}, "E645"),
        ({"finetune": {"bf16": True}}, "E645"),
        ({"iwda": {"conditioning": "dann"}}, "E510"),
        ({"seed": None}, "E640"),
        ({"model": None}, "E640"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(
    files: dict[str, Any], tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    output = tmp_path / "run"
    assert code_of(lambda: isogloss.adapt(output=output, **{**files, **changes})) == code
    assert not output.exists()


@pytest.mark.parametrize("gone", ["predictions.csv", "model"])
def test_a_finished_run_without_its_parts_is_no_result(
    files: dict[str, Any], tmp_path: Path, gone: str
) -> None:
    options = {**files, "max_steps": 1, "recipe": "zero-shot"}
    run = isogloss.adapt(output=tmp_path / "run", **options).folder
    os.rename(run / gone, tmp_path / gone)
    assert code_of(lambda: isogloss.adapt(output=run, **options)) == "E532"
    os.rename(tmp_path / gone, run / gone)
    (run / "metrics.json").write_text("{", "utf-8")
    assert code_of(lambda: isogloss.adapt(output=run, **options)) == "E532"


def test_an_error_of_any_kind_leaves_no_run_that_was_not_begun(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("isogloss.recipes.adapt.run_stages", fail)
    with pytest.raises(RuntimeError, match="unforeseen"):
        isogloss.adapt(output=tmp_path / "run", **files)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("damage", "code"),
    [("cut", "E326"), ("shape", "E316"), ("config", "E321"), ("tokenizer", "E314")],
)
def test_a_model_that_is_broken_leaves_no_run(
    files: dict[str, Any], tmp_path: Path, damage: str, code: str
) -> None:
    model = tmp_path / "broken"
    shutil.copytree(files["model"], model)
    weights, config = model / "model.safetensors", model / "config.json"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:5000])
    elif damage == "shape":
        config.write_text(
            config.read_text("utf-8").replace('"hidden_size": 32', '"hidden_size": 64')
        )
    elif damage == "config":
        config.write_text("{")
    else:
        (model / "tokenizer.json").unlink()
    output = tmp_path / "run"
    assert code_of(lambda: isogloss.adapt(output=output, **{**files, "model": str(model)})) == code
    assert not output.exists()


def test_one_class_only_names_the_file(files: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("text,label\n" + "gut,a\n" * 20, "utf-8")
    files["source"] = str(tmp_path / "one.csv")
    with pytest.raises(IsoglossError, match=r"E201: .* but one\.csv has only: a;"):
        isogloss.adapt(output=tmp_path / "run", **files)


def test_divergence_keeps_good_checkpoints_only(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights spoilt in step 3 are in checkpoint 3; the loss of step 4 shows it."""
    inner = FinetuneTrainer._save_checkpoint

    def spoil(trainer: FinetuneTrainer, model: Any, trial: Any) -> None:
        if trainer.state.global_step == 3:
            next(trainer.model.parameters()).data.fill_(float("nan"))
        inner(trainer, model, trial)

    monkeypatch.setattr(FinetuneTrainer, "_save_checkpoint", spoil)
    files["finetune"] = {**files["finetune"], "save_strategy": "steps", "save_steps": 1}
    assert code_of(lambda: isogloss.adapt(output=tmp_path / "run", **files)) == "E501"
    kept = sorted(p.name for p in (tmp_path / "run/stages/zero-shot/checkpoints").iterdir())
    assert kept == ["checkpoint-2"]


def test_one_of_several_processes_is_refused(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert code_of(lambda: isogloss.adapt(output=tmp_path / "run", **files)) == "E556"
    assert not (tmp_path / "run").exists()


def test_divergence_before_any_checkpoint_leaves_no_run(
    files: dict[str, Any], tmp_path: Path
) -> None:
    files["finetune"] = {**files["finetune"], "learning_rate": 1e38}
    assert code_of(lambda: isogloss.adapt(output=tmp_path / "run", **files)) == "E501"
    assert not (tmp_path / "run").exists()


def test_column_that_predictions_need_is_refused_before_training(
    files: dict[str, Any], tmp_path: Path
) -> None:
    target = Path(files["target"])
    lines = target.read_text("utf-8").splitlines()
    target.write_text("\n".join(["text,prediction", *[f"{t},x" for t in lines[1:]]]), "utf-8")
    assert code_of(lambda: isogloss.adapt(output=tmp_path / "run", **files)) == "E530"
    assert not (tmp_path / "run").exists()


def test_source_given_twice_is_refused(files: dict[str, Any], tmp_path: Path) -> None:
    files["target"] = files["source"]
    assert code_of(lambda: isogloss.adapt(output=tmp_path / "run", **files)) == "E119"


def test_test_rows_in_the_target_are_counted(files: dict[str, Any], tmp_path: Path) -> None:
    texts = Path(files["target"]).read_text("utf-8").splitlines()
    overlapping = tmp_path / "overlap.csv"
    overlapping.write_text(
        "\n".join(["text,label", *[f"{t},class-{i % 3}" for i, t in enumerate(texts[1:6])]]),
        "utf-8",
    )
    files |= {"test": str(overlapping), "max_steps": 1, "recipe": "zero-shot"}
    with pytest.warns(IsoglossWarning, match="W521: 5 of 5"):
        result = isogloss.adapt(output=tmp_path / "run", **files)
    facts = result.metrics["data"]
    assert (facts["test_rows_also_in_target"], facts["test_rows_also_in_source"]) == (5, 0)
    assert (facts["source_rows"], facts["target_rows"], facts["test_rows"]) == (40, 30, 5)
    np.testing.assert_allclose(facts["test_shares"], [0.4, 0.4, 0.2])
    # The run keeps what it warned of, and tells it in the card and in the report.
    assert [text[:12] for text in result.metrics["warnings"]] == ["W521: 5 of 5"]
    for told in (result.model / "README.md", result.folder / "report.html"):
        assert "occur in the target" in told.read_text("utf-8")


def test_test_rows_in_the_source_are_counted(files: dict[str, Any], tmp_path: Path) -> None:
    files |= {"test": files["source"], "max_steps": 1, "recipe": "zero-shot"}
    with pytest.warns(IsoglossWarning, match="W525: 40 of 40"):
        result = isogloss.adapt(output=tmp_path / "run", **files)
    assert result.metrics["data"]["test_rows_also_in_source"] == 40
    assert "have learnt their labels" in (result.model / "README.md").read_text("utf-8")


def test_long_rows_are_warned_of(files: dict[str, Any], tmp_path: Path) -> None:
    files |= {"max_length": 8, "max_steps": 1, "recipe": "zero-shot"}
    with pytest.warns(IsoglossWarning) as caught:
        isogloss.adapt(output=tmp_path / "run", **files)
    said = [str(warning.message) for warning in caught if "W522" in str(warning.message)]
    assert len(said) == 3
    for side, line in zip(("source", "target", "test"), said, strict=True):
        assert f"rows of the {side} are longer than 8 " in line


def test_a_second_run_encodes_nothing_and_comes_out_the_same(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isogloss.recipes import inputs

    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    files |= {"max_length": 8, "max_steps": 2, "recipe": "zero-shot"}
    encode, encoded = inputs.encode, []

    def run(name: str) -> tuple[str, list[str]]:
        with pytest.warns(IsoglossWarning) as caught:
            result = isogloss.adapt(output=tmp_path / name, **files)
        said = [str(warning.message) for warning in caught]
        return result.predictions.read_text("utf-8"), said

    def never_anew(*args: Any, **options: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr("isogloss.tasks.base.encode_batches", pytest.fail)
            encoded.append(encode(*args, **options))
        return encoded[-1]

    first = run("first")
    kept = sorted((tmp_path / "cache" / "data").glob("encoded-*.arrow"))
    monkeypatch.setattr(inputs, "encode", never_anew)
    assert run("second") == first
    assert sum("W522" in line for line in first[1]) == len(kept) == 3
    assert len(encoded) == 1
    assert Path(encoded[0].target.cache_files[0]["filename"]) in kept


def test_test_set_is_looked_at_once_a_stage(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 12: no evaluation of the test split during training."""
    from isogloss.recipes import results

    sizes: list[int] = []
    inner = results.collect_rows

    def spy(classifier: Any, dataset: Any, **options: Any) -> Any:
        sizes.append(len(dataset))
        return inner(classifier, dataset, **options)

    monkeypatch.setattr(results, "collect_rows", spy)
    isogloss.adapt(output=tmp_path / "run", **files)
    assert sizes.count(21) == 2
