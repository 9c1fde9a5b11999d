"""Serving another candidate of a finished run, and what stays as the run had found it."""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

import isogloss
from isogloss.errors import IsoglossError
from isogloss.labelshift import PriorEstimate
from isogloss.labelshift.correction import correct
from isogloss.models.card import inert
from isogloss.recipes import choosing
from isogloss.recipes.choosing import candidates
from isogloss.recipes.expecting import estimate_of
from isogloss.recipes.folder import RunFolder
from isogloss.selection import CandidateRows
from tests.recipes.test_choosing import run_of, shifted


def predictions(run: Path) -> list[tuple[str, float]]:
    with (run / "predictions.csv").open(newline="", encoding="utf-8") as file:
        return [(row["prediction"], float(row["probability"])) for row in csv.DictReader(file)]


def everything(run: Path) -> dict[str, bytes]:
    paths = [path for path in run.rglob("*") if path.is_file()]
    return {str(path.relative_to(run)): path.read_bytes() for path in paths}


def test_another_stage_and_back_again(files: dict[str, Any], tmp_path: Path) -> None:
    run = run_of(files, tmp_path / "run")
    before, served = everything(run), predictions(run)
    model = isogloss.select(run, "zero-shot")
    stages = {name for name in before if name.startswith("stages")}
    after = everything(run)
    assert {name: after[name] for name in stages} == {name: before[name] for name in stages}
    assert after["model/model.safetensors"] == after["stages/zero-shot/model/model.safetensors"]
    assert predictions(run) != served
    assert (
        json.loads(after["prior.json"])
        == json.loads(after["stages/zero-shot/result.json"])["prior"]
    )
    metrics = json.loads(after["metrics.json"])
    assert (metrics["chosen"]["name"], metrics["chosen"]["by"]) == ("zero-shot", "you")
    assert "Chosen by hand; the run itself chose iwda" in (model / "README.md").read_text()
    isogloss.select(run, "iwda")
    again = everything(run)
    assert again.keys() == before.keys()
    # All but the choice itself, and the card and the report, which tell of it.
    changed = {name for name in again if again[name] != before[name]}
    assert changed == {"metrics.json", "model/README.md", "report.html"}
    chosen = json.loads(again["metrics.json"])["chosen"]
    assert chosen["at_first"] == "iwda"
    assert chosen["reasons"] == ["Chosen by hand, as by the run itself before."]


def test_corrected_predictions_are_those_of_the_weights(
    files: dict[str, Any], tmp_path: Path
) -> None:
    run = run_of(files, tmp_path / "run")
    weights, plain = shifted(run, "iwda"), everything(run)
    before = AutoModelForSequenceClassification.from_pretrained(run / "model")
    assert candidates(RunFolder(run), ["iwda"]) == ["iwda", "iwda+prior"]
    isogloss.select(run, "iwda+prior")
    # The stage shares its files with the model that was served.
    stage = "stages/iwda/model/model.safetensors"
    assert everything(run)[stage] == plain[stage]
    after = AutoModelForSequenceClassification.from_pretrained(run / "model")
    ids = torch.arange(5, 35).reshape(3, 10)
    with torch.no_grad():
        rows = [model.eval()(ids).logits.double().softmax(-1).numpy() for model in (before, after)]
    np.testing.assert_allclose(rows[1], correct(rows[0], weights), atol=1e-6)
    expected = json.loads((run / "metrics.json").read_text())["expected"]
    assert 0.0 <= expected["value"] <= 1.0


def test_what_is_served_is_what_is_scored(files: dict[str, Any], tmp_path: Path) -> None:
    run = run_of(files, tmp_path / "run")
    shifted(run, "iwda")
    stages = metrics_of(run)["stages"]
    assert metrics_of(run)["served"] == {"name": "iwda", "scores": stages["iwda"]}
    isogloss.select(run, "iwda+prior")
    metrics = metrics_of(run)
    wanted = isogloss.evaluate_file(run, files["test"])["metrics"]
    assert metrics["served"] == {"name": "iwda+prior", "scores": {"test": wanted}}
    assert wanted != stages["iwda"]["test"]
    assert metrics["stages"] == stages
    card = (run / "model" / "README.md").read_text("utf-8")
    score = f"{wanted['macro_f1']:.4f}"
    assert f"| {inert('iwda+prior (served)')} | test | {inert('macro_f1')} | {score} |" in card
    assert "iwda+prior (served)" in (run / "report.html").read_text("utf-8")
    # Other test rows than the run's are no rows of its own.
    Path(files["test"]).write_text("text,label\nalpha,class-1\n", "utf-8")
    isogloss.select(run, "iwda+prior")
    assert metrics_of(run)["served"] == {"name": "iwda+prior", "scores": {}}


