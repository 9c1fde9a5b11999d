from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

import isogloss
from isogloss.data.arrays import read_arrays, save_arrays
from isogloss.errors import IsoglossError
from isogloss.labelshift import PriorEstimate
from isogloss.models.card import inert
from isogloss.recipes import choosing
from isogloss.recipes.candidates import CANDIDATE, is_settled, read_candidate
from isogloss.recipes.choosing import (
    BALANCED_REASON,
    DOUBTED_REASON,
    candidates,
    choose,
    is_balanced,
)
from isogloss.recipes.config import RunConfig
from isogloss.recipes.delivery import Chosen
from isogloss.recipes.expecting import estimate_of
from isogloss.recipes.folder import RunFolder
from isogloss.recipes.heldout import HELD_OUT
from isogloss.recipes.labelled_rows import prior_of
from isogloss.recipes.rewriting import fold
from isogloss.selection import CandidateRows
from isogloss.selection.guard import choose as guarded_choice


def run_of(files: dict[str, Any], folder: Path) -> Path:
    return isogloss.adapt(output=folder, **{**files, "max_steps": 3}).folder


def shifted(run: Path, stage: str) -> np.ndarray:
    """Make believe that the stage found a shift; its weights (k,)."""
    path = run / "stages" / stage / "result.json"
    found = json.loads(path.read_text())
    weights = [0.1, 2.0, 0.9]
    found["prior"] |= {"significant": True, "weights": weights}
    path.write_text(json.dumps(found))
    return np.array(weights)


@pytest.mark.parametrize("name", ["iwda", "zero-shot+prior", "iwda+kd+prior"])
def test_names_come_back(name: str) -> None:
    assert Chosen.named(name).name == name
    assert Chosen.named(name).corrected == name.endswith("+prior")


def test_a_run_serves_its_last_stage(files: dict[str, Any], tmp_path: Path) -> None:
    run = run_of(files, tmp_path / "run")
    chosen = json.loads((run / "metrics.json").read_text())["chosen"]
    wanted = {"name": "iwda", "by": "recipe", "reasons": []}
    assert chosen == wanted | {"candidates": candidates(RunFolder(run), ["zero-shot", "iwda"])}


def test_a_balanced_stage_is_served_corrected_where_it_found_a_shift(
    files: dict[str, Any], tmp_path: Path
) -> None:
    sampled = {"finetune": {"sampling": "balanced"}, "iwda": {"sampling": "balanced"}}
    run = run_of(files | sampled, tmp_path / "run")
    config, folder = RunConfig.load(run / "config.yaml"), RunFolder(run)
    stages = ["zero-shot", "iwda"]
    assert json.loads((run / "metrics.json").read_text())["chosen"]["name"] == "iwda"
    weights = shifted(run, "iwda")
    chosen, choice, _ = choose(folder, config, stages)
    assert chosen == Chosen("iwda", corrected=True)
    assert choice["reasons"] == [BALANCED_REASON]
    plain = config.with_overrides(["iwda.sampling=natural"])
    assert choose(folder, plain, stages)[0] == Chosen("iwda")
    # The same command delivers it: the weights go into the model's bias.
    (run / "metrics.json").unlink()
    isogloss.adapt(output=run, **{**files, **sampled, "max_steps": 3})
    before, after = (
        AutoModelForSequenceClassification.from_pretrained(model)
        for model in (run / "stages/iwda/model", run / "model")
    )
    moved = (after.classifier.bias - before.classifier.bias).detach().numpy()
    np.testing.assert_allclose(moved, np.log(weights), atol=1e-6)
    served = json.loads((run / "metrics.json").read_text())["served"]
    wanted = isogloss.evaluate_file(run, files["test"])["metrics"]
    assert served == {"name": "iwda+prior", "scores": {"test": wanted}}


@pytest.mark.parametrize(
    ("recipe", "stage", "settings", "expected"),
    [
        ("kd", "kd", {"distill": {"sampling": "balanced"}}, True),
        ("kd", "kd", {"distill": {"sampling": "balanced", "correct_prior": True}}, False),
        ("iwda+st", "iwda+st", {"selftrain": {"sampling": "balanced"}}, True),
        ("iwda+st", "iwda", {"selftrain": {"sampling": "balanced"}}, False),
        ("keung2019", "keung2019", {"keung": {"sampling": "balanced"}}, True),
        ("supervised", "supervised", {"finetune": {"sampling": "balanced"}}, False),
        ("bilingual", "bilingual", {"finetune": {"sampling": "balanced"}}, False),
    ],
)
def test_a_stage_is_balanced_by_its_own_settings(
    recipe: str, stage: str, settings: dict[str, Any], expected: bool
) -> None:
    config = RunConfig(source="a", target="b", recipe=recipe, **settings).resolved()
    assert is_balanced(config, stage) == expected


