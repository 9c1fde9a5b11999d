"""`st` and `iwda+st` from files to a finished run."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import isogloss
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import RunFolder
from isogloss.recipes.methods import stage_names
from isogloss.recipes.stages.selftraining import describe
from isogloss.trainers import selftraining_rounds
from isogloss.trainers.selftraining import SelfTrainingTrainer
from isogloss.trainers.selftraining_config import SelfTrainingConfig
from tests.recipes.test_adapt import Listener

SELFTRAIN = {
    "per_device_train_batch_size": 4,
    "rounds": 2,
    "save_strategy": "steps",
    "save_steps": 1,
}
WEIGHTS = "model/model.safetensors"


@pytest.fixture
def settings(files: dict[str, Any]) -> dict[str, Any]:
    return files | {"selftrain": SELFTRAIN}


def rounds_of(result: Any, stage: str) -> list[dict[str, Any]]:
    path = result.folder / "stages" / stage / "result.json"
    return json.loads(path.read_text("utf-8"))["rounds"]


@pytest.mark.parametrize("recipe", ["st", "iwda+st"])
def test_recipe_leaves_its_rounds(
    settings: dict[str, Any], tmp_path: Path, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two steps make no classifier that is sure of anything.
    monkeypatch.setattr(selftraining_rounds, "named_alike", lambda rows, _: rows[:, 0] >= 0.0)
    listener = Listener()
    result = isogloss.adapt(
        output=tmp_path / "run", progress=listener, **(settings | {"recipe": recipe})
    )
    assert list(result.metrics["stages"]) == stage_names(recipe)
    rounds = rounds_of(result, recipe)
    assert [found["step"] for found in rounds] == [0, 2]
    for found in rounds:
        for name in ("classes", "aim", "estimate"):
            assert sum(found[name]) == pytest.approx(1.0)
        assert 0 < found["labelled"] <= found["examples"] <= 30
    assert listener.lines[-1] == f"{recipe}: {describe(rounds[-1], result.prior['labels'])}"


@pytest.mark.parametrize("recipe", ["st", "iwda+st"])
def test_no_estimate_is_trusted_that_the_first_model_refutes(
    settings: dict[str, Any], tmp_path: Path, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings |= {"recipe": recipe, "max_steps": 2}
    free = rounds_of(isogloss.adapt(output=tmp_path / "free", **settings), recipe)[0]
    stage_result = RunFolder.stage_result

    def refuted(folder: RunFolder, stage: str) -> dict[str, Any] | None:
        found = stage_result(folder, stage)
        if found is not None and stage == "zero-shot":
            found["prior"]["assumption_p_value"] = 1e-4
        return found

    monkeypatch.setattr(RunFolder, "stage_result", refuted)
    settings["selftrain"] = settings["selftrain"] | {"fraction": 1.0}
    rounds = rounds_of(isogloss.adapt(output=tmp_path / "refuted", **settings), recipe)
    assert free["assumption_p_value"] > 1e-4
    for found in rounds:
        assert found["assumption_p_value"] <= 1e-4
        # In the shares of the predictions, but for rows that hang on the balance.
        assert found["labelled"] <= 30 * found["sure"] + 1e-9
        assert found["labelled"] == round(30 * found["coverage"])
        assert found["coverage"] < 1.0
        for share, aim in zip(found["classes"], found["aim"], strict=True):
            assert abs(share - aim) * found["labelled"] < 1


@pytest.mark.parametrize("selection", ["prior", "confident"])
def test_tagging(
    settings: dict[str, Any], conll: Callable[..., Path], tmp_path: Path, selection: str
) -> None:
    settings |= {
        "source": str(conll("en.conll", rows=30, tags=True, seed=0)),
        "target": str(conll("de.conll", rows=30, tags=False, seed=1)),
        "test": str(conll("test.conll", rows=12, tags=True, seed=2)),
        "task": "token",
        "recipe": "st",
        "selftrain": SELFTRAIN | {"selection": selection},
    }
    found = rounds_of(isogloss.adapt(output=tmp_path / "run", **settings), "st")[-1]
    assert len(found["classes"]) == 5
    assert found["examples"] <= found["labelled"]
    assert ("estimate" in found) == (selection == "prior")


def test_pairs(settings: dict[str, Any], tmp_path: Path) -> None:
    for side in ("source", "target", "test"):
        path = tmp_path / f"{side}.csv"
        with Path(settings[side]).open(newline="", encoding="utf-8") as file:
            rows = [row | {"other": "gut"} for row in csv.DictReader(file)]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        settings[side] = str(path)
    settings |= {"task": "pair", "text_pair": "other", "recipe": "st"}
    result = isogloss.adapt(output=tmp_path / "run", **settings)
    assert len(rounds_of(result, "st")) == 2


def test_cut_off_in_a_round_it_ends_with_the_same_weights(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = isogloss.adapt(output=tmp_path / "whole", **(settings | {"recipe": "st"}))
    inner = SelfTrainingTrainer.batch_loss

    def cut(trainer: SelfTrainingTrainer, *args: Any, **options: Any) -> Any:
        if trainer.state.global_step == 3:
            raise KeyboardInterrupt
        return inner(trainer, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(SelfTrainingTrainer, "batch_loss", cut)
        with pytest.raises(KeyboardInterrupt):
            isogloss.adapt(output=tmp_path / "cut", **(settings | {"recipe": "st"}))
    listener = Listener()
    resumed = isogloss.adapt(
        output=tmp_path / "cut", progress=listener, **(settings | {"recipe": "st"})
    )
    assert "st: going on at step 3" in listener.lines
    assert (whole.folder / WEIGHTS).read_bytes() == (resumed.folder / WEIGHTS).read_bytes()
    assert rounds_of(whole, "st") == rounds_of(resumed, "st")


def test_target_labels_change_nothing(settings: dict[str, Any], tmp_path: Path) -> None:
    first = isogloss.adapt(output=tmp_path / "a", **(settings | {"recipe": "st"}))
    with Path(settings["target"]).open(newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    labelled = tmp_path / "labelled.csv"
    with labelled.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text", "label"], *[[text, "nonsense"] for text in texts]])
    settings["target"] = str(labelled)
    second = isogloss.adapt(output=tmp_path / "b", **(settings | {"recipe": "st"}))
    assert (first.folder / WEIGHTS).read_bytes() == (second.folder / WEIGHTS).read_bytes()


def test_paper_preset_is_class_blind(files: dict[str, Any], tmp_path: Path) -> None:
    files |= {"max_steps": 2, "epochs": 2.0, "recipe": "st", "preset": "paper"}
    found = rounds_of(isogloss.adapt(output=tmp_path / "run", **files), "st")
    assert [f["labelled"] for f in found] == [1, 2]
    assert "estimate" not in found[0]


def test_paper_preset_has_the_published_numbers() -> None:
    """METHOD, section 5: the hyper-parameters of the paper's appendix C.2."""
    config = RunConfig(source="a", target="b", preset="paper").resolved()
    args = SelfTrainingConfig(**config.selftrain)
    published = {
        "learning_rate": 1e-5,
        "per_device_train_batch_size": 128,
        "num_train_epochs": 4.0,
        "selection": "confident",
        "fraction": 0.02,
        "keep_labels": True,
    }
    assert {name: getattr(args, name) for name in published} == published


def test_a_round_in_a_line() -> None:
    found = {"labelled": 8, "share": 0.2, "classes": [0.25, 0.75]}
    line = describe(found, ["a", "b"])
    assert line == "pseudo-labels on 20 % of the target's rows: a 25.0 %, b 75.0 %"
    nothing = {"labelled": 0, "share": 0.0, "classes": [0.0, 0.0]}
    assert describe(nothing, ["a", "b"]).startswith("no row of the target is given a pseudo-label")
