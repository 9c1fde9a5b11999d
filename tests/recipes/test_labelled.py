"""A few labelled target rows in a run: checked, used to check and choose, and never trained on."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

import isogloss
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.models.card import inert
from isogloss.recipes.candidates import read_candidate
from isogloss.recipes.expecting import estimate_of, facts_of
from isogloss.recipes.folder import RunFolder
from isogloss.recipes.labelled import check_labelled_rows
from isogloss.recipes.labelled_rows import LABELLED, PRIOR, prior_of, read_labelled
from isogloss.selection.guard import choose as guarded_choice
from isogloss.selection.sharpening import sharpened_score
from tests.recipes.conftest import write_csv

STAGES = ["zero-shot", "iwda"]


def labelled_file(path: Path, *, rows: int = 24, seed: int = 7) -> Path:
    return write_csv(path, rows=rows, labels=True, seed=seed)


def garbled(path: Path, to: Path) -> Path:
    """The same texts, each with another label."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with to.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([row["text"], f"class-{(i * i + 1) % 3}"] for i, row in enumerate(rows))
    return to


def weights_of(run: Path) -> dict[str, bytes]:
    return {path.parts[-3]: path.read_bytes() for path in run.glob("stages/*/model/*.safetensors")}


def everything(run: Path) -> dict[str, bytes]:
    """All files but the events, whose names hold the time."""
    files = [p for p in run.rglob("*") if p.is_file() and "tensorboard" not in p.parts]
    return {str(p.relative_to(run)): p.read_bytes() for p in files}


def test_labels_never_reach_a_weight(files: dict[str, Any], tmp_path: Path) -> None:
    good = labelled_file(tmp_path / "few.csv")
    bad = garbled(good, tmp_path / "garbled.csv")
    runs = {
        name: isogloss.adapt(output=tmp_path / name, **files, **more)
        for name, more in (
            ("without", {}),
            ("good", {"labelled_target": good}),
            ("bad", {"labelled_target": bad}),
        )
    }
    weights = {name: weights_of(result.folder) for name, result in runs.items()}
    assert set(weights["without"]) == set(STAGES)
    assert weights["good"] == weights["without"]
    assert weights["bad"] == weights["without"]
    # Each stage was measured alike, too: only what is asked at the end differs.
    for stage in STAGES:
        plain, told = (runs[name].folder / "stages" / stage for name in ("without", "good"))
        for file in ("candidate.safetensors", "held-out.safetensors"):
            assert (plain / file).read_bytes() == (told / file).read_bytes()
    scores = [runs[name].metrics["labelled"]["scores"] for name in ("good", "bad")]
    assert scores[0] != scores[1]
    assert "labelled" not in runs["without"].metrics


def test_a_run_says_what_the_labels_were_used_for(files: dict[str, Any], tmp_path: Path) -> None:
    few = labelled_file(tmp_path / "few.csv")
    result = isogloss.adapt(output=tmp_path / "run", labelled_target=few, **files)
    folder = RunFolder(result.folder)
    report = result.metrics["labelled"]
    assert (report["rows"], report["units"], report["trained_on"]) == (24, 24, False)
    assert report["used_for"] == ["check", "prior"]
    assert list(report["scores"]) == STAGES
    rows = read_labelled(folder, STAGES)
    assert rows is not None
    right = float((rows.logits["iwda"].argmax(axis=1) == rows.labels).mean())
    accuracy = report["scores"]["iwda"]["accuracy"]
    assert accuracy["value"] == pytest.approx(right)
    assert accuracy["interval"][0] <= right <= accuracy["interval"][1]
    assert result.metrics["stages"]["iwda"]["labelled"]["accuracy"] == pytest.approx(right)
    assert result.metrics["data"]["labelled_rows"] == 24
    assert "24 labelled target rows" in report["sentences"][0]
    assert "no weight was trained on them" in report["sentences"][1]
    card = (result.model / "README.md").read_text("utf-8")
    assert all(inert(sentence) in card for sentence in report["sentences"])


