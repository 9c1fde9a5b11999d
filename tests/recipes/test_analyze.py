"""Analysis of runs and models: passes against naive ones, comparisons, errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import isogloss
from isogloss.analysis import debiased_cka
from isogloss.analysis.curves import layer_curves
from isogloss.data.loading import load
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.labelshift.correction import correct
from isogloss.recipes import analysis_pass
from isogloss.recipes.analysis_report import table_rows, write_analysis
from isogloss.recipes.analyze import AnalysisSettings, analyze
from tests.helpers.models import save_tiny
from tests.recipes.conftest import SETTINGS, write_csv

QUICK = {"replicates": 20, "sample": 60}
NAMES = ["class-0", "class-1", "class-2"]


def quick(**changes: Any) -> AnalysisSettings:
    return AnalysisSettings(**(QUICK | changes))


def by_place(model: dict[str, Any]) -> dict[Any, Any]:
    return {(each["layer"], each["view"]): each for each in model["layers"]}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, encoder: Path) -> Path:
    """A run of two stages, and labelled and unlabelled files of both languages."""
    folder = tmp_path_factory.mktemp("analyze")
    files = {
        "en": (40, True, 0),
        "de": (30, False, 1),
        "en.test": (33, True, 2),
        "de.test": (27, True, 3),
        "de.more": (24, False, 4),
    }
    for name, (rows, labels, seed) in files.items():
        write_csv(folder / f"{name}.csv", rows=rows, labels=labels, seed=seed)
    sides = {"source": folder / "en.csv", "target": folder / "de.csv"}
    isogloss.adapt(
        **{name: str(path) for name, path in sides.items()},
        model=str(encoder),
        output=folder / "run",
        **(SETTINGS | {"recipe": "iwda", "pooling": "mean", "max_steps": 2}),
    )
    return folder


@pytest.fixture(scope="module")
def report(place: Path) -> dict[str, Any]:
    sides = place / "en.test.csv", place / "de.test.csv"
    return analyze(place / "run", *sides, settings=quick(classes="labels"))


def plain_states(folder: Path, texts: list[str]) -> tuple[list[list[torch.Tensor]], np.ndarray]:
    """Text by text, the library's own states of the exported model, and its probabilities."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    states, logits = [], []
    with torch.no_grad():
        for text in texts:
            found = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
            states.append([layer[0] for layer in found.hidden_states])
            logits.append(found.logits[0])
    return states, torch.stack(logits).double().softmax(dim=1).numpy()


def class_means(rows: np.ndarray, memberships: np.ndarray) -> np.ndarray:
    return (memberships.T @ rows) / memberships.sum(axis=0)[:, None]


def test_shift_is_that_of_plain_passes(place: Path, report: dict[str, Any]) -> None:
    sides = [load(place / f"{name}.test.csv") for name in ("en", "de")]
    folder = place / "run/stages/iwda/model"
    states = [plain_states(folder, side["text"])[0] for side in sides]
    memberships = [np.eye(3)[[NAMES.index(label) for label in side["label"]]] for side in sides]
    found = by_place(report["models"][1])
    for layer in range(3):
        for view in ("cls", "mean"):
            rows = [
                torch.stack([s[layer][0] if view == "cls" else s[layer].mean(dim=0) for s in side])
                for side in states
            ]
            means = [
                class_means(each.double().numpy(), members)
                for each, members in zip(rows, memberships, strict=True)
            ]
            wanted = np.abs(means[0] - means[1]).sum(axis=1)
            measure = found[layer, view]["conditional"]["l1"]
            assert list(measure["by_class"].values()) == pytest.approx(wanted, rel=1e-4, abs=1e-5)
            assert measure["value"] == pytest.approx(wanted.mean(), rel=1e-4, abs=1e-5)
            overall = (rows[0].mean(dim=0) - rows[1].mean(dim=0)).abs().sum()
            unconditioned = found[layer, view]["unconditioned"]["l1"]["value"]
            assert unconditioned == pytest.approx(float(overall), rel=1e-4, abs=1e-5)


def test_what_a_report_says(report: dict[str, Any]) -> None:
    assert [model["name"] for model in report["models"]] == ["zero-shot", "iwda"]
    assert report["source"] == {"name": "en.test.csv", "rows": 33}
    assert report["target"] == {"name": "de.test.csv", "rows": 27}
    assert (report["classes"], report["is_estimate"]) == ("labels", False)
    assert report["labels"] == NAMES
    for model in report["models"]:
        places = by_place(model)
        assert list(places) == [
            *((layer, view) for view in ("cls", "mean") for layer in range(3)),
            ("features", "mean"),
        ]
        for each in places.values():
            assert each["rows"]["target"] == dict.fromkeys(NAMES, 9.0)
            for measure in each["conditional"].values():
                if measure["value"] is not None and measure["low"] is not None:
                    assert measure["low"] <= measure["value"] <= measure["high"]
    assert all(each["similarity"] is None for each in report["models"][0]["layers"])


