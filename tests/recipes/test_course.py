"""Scores on the test rows while a stage trains: seen by nobody but a report."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from isogloss.progress import Progress
from isogloss.recipes.adapt import run
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import read_json
from tests.recipes.conftest import write_csv


class Broken(Progress):
    """Breaks off a stage behind a step."""

    def __init__(self, stage: str, step: int) -> None:
        self.stage, self.left, self.phase = stage, step, ""

    def start(self, phase: str, total: int | None, unit: str) -> None:
        self.phase = phase

    def advance(self, amount: int, figures: Mapping[str, float] | None = None) -> None:
        self.left -= amount * (self.phase == self.stage)
        if self.left <= 0:
            raise KeyboardInterrupt


def course(folder: Path, stage: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_json(folder / "stages" / stage / "result.json")["course"]
    return found


def came_out(folder: Path) -> dict[str, Any]:
    """All that a run made but its course, times and the facts that name its folder."""
    models = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*.safetensors")
        if "checkpoints" not in path.parts
    }
    predictions = (folder / "predictions.csv").read_bytes()
    prior = read_json(folder / "prior.json")
    logs = {p.parent.name: read_json(p)["log"] for p in folder.glob("stages/*/result.json")}
    return {"models": models, "predictions": predictions, "prior": prior, "logs": logs}


@pytest.mark.parametrize(
    "recipe",
    [
        "iwda+st",
        "keung2019",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("iwda", "iwda+kd")),
    ],
)
def test_training_is_the_same_with_and_without(
    files: dict[str, Any], tmp_path: Path, recipe: str
) -> None:
    config = RunConfig.from_dict(files | {"recipe": recipe})
    run(config, tmp_path / "plain")
    run(config, tmp_path / "followed", course=4)
    assert came_out(tmp_path / "followed") == came_out(tmp_path / "plain")
    stages = read_json(tmp_path / "followed" / "metrics.json")["stages"]
    assert stages == read_json(tmp_path / "plain" / "metrics.json")["stages"]
    for stage, scores in stages.items():
        points = course(tmp_path / "followed", stage)
        assert points[0]["step"] == 0
        assert len(points) >= 3
        assert points[-1]["scores"] == scores["test"]
        assert "course" not in read_json(tmp_path / "plain/stages" / stage / "result.json")


def test_a_course_begins_with_the_model_that_a_stage_starts_from(
    files: dict[str, Any], tmp_path: Path
) -> None:
    run(RunConfig.from_dict(files), tmp_path / "run", course=2)
    zero_shot, iwda = (course(tmp_path / "run", stage) for stage in ("zero-shot", "iwda"))
    assert [point["step"] for point in iwda] == [0, 2, 4]
    assert iwda[0]["scores"] == zero_shot[-1]["scores"]


def test_labels_of_the_test_rows_reach_no_training(files: dict[str, Any], tmp_path: Path) -> None:
    path = write_csv(tmp_path / "other.csv", rows=21, labels=True, seed=2)
    with path.open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *([text, "class-1"] for text, _ in rows)])
    run(RunConfig.from_dict(files), tmp_path / "true", course=4)
    run(RunConfig.from_dict(files | {"test": str(path)}), tmp_path / "garbage", course=4)
    assert course(tmp_path / "true", "iwda") != course(tmp_path / "garbage", "iwda")
    assert came_out(tmp_path / "true") == came_out(tmp_path / "garbage")


def test_points_before_an_interruption_stay(files: dict[str, Any], tmp_path: Path) -> None:
    files["iwda"] |= {"save_strategy": "steps", "save_steps": 2}
    config = RunConfig.from_dict(files)
    run(config, tmp_path / "unbroken", course=4)
    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path / "broken", progress=Broken("iwda", 3), course=4)
    assert (tmp_path / "broken/stages/iwda/checkpoints/checkpoint-2").is_dir()
    run(config, tmp_path / "broken", course=4)
    found = course(tmp_path / "broken", "iwda")
    assert [point["step"] for point in found] == [0, 1, 2, 3, 4]
    assert found == course(tmp_path / "unbroken", "iwda")