@pytest.mark.parametrize("recipe", ["supervised", "bilingual"])
def test_a_model_of_target_labels_is_not_corrected_for_their_balance(
    files: dict[str, Any], tmp_path: Path, recipe: str
) -> None:
    labelled = Path(files["test"]).read_text("utf-8").splitlines()
    few = [line for line in labelled if not line.endswith("class-1")]
    target = tmp_path / "labelled.csv"
    target.write_text("\n".join([*few, labelled[2], ""]), "utf-8")
    files |= {"target": str(target), "recipe": recipe, "finetune": {"sampling": "balanced"}}
    run = run_of(files, tmp_path / "run")
    shifted(run, recipe)
    assert candidates(RunFolder(run), [recipe]) == [recipe]
    # Held-out rows of the source, which is even, and not the target's, which are 7, 1 and 7.
    prior = json.loads((run / "prior.json").read_text())
    np.testing.assert_allclose(prior["source"], 1 / 3)


def test_taggers_are_corrected_too(tagged: dict[str, Any], tmp_path: Path) -> None:
    run = run_of(tagged, tmp_path / "run")
    before = AutoModelForTokenClassification.from_pretrained(run / "model")
    weights = np.linspace(0.5, 1.5, before.config.num_labels)
    fold(run / "model", weights.tolist(), kind="token")
    after = AutoModelForTokenClassification.from_pretrained(run / "model")
    moved = (after.classifier.bias - before.classifier.bias).detach().numpy()
    np.testing.assert_allclose(moved, np.log(weights), atol=1e-6)


@pytest.mark.parametrize("settled", [False, True])
def test_a_student_of_a_corrected_teacher_is_not_corrected_again(
    files: dict[str, Any], tmp_path: Path, settled: bool
) -> None:
    run = run_of(files | {"recipe": "kd"}, tmp_path / "run")
    shifted(run, "kd")
    folder = RunFolder(run)
    assert candidates(folder, ["kd"]) == ["kd", "kd+prior"]
    path = folder.stage("kd") / CANDIDATE
    arrays, facts = read_arrays(path)
    save_arrays(path, arrays, facts | {"settled": settled})
    assert candidates(folder, ["kd"]) == ["kd"] + ["kd+prior"] * (not settled)
    assert read_candidate(folder.stage("kd"), name="kd").settled == settled
    assert is_settled(folder.stage("kd")) == settled
    assert not is_settled(folder.stage("iwda+kd"))


def test_auto_serves_what_the_guard_takes(files: dict[str, Any], tmp_path: Path) -> None:
    files |= {"recipe": "auto", "selftrain": {"per_device_train_batch_size": 4}}
    result = isogloss.adapt(output=tmp_path / "run", **files)
    jury = dict.fromkeys(["zero-shot", "iwda", "iwda+kd", "iwda+st"], "zero-shot")
    jury["iwda+kd"] = "iwda+kd"
    stages = [name + end for name in jury for end in ("", "-average")]
    assert list(result.metrics["stages"]) == stages
    chosen = result.metrics["chosen"]
    assert chosen["by"] == "guard"
    rows = [read_candidate(result.folder / "stages" / name, name=name) for name in stages]
    estimates = {each.name: estimate_of(each, tagging=False, seed=0) for each in rows}
    wanted = guarded_choice(rows, estimates, zero_shot="zero-shot", jury=jury)
    assert (chosen["name"], chosen["reasons"]) == (wanted.name, wanted.reasons)
    expected = wanted.expected[wanted.name]
    assert result.metrics["expected"] == json.loads(json.dumps(expected.to_dict()))
    assert chosen["table"] == json.loads(json.dumps(wanted.table))
    weights = (result.model / "model.safetensors").read_bytes()
    stage = result.folder / "stages" / wanted.model / "model" / "model.safetensors"
    assert (weights == stage.read_bytes()) != wanted.corrected
    card = (result.model / "README.md").read_text("utf-8")
    assert all(inert(reason) in card for reason in wanted.reasons)