@pytest.mark.parametrize(
    ("killed_in", "is_finished"),
    # While the new model is made beside the old one, and when it is in its place.
    [("write_predictions", True), ("write_card", False)],
)
def test_a_killed_choice_is_made_good_by_the_same_command(
    files: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    killed_in: str,
    is_finished: bool,
) -> None:
    run = run_of(files, tmp_path / "run")
    before = everything(run)

    def kill(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"isogloss.recipes.delivery.{killed_in}", kill)
        with pytest.raises(KeyboardInterrupt):
            isogloss.select(run, "zero-shot")
    assert (run / "metrics.json").exists() == is_finished
    assert everything(run_of(files, run)) == before


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("nowhere", "E524"),
        ("begun", "E525"),
        ("name", "E540"),
        ("target", "E541"),
        ("changed", "E522"),
        ("stages", "E532"),
    ],
)
def test_choices_that_cannot_be_made_change_nothing(
    files: dict[str, Any], tmp_path: Path, case: str, code: str
) -> None:
    run = tmp_path / "run"
    if case != "nowhere":
        run_of(files, run)
    if case == "begun":
        (run / "metrics.json").unlink()
    if case == "target":
        os.rename(files["target"], tmp_path / "elsewhere")
    if case == "changed":
        with Path(files["target"]).open("a", encoding="utf-8") as file:
            file.write("one more text\n")
    if case == "stages":
        shutil.rmtree(run / "stages" / "zero-shot")
    before = everything(run)
    with pytest.raises(IsoglossError) as caught:
        isogloss.select(run, "iwda+kd" if case == "name" else "zero-shot")
    assert caught.value.code == code
    assert everything(run) == before
    shutil.rmtree(run, ignore_errors=True)


def auto_run(files: dict[str, Any], folder: Path, **more: Any) -> Path:
    return isogloss.adapt(
        output=folder, **{**files, "max_steps": 2, "recipe": "auto", "averages": 0, **more}
    ).folder


def metrics_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "metrics.json").read_text())
    return found


def test_what_the_guard_found_stays(files: dict[str, Any], tmp_path: Path) -> None:
    run = auto_run(files, tmp_path / "run", seeds=2)
    before = metrics_of(run)
    table = {row["name"]: row for row in before["chosen"]["table"]}
    other = next(name for name in ("iwda", "zero-shot") if name != before["chosen"]["name"])
    isogloss.select(run, other)
    chosen, expected = metrics_of(run)["chosen"], metrics_of(run)["expected"]
    assert (chosen["name"], chosen["by"]) == (other, "you")
    assert expected == table[other]["expected"]
    assert expected["parts"].keys() >= {"gain", "zero_shot"} or other == "zero-shot"
    for key, kept in (("name", "at_first"), ("by", "by_at_first"), ("reasons", "reasons_at_first")):
        assert chosen[kept] == before["chosen"][key]
    # A further seed is not judged: its own rows tell.
    isogloss.select(run, "iwda-seed-1")
    assert "confidence" in metrics_of(run)["expected"]["parts"]
    isogloss.select(run, before["chosen"]["name"])
    after = metrics_of(run)
    assert after["expected"] == before["expected"]
    for key in ("table", "left_out", "name", "candidates"):
        assert after["chosen"][key] == before["chosen"][key]
    assert after["chosen"]["reasons"][1:] == before["chosen"]["reasons"]
    assert after["chosen"]["at_first"] == before["chosen"]["name"]


def test_a_table_of_an_earlier_version_tells_no_score(
    files: dict[str, Any], tmp_path: Path
) -> None:
    run = auto_run(files, tmp_path / "run")
    metrics = metrics_of(run)
    for row in metrics["chosen"]["table"]:
        row["expected"] = row["expected"]["value"]
    (run / "metrics.json").write_text(json.dumps(metrics))
    isogloss.select(run, "iwda")
    assert "confidence" in metrics_of(run)["expected"]["parts"]


def test_taggers_are_told_the_same_metric_by_the_guard_and_by_hand(
    tagged: dict[str, Any], tmp_path: Path
) -> None:
    run = auto_run(tagged, tmp_path / "run", seeds=2)
    found = [metrics_of(run)["expected"]]
    for name in ("iwda", "iwda-seed-1"):
        isogloss.select(run, name)
        found.append(metrics_of(run)["expected"])
    for expected in found:
        assert (expected["metric"], expected["words"]) == ("macro_f1", True)
        assert "macro-F1 (over the tags of words, not the entity F1)" in expected["sentence"]


def test_what_was_judged_is_delivered(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once another's rows refute label shift, an estimate is another: that one is delivered."""
    own, agreed = np.array([0.2, 1.8, 1.0]), np.array([0.7, 1.2, 1.1])

    def estimate(rows: CandidateRows, *, p_value_before: float, **others: Any) -> PriorEstimate:
        found = estimate_of(rows, p_value_before=p_value_before, **others)
        told = 0.001 if rows.name == "iwda+kd" else 0.5
        return replace(
            found,
            assumption_p_value=min(told, p_value_before),
            shift_is_significant=True,
            weights=own if p_value_before > 0.05 else agreed,
        )

    monkeypatch.setattr(choosing, "estimate_of", estimate)
    run = auto_run(files, tmp_path / "run")
    path = run / "stages" / "zero-shot" / "result.json"
    result = json.loads(path.read_text())
    result["prior"]["assumption_p_value"] = 0.5
    path.write_text(json.dumps(result))
    (run / "metrics.json").unlink()
    run = auto_run(files, run)
    isogloss.select(run, "zero-shot+prior")
    before, after = (
        AutoModelForSequenceClassification.from_pretrained(model)
        for model in (run / "stages/zero-shot/model", run / "model")
    )
    moved = (after.classifier.bias - before.classifier.bias).detach().numpy()
    np.testing.assert_allclose(moved, np.log(agreed), atol=1e-6)
    prior = json.loads((run / "prior.json").read_text())
    assert prior["weights"] == agreed.tolist()
    assert prior["assumption_p_value"] < 0.05
    # What the stage's own rows say stays in its result.
    assert json.loads(path.read_text())["prior"]["assumption_p_value"] == 0.5