def test_what_to_expect_and_the_prior_are_refined(files: dict[str, Any], tmp_path: Path) -> None:
    few = labelled_file(tmp_path / "few.csv")
    result = isogloss.adapt(output=tmp_path / "run", labelled_target=few, **files)
    folder = RunFolder(result.folder)
    rows = read_candidate(folder.stage("iwda"), name="iwda")
    labelled = read_labelled(folder, ["iwda"])
    assert labelled is not None
    facts = facts_of(labelled, tagging=False)
    estimate = estimate_of(rows, tagging=False, seed=0, facts=facts)
    np.testing.assert_allclose(result.prior["estimate"], estimate.prior)
    assert result.prior == prior_of(folder, "iwda")
    without = folder.stage_result("iwda")
    assert without is not None
    assert result.prior["diagnostics"]["facts"]
    assert not without["prior"]["diagnostics"]["facts"]
    wanted, evidence = sharpened_score(rows, estimate, labelled, model="iwda", metric="macro_f1")
    assert result.metrics["expected"] == json.loads(json.dumps(wanted.to_dict()))
    assert evidence.rows == 24
    assert "24 labelled target rows give" in result.metrics["expected"]["sentence"]


def test_auto_chooses_by_them_and_select_keeps_them(files: dict[str, Any], tmp_path: Path) -> None:
    few = labelled_file(tmp_path / "few.csv", rows=30)
    options = {**files, "max_steps": 2, "recipe": "auto", "labelled_target": few}
    result = isogloss.adapt(output=tmp_path / "run", **options)
    folder, chosen = RunFolder(result.folder), result.metrics["chosen"]
    stages = list(result.metrics["stages"])
    assert result.metrics["labelled"]["used_for"] == ["check", "choose", "prior"]
    labelled = read_labelled(folder, stages)
    facts = facts_of(labelled, tagging=False)
    rows = [read_candidate(folder.stage(name), name=name) for name in stages]
    estimates = {each.name: estimate_of(each, tagging=False, seed=0, facts=facts) for each in rows}
    wanted = guarded_choice(rows, estimates, zero_shot="zero-shot", labelled=labelled)
    assert (chosen["name"], chosen["reasons"]) == (wanted.name, wanted.reasons)
    assert "30 labelled target rows" in chosen["reasons"][-1]
    assert all(row["labelled"]["rows"] == 30 for row in chosen["table"])
    Path(few).unlink()
    isogloss.select(result.folder, "iwda")
    after = json.loads((result.folder / "metrics.json").read_text())
    assert after["labelled"] == result.metrics["labelled"]
    assert after["expected"]["parts"]["labelled_rows"] == 30


