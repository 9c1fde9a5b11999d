"""Figures of the course of training: scores over its steps, as tables and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from isogloss.paper.layers import measured_on_targets
from isogloss.paper.results import Score, scores_of
from isogloss.paper.specification import METRICS, Part, Specification
from isogloss.paper.tables import Table, ours
from isogloss.paper.work import Record
from isogloss.plots.panels import save_panels
from isogloss.plots.training import plot_training

# The points of a method in a language: `steps`, and `values`, of each step one a seed, in percent.
Points = dict[str, list[Any]]
_PANEL = (5.6, 3.8)


def make_courses(
    spec: Specification, records: Sequence[Record], folder: Path
) -> list[dict[str, Any]]:
    """Draw the scores on the target's test rows over the steps of every method's last stage.

    Args:
        spec: of a figure that has such curves.
        records: of its finished cells.
        folder: for the pictures, one folder a corpus.

    Returns:
        For each part that something was measured of: `corpus`, `metric`, `curves` (language ->
        method -> `steps` and `values`), `zero_shot` (language -> its score in percent, the mean
        over seeds) and `files`.

    References:
        Xian, Ji & Zhao, ICLR 2022, figure 7.
    """
    found = []
    for part in spec.parts:
        curves = courses_of(part, records)
        if curves:
            zero_shot = zero_shot_scores(spec, part, records)
            files = draw_courses(curves, zero_shot, part.metric, folder / part.corpus)
            found.append(
                {
                    "corpus": part.corpus,
                    "metric": part.metric,
                    "curves": curves,
                    "zero_shot": zero_shot,
                    "files": [str(path) for path in files],
                }
            )
    return found


def courses_of(part: Part, records: Sequence[Record]) -> dict[str, dict[str, Points]]:
    """language -> method -> points, of what was measured."""
    found: dict[str, dict[str, Points]] = {}
    for language in part.languages:
        for method in part.methods:
            own = measured_on_targets(records, (part.corpus, method, language), "course")
            if own:
                courses = [record["course"] for record in own]
                found.setdefault(language, {})[method] = _points(courses, METRICS[part.metric])
    return found


def _points(courses: Sequence[Sequence[Mapping[str, Any]]], metric: str) -> Points:
    """The points of all seeds, by step; a seed may lack some."""
    by_step: dict[int, list[float]] = {}
    for course in courses:
        for point in course:
            by_step.setdefault(point["step"], []).append(100 * point["scores"][metric])
    steps = sorted(by_step)
    return {"steps": steps, "values": [by_step[step] for step in steps]}


def zero_shot_scores(
    spec: Specification, part: Part, records: Sequence[Record]
) -> dict[str, float]:
    """language -> score in percent, the mean over seeds, where there is such a model."""
    by_language = scores_of(spec, part, records).get("zero-shot", {})
    return {
        language: score.mean for language, score in by_language.items() if score.mean is not None
    }


def course_tables(figure: Mapping[str, Any]) -> list[Table]:
    """One table a language: a row for every step that something was scored at."""
    return [_table(figure, language) for language in figure["curves"]]


def _table(figure: Mapping[str, Any], language: str) -> Table:
    methods = {
        method: dict(zip(points["steps"], points["values"], strict=True))
        for method, points in figure["curves"][language].items()
    }
    steps = sorted({step for values in methods.values() for step in values})

    def cell(values: Sequence[float]) -> str:
        return ours(Score(values=tuple(values), published=None))

    rows = [[str(step), *(cell(by.get(step, ())) for by in methods.values())] for step in steps]
    return Table(
        title=f"{figure['corpus']}, {language}: {figure['metric']} in percent on the target's test "
        "rows over the steps of the last stage; step 0 is what it starts from",
        columns=["step", *methods],
        rows=rows,
    )


def draw_courses(
    curves: Mapping[str, Mapping[str, Points]],
    zero_shot: Mapping[str, float],
    metric: str,
    folder: Path,
) -> list[Path]:
    """Draw `course.png` and `course.svg`: a panel a language, a curve a method, means over seeds.

    Args:
        curves: as `courses_of` gives them.
        zero_shot: language -> score in percent, a level line.
        metric: of the scores.
        folder: made where it is missing.
    """
    panels = [
        partial(
            plot_training,
            _drawn(by_method, zero_shot.get(language)),
            quantity=f"{language}: {metric} on the target's test rows, percent",
        )
        for language, by_method in curves.items()
    ]
    return save_panels([[panel] for panel in panels], folder / "course", panel=_PANEL)


def _drawn(
    by_method: Mapping[str, Points], zero_shot: float | None
) -> dict[str, tuple[list[int], list[float]]]:
    """Steps and scores of every line in a panel, zero-shot's from end to end."""
    lines = {
        method: (points["steps"], [mean(values) for values in points["values"]])
        for method, points in by_method.items()
    }
    if zero_shot is not None:
        last = max(steps[-1] for steps, _ in lines.values())
        lines["zero-shot"] = ([0, last], [zero_shot, zero_shot])
    return lines