def test_later_models_are_compared_with_the_first(place: Path, report: dict[str, Any]) -> None:
    texts = load(place / "de.test.csv")["text"]
    views = []
    for stage in ("zero-shot", "iwda"):
        states, _ = plain_states(place / "run/stages" / stage / "model", texts)
        views.append(torch.stack([each[2].mean(dim=0) for each in states]).numpy())
    similarity = by_place(report["models"][1])[2, "mean"]["similarity"]
    assert similarity["target"]["value"] == pytest.approx(debiased_cka(*views)[0], rel=1e-4)
    # Two steps of training move the features a little.
    assert 0.5 < similarity["source"]["value"] < 1.0


def numbers(measures: dict[str, Any]) -> list[float]:
    keys = ("value", "low", "high", "floor")
    found = [measure[key] for measure in measures.values() for key in keys]
    return [float("nan") if number is None else number for number in found]


def test_neither_batches_nor_slices_matter(
    place: Path, report: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis_pass, "_SLICE", 7)
    monkeypatch.setattr(analysis_pass, "tokens_per_batch", lambda device: 20)
    sides = place / "en.test.csv", place / "de.test.csv"
    again = analyze(place / "run", *sides, settings=quick(classes="labels"))
    for one, two in zip(report["models"], again["models"], strict=True):
        for before, after in zip(one["layers"], two["layers"], strict=True):
            for kind in ("conditional", "unconditioned"):
                assert numbers(after[kind]) == pytest.approx(
                    numbers(before[kind]), rel=1e-3, abs=1e-4, nan_ok=True
                )


@pytest.mark.parametrize(
    ("classes", "kept"),
    [("predicted", "result.json"), ("corrected", "result.json"), ("auto", "prior.json")],
)
def test_unlabelled_targets_are_estimated(
    place: Path, tmp_path: Path, classes: str, kept: str
) -> None:
    """By the stage's estimate, or by what labelled rows and the guard put in its place."""
    run = tmp_path / "run"
    (run / "stages/zero-shot").mkdir(parents=True)
    (run / "config.yaml").symlink_to(place / "run/config.yaml")
    stage = place / "run/stages/zero-shot"
    (run / "stages/zero-shot/model").symlink_to(stage / "model")
    result = json.loads((stage / "result.json").read_text("utf-8"))
    weights = [0.5, 1.0, 1.5]
    if kept == "prior.json":
        own = result["prior"] | {"weights": weights}
        (run / "stages/zero-shot" / kept).write_text(json.dumps(own), "utf-8")
    else:
        result["prior"]["weights"] = weights
    (run / "stages/zero-shot/result.json").write_text(json.dumps(result), "utf-8")
    sides = place / "en.test.csv", place / "de.more.csv"
    found = analyze(run, *sides, settings=quick(classes=classes, layers=[1], views=["mean"]))
    assert found["classes"] == ("predicted" if classes == "predicted" else "corrected")
    assert found["is_estimate"]
    assert "an estimate" in found["sentences"][0]
    data = [load(side) for side in sides]
    (own, _), (other, soft) = (plain_states(stage / "model", d["text"]) for d in data)
    if classes != "predicted":
        soft = correct(soft, weights)
    rows = [torch.stack([s[1].mean(dim=0) for s in side]).double().numpy() for side in (own, other)]
    labels = np.eye(3)[[NAMES.index(label) for label in data[0]["label"]]]
    wanted = np.abs(class_means(rows[0], labels) - class_means(rows[1], soft)).sum(axis=1)
    each = found["models"][0]["layers"][0]
    assert each["conditional"]["l1"]["value"] == pytest.approx(wanted.mean(), rel=1e-4)
    assert list(each["rows"]["target"].values()) == pytest.approx(soft.sum(axis=0), rel=1e-4)


def test_chosen_stages_layers_and_views(place: Path) -> None:
    sides = place / "en.test.csv", place / "de.test.csv"
    settings = quick(layers=[2, 0, "features"], views=["mean"])
    found = analyze(place / "run", *sides, settings=settings, stages=["iwda"])
    assert [model["name"] for model in found["models"]] == ["iwda"]
    assert list(by_place(found["models"][0])) == [(0, "mean"), (2, "mean"), ("features", "mean")]
    stage = analyze(place / "run/stages/iwda", *sides, settings=settings)
    assert stage["models"] == found["models"]


def test_words_have_classes_and_sentences_have_none(
    conll: Callable[..., Path], tmp_path: Path
) -> None:
    save_tiny(tmp_path / "tagger", "bert", "token", num_labels=5)
    sides = (
        conll("en.conll", rows=12, tags=True, seed=0),
        conll("de.conll", rows=10, tags=True, seed=1),
    )
    options = {"task": "token", "settings": quick(views=["active", "mean"], layers=[1])}
    with pytest.warns(IsoglossWarning, match="W700: .*I-LOC, I-PER"):
        found = analyze(tmp_path / "tagger", *sides, **options)
    assert found["labels"][0] == "O"
    places = by_place(found["models"][0])
    active, mean = places[1, "active"], places[1, "mean"]
    assert active["left_out"] == ["I-LOC", "I-PER"]
    assert active["rows"]["source"]["B-PER"] == 6
    assert active["conditional"]["l1"]["by_class"]["I-PER"] is None
    assert mean["conditional"] is None
    assert mean["unconditioned"]["l1"]["value"] > 0
    assert list(layer_curves(found, view="mean")) == []
    assert list(layer_curves(found, view="mean", kind="unconditioned")) == ["tagger"]