def test_a_finished_run_is_finished_and_an_interrupted_one_goes_on(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = labelled_file(tmp_path / "few.csv")
    options = {**files, "max_steps": 2, "labelled_target": few}
    whole = everything(isogloss.adapt(output=tmp_path / "whole", **options).folder)
    run = tmp_path / "run"

    def kill(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("isogloss.recipes.asking.write_json", kill)
        with pytest.raises(KeyboardInterrupt):
            isogloss.adapt(output=run, **options)
    assert (run / "stages" / "zero-shot" / LABELLED).is_file()
    assert not (run / "stages" / "zero-shot" / PRIOR).is_file()
    again = everything(isogloss.adapt(output=run, **options).folder)
    # How long a stage took is measured, and told by the report.
    differing = {name for name in whole if again[name] != whole[name]}
    assert again.keys() == whole.keys()
    assert differing <= {"report.html", *(f"stages/{stage}/result.json" for stage in STAGES)}
    labelled_file(few, seed=8)
    with pytest.raises(IsoglossError) as caught:
        isogloss.adapt(output=run, **options)
    assert caught.value.code == "E522"


def test_rows_are_taken_from_a_data_set(files: dict[str, Any], tmp_path: Path) -> None:
    texts = [f"alpha beta {i}" for i in range(6)]
    few = Dataset.from_dict({"text": texts, "label": ["class-0", "class-1"] * 3})
    options = {**files, "max_steps": 1, "recipe": "zero-shot"}
    result = isogloss.adapt(output=tmp_path / "run", labelled_target=few, **options)
    assert result.metrics["labelled"]["rows"] == 6
    # Where no source rows were held out, labelled rows are all there is to tell.
    bare = isogloss.adapt(output=tmp_path / "bare", labelled_target=few, holdout=0.0, **options)
    assert bare.metrics["expected"]["value"] == pytest.approx(
        bare.metrics["labelled"]["scores"]["zero-shot"]["macro_f1"]["value"]
    )
    assert "alone" in bare.metrics["expected"]["sentence"]


def test_words_go_by_sentences(
    tagged: dict[str, Any], conll: Callable[..., Path], tmp_path: Path
) -> None:
    tagged |= {"max_steps": 2}
    few = conll("few.conll", rows=10, tags=True, seed=2)
    result = isogloss.adapt(output=tmp_path / "run", labelled_target=few, **tagged)
    report = result.metrics["labelled"]
    assert report["units"] == 10
    assert report["rows"] > 10
    assert f"{report['rows']} labelled words of 10 target sentences" in report["sentences"][0]
    assert result.metrics["expected"]["metric"] == "macro_f1"
    assert set(result.metrics["stages"]["iwda"]["labelled"]) == set(
        result.metrics["stages"]["iwda"]["held-out"]
    )


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("in test", "E660"),
        ("source", "E661"),
        ("few", "E662"),
        ("recipe", "E663"),
        ("class", "E202"),
        ("unlabelled", "E106"),
        ("columns", "E105"),
        ("nowhere", "E101"),
    ],
)
def test_rows_that_cannot_be_used(
    files: dict[str, Any], tmp_path: Path, case: str, code: str
) -> None:
    few, options = tmp_path / "few.csv", dict(files)
    labelled_file(few, rows=4 if case == "few" else 12)
    if case == "in test":
        last = Path(files["test"]).read_text("utf-8").splitlines()[-1]
        few.write_text(few.read_text("utf-8") + last + "\n", "utf-8")
    if case == "source":
        few = Path(files["source"])
    if case == "recipe":
        options |= {"recipe": "bilingual", "target": files["test"], "test": None}
    if case == "class":
        few.write_text(few.read_text("utf-8") + "alpha,class-9\n", "utf-8")
    if case == "unlabelled":
        few = write_csv(few, rows=12, labels=False, seed=3)
    if case == "columns":
        few = write_csv(few, rows=12, labels=True, seed=3, header="words")
    if case == "nowhere":
        few = tmp_path / "nowhere.csv"
    with pytest.raises(IsoglossError) as caught:
        isogloss.adapt(output=tmp_path / "run", labelled_target=few, **options)
    assert caught.value.code == code
    assert Path(few).name in str(caught.value) or case == "recipe"
    assert not (tmp_path / "run").exists()


def test_a_row_in_the_test_set_is_named() -> None:
    sides = {name: Dataset.from_dict({"text": [name]}) for name in ("source", "target")}
    rows = Dataset.from_dict({"text": ["a", "b", "c", "d", "e"]})
    test = Dataset.from_dict({"text": ["e", "x", "c"]})
    with pytest.raises(IsoglossError, match=r"2 of the labelled target rows.*row 3 is the first"):
        check_labelled_rows(rows, name="few.csv", test=test, **sides)
    sides["target"] = test
    facts = check_labelled_rows(rows, name="few.csv", test=None, **sides)
    assert facts == {"labelled_rows": 5, "labelled_rows_also_in_target": 2}


def test_very_many_rows_are_warned_of() -> None:
    rows = Dataset.from_dict({"text": [str(i) for i in range(501)]})
    other = Dataset.from_dict({"text": ["a"]})
    with pytest.warns(IsoglossWarning, match="^W531: few.csv has 501 labelled target rows"):
        check_labelled_rows(rows, name="few.csv", source=other, target=other, test=None)


def test_a_broken_file_of_answers_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.stage("iwda").mkdir(parents=True)
    assert read_labelled(folder, ["iwda"]) is None
    (folder.stage("iwda") / LABELLED).write_bytes(b"broken")
    with pytest.raises(IsoglossError) as caught:
        read_labelled(folder, ["iwda"])
    assert caught.value.code == "E532"
