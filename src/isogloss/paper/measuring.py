"""What is measured of a cell's models beside their scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from isogloss.analysis.curves import layer_curves
from isogloss.models.layers import VIEWS
from isogloss.paper.grid import Cell
from isogloss.paper.specification import METHODS
from isogloss.progress import Progress
from isogloss.recipes.folder import read_json
from isogloss.recipes.methods import stage_names

# Of the course of a training, behind its beginning.
COURSE_POINTS = 20
# Of the bootstrap of a shift, whose interval no table shows.
_REPLICATES = 20


def shift_of_stages(
    cell: Cell, run: Path, files: Mapping[str, Path], progress: Progress | None
) -> dict[str, float]:
    """Conditional feature shift of the zero-shot and the last stage, on test rows of both sides.

    Args:
        cell: that was run.
        run: its folder.
        files: of its sides.
        progress: hears how it goes.

    References:
        Xian, Ji & Zhao, ICLR 2022, eqs. 1 and 2.
    """
    stages = ("zero-shot", stage_names(METHODS[cell.method])[-1])
    report = _analysis(run, files, progress, layers=("features",), stages=stages)
    return {
        model["name"]: model["layers"][0]["conditional"]["l1"]["value"]
        for model in report["models"]
    }


def curves_of_layers(
    cell: Cell, run: Path, files: Mapping[str, Path], progress: Progress | None
) -> dict[str, Any]:
    """Conditional feature shift of the last stage in every layer, on test rows of both sides.

    Args:
        cell: that was run.
        run: its folder.
        files: of its sides.
        progress: hears how it goes.

    Returns:
        View -> curve, as `isogloss.analysis.curves.layer_curves` gives it.
    """
    stages = stage_names(METHODS[cell.method])[-1:]
    report = _analysis(run, files, progress, layers=(), stages=stages)
    curves = {view: layer_curves(report, view=view) for view in VIEWS}
    return {view: one[stages[0]] for view, one in curves.items() if one}


def course_of_training(
    cell: Cell, run: Path, files: Mapping[str, Path], progress: Progress | None
) -> list[dict[str, Any]]:
    """Scores on the target's test rows over the steps of the last stage.

    They were taken while it trained, as `isogloss.recipes.adapt.run` was asked to; here they are
    read.

    Args:
        cell: that was run.
        run: its folder.
        files: of its sides.
        progress: hears how it goes.

    Returns:
        In order of steps, the first before any: `step` and `scores` of each point.
    """
    course: list[dict[str, Any]] = read_json(last_result(cell, run))["course"]
    return course


def last_result(cell: Cell, run: Path) -> Path:
    """The file with the facts of a cell's last stage."""
    return run / "stages" / stage_names(METHODS[cell.method])[-1] / "result.json"


def _analysis(
    run: Path, files: Mapping[str, Path], progress: Progress | None, *, layers: Any, stages: Any
) -> dict[str, Any]:
    from isogloss.recipes.analyze import AnalysisSettings, analyze

    settings = AnalysisSettings(layers=layers, replicates=_REPLICATES)
    return analyze(
        run, files["english"], files["test"], settings=settings, stages=stages, progress=progress
    )


Measure = Callable[[Cell, Path, Mapping[str, Path], Progress | None], Any]
# What a cell may be measured for -> how.
MEASURES: dict[str, Measure] = {
    "shift": shift_of_stages,
    "layers": curves_of_layers,
    "course": course_of_training,
}
