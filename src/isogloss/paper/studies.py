"""Figures that are studies: zero-shot models of a grid, measured at many class balances."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss.paper.grid import SOURCE, Wanted
from isogloss.paper.sides import Side, prepared
from isogloss.paper.specification import Part, Specification
from isogloss.paper.tables import MISSING, Table
from isogloss.paper.work import Job
from isogloss.progress import Progress


def languages_of(part: Part, wanted: Wanted) -> list[str]:
    """The targets of a part that the user wants."""
    return [one for one in part.languages if wanted.languages is None or one in wanted.languages]


def study_sides(spec: Specification, wanted: Wanted) -> list[Side]:
    """The test rows of every target."""
    return [
        Side(part=part, language=language, split="test")
        for part in spec.parts
        for language in languages_of(part, wanted)
    ]


def make_studies(
    spec: Specification,
    jobs: Sequence[Job],
    wanted: Wanted,
    folder: Path,
    missing: Mapping[str, str],
    progress: Progress,
) -> list[dict[str, Any]]:
    """Measure the zero-shot models of each part on sets drawn from its targets' test rows.

    The paper's sets are shared among the targets. A set has as many rows as most balances allow
    (see `isogloss.study.usual_size`), at most the paper's 2,500.

    Args:
        spec: of a figure that is a study.
        jobs: of its finished zero-shot models.
        wanted: part of it.
        folder: for the results, one folder a corpus.
        missing: targets that are left out, by `Side.place`.
        progress: hears how it goes.

    Returns:
        For each part with a model: `corpus`, `results` (as in `study.json`), `files`.

    References:
        Xian, Ji & Zhao, ICLR 2022, figures 1, 4, 6 and 8.
    """
    from isogloss.plots.study import draw_study
    from isogloss.recipes.study import CSV, JSON, StudySettings, save_study, study_files

    assert spec.shift is not None
    found = []
    for part in spec.parts:
        own = [job for job in jobs if job.cell.part.corpus == part.corpus]
        sides = [
            Side(part=part, language=language, split="test")
            for language in languages_of(part, wanted)
        ]
        sides = [side for side in sides if side.place not in missing]
        if not own or not sides:
            continue
        targets = [prepared(own[0].plan, side, progress) for side in sides]
        sets = wanted.sets or spec.shift.sets
        study = study_files(
            [job.run_folder for job in own],
            targets,
            source=prepared(own[0].plan, Side(part=part, language=SOURCE, split="test"), progress),
            settings=StudySettings(sets=math.ceil(sets / len(sides))),
            progress=progress,
        )
        place = folder / part.corpus
        save_study(study, place)
        pictures = draw_study(study.report, study.columns, place)
        files = [place / JSON, place / CSV, *pictures]
        found.append(
            {
                "corpus": part.corpus,
                "score": study.report["score"],
                "results": study.report["results"],
                "files": [str(path) for path in files],
            }
        )
    return found


def study_table(study: Mapping[str, Any]) -> Table:
    """Correlations of the score with either shift, target by target."""
    rows = []
    for one in study["results"]:
        score, correlated = one["scores"][study["score"]], one["correlations"]["score"]
        cells = [
            _number(correlated.get(shift, {}).get("spearman"))
            for shift in ("feature_shift", "prior_shift")
        ]
        mean = score["mean"]
        shown = MISSING if mean is None else f"{100 * mean:.2f}"
        target = one["target"] or "all targets"
        rows.append([target, one["model"], str(one["sets"]), shown, *cells])
    return Table(
        title=f"{study['corpus']}, {study['score']} in percent, and its rank correlation with "
        "conditional feature shift and with prior shift",
        columns=["target", "model", "sets", "mean", "feature shift", "prior shift"],
        rows=rows,
    )


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:+.2f}"
