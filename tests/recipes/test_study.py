"""Studies of real (tiny) models, from files to files."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers

import isogloss
from isogloss.data.arrays import read_arrays, save_arrays
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.recipes.evaluate import evaluate_file
from isogloss.recipes.heldout import HELD_OUT, read_held_out
from isogloss.recipes.resample import resample_file
from isogloss.recipes.study import CSV, JSON, Study, StudySettings, save_study, study_files
from isogloss.recipes.study_models import baseline_of, find_models
from isogloss.study.plans import PriorPlan
from tests.helpers.models import save_tiny
from tests.recipes.conftest import SETTINGS, write_csv

NAMES = {f"class-{i}": i for i in range(3)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, encoder: Path) -> Path:
    folder = tmp_path_factory.mktemp("study")
    isogloss.adapt(
        write_csv(folder / "en.csv", rows=40, labels=True, seed=0),
        write_csv(folder / "de.csv", rows=30, labels=False, seed=1),
        output=folder / "run",
        model=str(encoder),
        holdout=0.3,
        **SETTINGS,
    )
    write_csv(folder / "test.csv", rows=60, labels=True, seed=2)
    # A model of the same labels in another order, which isogloss did not make.
    save_tiny(
        folder / "foreign",
        "distilbert",
        "sequence",
        id2label={0: "class-2", 1: "class-0", 2: "class-1"},
        label2id={"class-2": 0, "class-0": 1, "class-1": 2},
    )
    return folder


@pytest.fixture(scope="module")
def study(place: Path) -> Study:
    settings = StudySettings(sets=12, least_rows=2, seed=3)
    return study_files([place / "run"], [place / "test.csv"], settings=settings)


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(IsoglossError) as caught:
        call()
    return caught.value.code


def test_every_stage_of_a_run_is_measured_on_the_same_sets(study: Study) -> None:
    assert list(study.columns) == [("zero-shot", "test.csv"), ("iwda", "test.csv")]
    first, second = study.columns.values()
    for name in ("prior:class-0", "prior:class-1", "prior:class-2", "prior_shift"):
        np.testing.assert_array_equal(first[name], second[name])
    assert (first["rows"] == 20).all()
    assert "improvement" not in first
    wanted = 100 * (second["macro_f1"] - first["macro_f1"]) / first["macro_f1"]
    np.testing.assert_allclose(second["improvement"], wanted)
    assert np.isfinite(second["feature_shift"]).all()
    assert [m["baseline"] for m in study.report["models"]] == [None, "zero-shot"]


def test_the_whole_file_as_a_set_scores_as_evaluate_says(place: Path) -> None:
    plan = PriorPlan(given=[{"class-0": 1 / 3, "class-1": 1 / 3, "class-2": 1 / 3}])
    settings = StudySettings(sets=1, size=60, plan=plan)
    stage = place / "run" / "stages" / "zero-shot"
    found = study_files([stage], [place / "test.csv"], settings=settings, precision="fp32")
    columns = found.columns["zero-shot", "test.csv"]
    wanted = evaluate_file(stage, place / "test.csv", precision="fp32")["metrics"]
    assert columns["accuracy"][0] == pytest.approx(wanted["accuracy"])
    assert columns["macro_f1"][0] == pytest.approx(wanted["macro_f1"])


def test_files_say_what_was_found_and_the_same_again(study: Study, tmp_path: Path) -> None:
    for _ in range(2):
        save_study(study, tmp_path / "out")
    report = json.loads((tmp_path / "out" / JSON).read_text("utf-8"))
    assert report == study.report
    rows = list(csv.DictReader((tmp_path / "out" / CSV).open(encoding="utf-8", newline="")))
    assert len(rows) == 24
    for row, value in zip(rows[12:], study.columns["iwda", "test.csv"]["macro_f1"], strict=True):
        assert row["model"] == "iwda"
        assert float(row["macro_f1"]) == pytest.approx(value, abs=1e-6)
    assert rows[0]["improvement"] == ""
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [CSV, JSON]


def test_a_model_made_elsewhere_has_its_labels_put_in_order(place: Path) -> None:
    settings = StudySettings(sets=6, size=15, least_rows=2, baseline="foreign")
    found = study_files(
        [place / "run" / "stages" / "iwda", place / "foreign"],
        [place / "test.csv"],
        source=place / "en.csv",
        settings=settings,
    )
    foreign = found.columns["foreign", "test.csv"]
    assert found.report["models"][0]["baseline"] == "foreign"
    assert "improvement" in found.columns["iwda", "test.csv"]
    # Its predictions, by name, through transformers alone.
    classify = transformers.pipeline("text-classification", str(place / "foreign"))
    rows = list(csv.DictReader((place / "test.csv").open(encoding="utf-8", newline="")))
    right = [classify(row["text"])[0]["label"] == row["label"] for row in rows]
    plan = PriorPlan(given=[{"class-0": 1 / 3, "class-1": 1 / 3}])
    whole = study_files(
        [place / "foreign"],
        [place / "test.csv"],
        source=place / "en.csv",
        settings=StudySettings(sets=1, size=60, plan=plan),
        precision="fp32",
    )
    accuracy = whole.columns["foreign", "test.csv"]["accuracy"]
    assert accuracy[0] == pytest.approx(np.mean(right))
    assert foreign["prior_shift"].min() >= 0


def test_several_targets_are_summed_up_together_too(place: Path) -> None:
    write_csv(place / "es.csv", rows=45, labels=True, seed=7)
    stage = place / "run" / "stages" / "iwda"
    settings = StudySettings(sets=8, least_rows=2)
    # The same name twice gets a number.
    targets = [place / "test.csv", place / "es.csv", place / "es.csv"]
    found = study_files([stage], targets, settings=settings)
    results = found.report["results"]
    assert [r["target"] for r in results] == ["test.csv", "es.csv", "es.csv (3)", None]
    assert results[-1]["sets"] == sum(r["sets"] for r in results[:-1]) == 24


def test_tagging(tmp_path: Path, encoder: Path, conll: Callable[..., Path]) -> None:
    isogloss.adapt(
        conll("en.conll", rows=40, tags=True, seed=0),
        conll("de.conll", rows=30, tags=False, seed=1),
        output=tmp_path / "run",
        model=str(encoder),
        task="token",
        holdout=0.3,
        **(SETTINGS | {"recipe": "zero-shot"}),
    )
    target = conll("test.conll", rows=60, tags=True, seed=2)
    settings = StudySettings(sets=5, size=60)
    found = study_files([tmp_path / "run"], [target], settings=settings, precision="fp32")
    columns = found.columns["zero-shot", "test.conll"]
    wanted = evaluate_file(tmp_path / "run", target, precision="fp32")["metrics"]
    np.testing.assert_allclose(columns["f1"], wanted["f1"])
    np.testing.assert_allclose(columns["accuracy"], wanted["accuracy"])
    assert found.report["score"] == "f1"

    skewed = tmp_path / "skewed.conll"
    report = resample_file(target, skewed, {"O": 0.82}, task="token", tolerance=0.02)
    assert report["distance"] <= 0.02
    assert abs(report["reached"][report["labels"].index("O")] - 0.82) <= 0.02
    blocks = [b.strip() for b in target.read_text("utf-8").split("\n\n")]
    kept = [b for b in skewed.read_text("utf-8").split("\n\n") if b.strip()]
    assert 0 < len(kept) == report["written"] < 60
    assert {b.strip() for b in kept} <= set(blocks)


def test_models_that_do_not_go_together(place: Path, tmp_path: Path) -> None:
    stage, target = place / "run" / "stages" / "iwda", [place / "test.csv"]

    def study_with(*models: Path, **more: Any) -> Callable[[], Any]:
        settings = StudySettings(sets=2, **more)
        return lambda: study_files([stage, *models], target, settings=settings)

    tags = {0: "O", 1: "B-X", 2: "I-X"}
    save_tiny(tmp_path / "tagger", "bert", "token", id2label=tags)
    save_tiny(tmp_path / "others", "bert", "sequence")
    save_tiny(tmp_path / "headless", "bert", "base")
    assert code_of(study_with(tmp_path / "others")) == "E726"
    assert code_of(study_with(place / "foreign")) == "E727"
    assert code_of(study_with(baseline="best")) == "E728"
    assert code_of(study_with(tmp_path / "tagger")) == "E729"
    assert code_of(study_with(tmp_path / "headless")) == "E731"
    assert code_of(study_with(tmp_path / "nowhere")) == "E524"


def test_a_model_that_was_trained_on_its_source_rows_is_told_of(
    place: Path, tmp_path: Path
) -> None:
    stage = tmp_path / "iwda"
    shutil.copytree(place / "run" / "stages" / "iwda", stage)
    arrays, facts = read_arrays(stage / HELD_OUT)
    save_arrays(stage / HELD_OUT, arrays, facts | {"trained_on": True})
    assert read_held_out(stage).trained_on
    with pytest.warns(IsoglossWarning, match="W523"):
        study_files([stage], [place / "test.csv"], settings=StudySettings(sets=2))


def test_names_and_baselines_of_models(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(place / "run", other)
    found = find_models([place / "run", other])
    assert [m.name for m in found] == [
        "run/zero-shot", "run/iwda", "other/zero-shot", "other/iwda",
    ]  # fmt: skip
    assert [baseline_of(m, found, None) for m in found] == [
        None, "run/zero-shot", None, "other/zero-shot",
    ]  # fmt: skip
    assert baseline_of(found[0], found, "other/iwda") == "other/iwda"
    shutil.rmtree(other / "stages")
    (other / "stages" / "zero-shot").mkdir(parents=True)
    assert code_of(lambda: find_models([other])) == "E525"


def test_resampled_rows_are_rows_of_the_file_in_its_order(place: Path, tmp_path: Path) -> None:
    prior = {"class-0": 0.6, "class-1": 0.3}
    output = tmp_path / "skewed.jsonl"
    report = resample_file(place / "test.csv", output, prior, seed=1)
    before = list(csv.DictReader((place / "test.csv").open(encoding="utf-8", newline="")))
    after = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    places = [before.index(row) for row in after]
    assert places == sorted(places)
    assert report["written"] == len(after) == 34
    counts = np.bincount([NAMES[row["label"]] for row in after])
    np.testing.assert_allclose(report["reached"], counts / counts.sum())
    np.testing.assert_allclose(report["wanted"], [0.6, 0.3, 0.1])
    assert report["distance"] < 0.02


@pytest.mark.parametrize(
    ("prior", "more", "code"),
    [
        ({"class-9": 0.5}, {}, "E721"),
        ({"class-0": 1.5}, {}, "E722"),
        ({"class-0": 0.9}, {"size": 50}, "E723"),
        ({"class-0": 0.9}, {"size": 61}, "E730"),
        ({"class-0": 0.9}, {"tolerance": 2.0}, "E407"),
    ],
)
def test_what_cannot_be_resampled_leaves_nothing(
    place: Path, tmp_path: Path, prior: dict[str, float], more: dict[str, Any], code: str
) -> None:
    output = tmp_path / "out.csv"
    assert code_of(lambda: resample_file(place / "test.csv", output, prior, **more)) == code
    assert list(tmp_path.iterdir()) == []


def test_the_input_is_not_overwritten(place: Path) -> None:
    before = (place / "test.csv").read_bytes()
    same = place / "." / "test.csv"
    assert code_of(lambda: resample_file(place / "test.csv", same, {"class-0": 0.5})) == "E733"
    assert (place / "test.csv").read_bytes() == before