def test_what_one_stage_refutes_no_other_believes(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**files, "max_steps": 2, "recipe": "auto", "averages": 0}
    run = isogloss.adapt(output=tmp_path / "run", **options).folder
    config, stages = RunConfig.load(run / "config.yaml"), ["zero-shot", "iwda", "iwda+kd"]
    asked: list[tuple[str, float]] = []

    def estimate(rows: CandidateRows, *, p_value_before: float, **others: Any) -> PriorEstimate:
        asked.append((rows.name, p_value_before))
        found = estimate_of(rows, p_value_before=p_value_before, **others)
        own = 0.001 if rows.name == "iwda+kd" else p_value_before
        return replace(found, assumption_p_value=min(own, p_value_before))

    for stage in stages:
        path = run / "stages" / stage / HELD_OUT
        arrays, facts = read_arrays(path)
        save_arrays(path, arrays, facts | {"p_value_before": 1.0})
    monkeypatch.setattr(choosing, "estimate_of", estimate)
    for p_value in (0.5, 0.001):
        asked.clear()
        for stage in stages:
            path = run / "stages" / stage / "result.json"
            facts = json.loads(path.read_text())
            facts["prior"]["assumption_p_value"] = p_value
            path.write_text(json.dumps(facts))
        _, choice, _ = choose(RunFolder(run), config, stages)
        # Said where a stage's own rows do not.
        assert (DOUBTED_REASON in choice["reasons"]) == (p_value == 0.5)
        said = {stage: prior_of(RunFolder(run), stage) for stage in stages}
        assert said["zero-shot"]["assumption_p_value"] <= 0.003
    assert asked[: len(stages)] == [(name, 1.0) for name in stages]
    assert asked[len(stages) :] == [(name, 0.003) for name in ("zero-shot", "iwda")]
    assert all(row["p_value"] <= 0.003 for row in choice["table"])


def test_budget_begins_no_further_candidate(files: dict[str, Any], tmp_path: Path) -> None:
    options = {**files, "max_steps": 2, "recipe": "auto", "budget": 0.0}
    result = isogloss.adapt(output=tmp_path / "run", **options)
    assert list(result.metrics["stages"]) == ["zero-shot"]
    chosen = result.metrics["chosen"]
    assert chosen["name"] == "zero-shot"
    assert chosen["left_out"] == ["iwda", "iwda+kd", "iwda+st"]
    assert chosen["reasons"][0] == (
        "No further candidate was trained, as the budget left no time for iwda, iwda+kd and "
        "iwda+st: the zero-shot model is kept."
    )
    # A stage that is there already counts, whatever it took.
    path = result.folder / "stages" / "zero-shot" / "result.json"
    found = json.loads(path.read_text())
    assert isogloss.adapt(output=tmp_path / "run", **options).metrics == result.metrics
    assert found["seconds"] >= 0.0


def test_a_stage_taken_over_is_no_part_of_the_budget(files: dict[str, Any], tmp_path: Path) -> None:
    options = {**files, "max_steps": 2, "averages": 0, "recipe": "auto"}
    first = isogloss.adapt(output=tmp_path / "first", **(options | {"recipe": "zero-shot"})).folder
    path = first / "stages" / "zero-shot" / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seconds": 6000.0}))
    options["start"] = str(first)
    run = isogloss.adapt(output=tmp_path / "second", budget=50.0, **options)
    assert list(run.metrics["stages"]) == ["zero-shot", "iwda", "iwda+kd", "iwda+st"]
    assert run.metrics["chosen"]["left_out"] == []
    assert RunFolder(run.folder).stage_result("zero-shot")["taken_over"] == str(first)  # type: ignore[index]
    # With no time at all not even where nothing was trained.
    none = isogloss.adapt(output=tmp_path / "third", budget=0.0, **options).metrics
    assert list(none["stages"]) == ["zero-shot"]
    # Some trained and others not: these are named.
    config = RunConfig.load(run.folder / "config.yaml")
    _, choice, _ = choose(RunFolder(run.folder), config, ["zero-shot", "iwda"])
    assert choice["left_out"] == ["iwda+kd", "iwda+st"]
    assert "The budget left no time for iwda+kd and iwda+st." in choice["reasons"]


def test_auto_trains_anew_what_an_earlier_version_left_without_rows(
    files: dict[str, Any], tmp_path: Path
) -> None:
    options = {**files, "max_steps": 2}
    first = isogloss.adapt(output=tmp_path / "first", **(options | {"recipe": "zero-shot"})).folder
    (first / "stages" / "zero-shot" / CANDIDATE).unlink()
    second = {**options, "recipe": "auto", "budget": 0.0, "start": str(first)}
    run = isogloss.adapt(output=tmp_path / "second", **second).folder
    assert (run / "stages" / "zero-shot" / CANDIDATE).is_file()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipe": "iwda", "budget": 3.0}, "E542"),
        ({"recipe": "auto", "holdout": 0.0}, "E543"),
        ({"recipe": "auto", "budget": -1.0}, "E640"),
        ({"recipe": "auto", "student": "offline"}, "E538"),
    ],
)
def test_settings_that_auto_cannot_use(
    files: dict[str, Any], tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(IsoglossError) as caught:
        isogloss.adapt(output=tmp_path / "run", **{**files, **changes})
    assert caught.value.code == code
    assert not (tmp_path / "run").exists()