def test_a_model_from_elsewhere(place: Path, encoder: Path) -> None:
    """It has no head for these labels, so the features before it mean nothing."""
    sides = place / "en.test.csv", place / "de.test.csv"
    found = analyze(encoder, *sides, settings=quick())
    assert list(by_place(found["models"][0])) == [
        (layer, view) for view in ("cls", "mean") for layer in range(3)
    ]
    with pytest.raises(IsoglossError, match=r"E704: The target de.more.csv .*'label'"):
        analyze(encoder, place / "en.test.csv", place / "de.more.csv", settings=quick())


def test_data_sets_in_memory(place: Path, report: dict[str, Any]) -> None:
    sides = [Dataset.from_dict(load(place / f"{n}.test.csv")[:]) for n in ("en", "de")]
    found = analyze(place / "run", *sides, settings=quick(), stages=["zero-shot"])
    assert found["models"][0] == report["models"][0]


def test_rows_of_training_are_warned_of(place: Path) -> None:
    with pytest.warns(IsoglossWarning, match="W701: en.csv"):
        analyze(
            place / "run",
            place / "en.csv",
            place / "de.test.csv",
            settings=quick(layers=[0], views=["cls"]),
            stages=["zero-shot"],
        )


def test_long_texts_are_warned_of(place: Path, encoder: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("text,label\n" + "".join(f"{'a ' * 90},{n}\n" for n in NAMES), "utf-8")
    with pytest.warns(IsoglossWarning, match="W522: 3 of 3 rows of long.csv"):
        analyze(encoder, place / "en.test.csv", path, settings=quick(layers=[0], views=["cls"]))


def test_files_hold_what_the_report_holds(report: dict[str, Any], tmp_path: Path) -> None:
    first, second = write_analysis(report, tmp_path / "new")
    assert json.loads(first.read_text("utf-8")) == json.loads(json.dumps(report))
    assert load(second)[:] == {
        name: ["" if v is None else str(v) for v in values] if name != "layer" else values
        for name, values in table_rows(report).items()
    }
    columns = table_rows(report)
    place = {"model": "iwda", "view": "mean", "layer": "2", "kind": "conditional", "measure": "l2"}
    (row,) = [
        i
        for i in range(len(columns["model"]))
        if all(columns[name][i] == value for name, value in place.items())
    ]
    wanted = by_place(report["models"][1])[2, "mean"]["conditional"]["l2"]
    assert {name: columns[name][row] for name in ("value", "low", "floor")} == {
        name: wanted[name] for name in ("value", "low", "floor")
    }


def test_files_that_cannot_be_written(report: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(IsoglossError, match="E121"):
        write_analysis(report, tmp_path / "file")


def refused(code: str, *arguments: Any, **options: Any) -> None:
    with pytest.raises(IsoglossError, match=f"^{code}: "):
        analyze(*arguments, **options)


def test_what_is_wrong_is_named(place: Path, tmp_path: Path) -> None:
    run, sides = place / "run", (place / "en.test.csv", place / "de.test.csv")
    refused("E702", tmp_path, *sides)
    refused("E319", tmp_path / "nothing here", *sides)
    (tmp_path / "config.yaml").write_text((run / "config.yaml").read_text("utf-8"), "utf-8")
    refused("E525", tmp_path, *sides)
    refused("E540", run, *sides, stages=["st"])
    refused("E540", run / "model", *sides, stages=["iwda"])
    refused("E703", run, *sides, settings=quick(layers=[3]))
    refused("E119", run, sides[0], sides[0])
    refused("E106", run, place / "de.more.csv", sides[0])
    refused("E106", run, sides[0], place / "de.more.csv", settings=quick(classes="labels"))
    refused("E705", run / "model", *sides, settings=quick(classes="corrected"))
    only = [tmp_path / "one.csv", tmp_path / "other.csv"]
    for path, label in zip(only, NAMES, strict=False):
        path.write_text(f"text,label\ngood book,{label}\nbad film,{label}\n", "utf-8")
    refused("E706", run, *only, settings=quick(layers=[0], views=["cls"]))


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"classes": "true"}, "E409"),
        ({"views": ["max"]}, "E409"),
        ({"level": 95}, "E407"),
        ({"replicates": 1}, "E407"),
        ({"sample": 0}, "E407"),
        ({"seed": -1}, "E407"),
    ],
)
def test_settings_have_ranges(settings: dict[str, Any], code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        AnalysisSettings(**settings)
