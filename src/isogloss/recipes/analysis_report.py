"""What an analysis found, as values that JSON can hold, as a table, and as files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.analysis.estimate import FeatureShift, Measure
from isogloss.analysis.sampling import SampledRows
from isogloss.analysis.similarity import debiased_cka
from isogloss.data.writing import RowWriter
from isogloss.recipes.analysis_pass import Place, SideRows
from isogloss.recipes.folder import write_json
from isogloss.tasks import Task

REPORT, TABLE = "analysis.json", "analysis.csv"
SIDES = ("source", "target")
# First and later model's sample of a side.
Pairs = Sequence[tuple[SampledRows, SampledRows]]

_SENTENCES = {
    "labels": "Classes of target rows are their labels.",
    "predicted": "Target rows count for each class by the probability that each model itself "
    "predicts, so the conditional shift is an estimate.",
    "corrected": "Target rows count for each class by the probability that each model itself "
    "predicts, corrected by the class balance that the run estimated, so the conditional shift is "
    "an estimate.",
}


def describe_run(
    *,
    model: str,
    task: Task,
    sides: tuple[SideRows, SideRows],
    classes: str,
    settings: Mapping[str, Any],
    models: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """An analysis as `analysis.json` holds it.

    Args:
        model: what was analysed, as it was named.
        task: with its labels.
        sides: source and target.
        classes: what stands for the classes of target rows.
        settings: of the analysis.
        models: `name`, and `layers` as `describe_place` gives them.

    Returns:
        `model`, `task`, `labels`; `source` and `target`, each `name` and `rows`; `classes`, one of
        "labels", "predicted" and "corrected"; `is_estimate`, whether the conditional shift is one;
        `settings`; `models`; `sentences` that say for people what to mind.
    """
    return {
        "model": model,
        "task": task.kind,
        "labels": list(task.known_labels.names),
        **{
            name: {"name": side.name, "rows": len(side.rows)}
            for name, side in zip(SIDES, sides, strict=True)
        },
        "classes": classes,
        "is_estimate": classes != "labels",
        "settings": {
            **settings,
            "layers": list(settings["layers"]),
            "views": list(settings["views"]),
        },
        "models": list(models),
        "sentences": [_SENTENCES[classes]],
    }


def describe_place(
    place: Place, shift: FeatureShift, labels: Sequence[str] | None, pairs: Pairs | None
) -> dict[str, Any]:
    """One layer in one view.

    Args:
        place: the two.
        shift: measured there.
        labels: the k class names; None where rows have no class, as sentences in tagging.
        pairs: what the first model and this one sampled there, of each side; None for the first.

    Returns:
        `layer` (a number or "features"), `view`, `conditional` (None without classes) and
        `unconditioned`: measure -> `value`, `low`, `high`, `floor`, `scaled` and, where it has
        them, `by_class`; `left_out`, class names; `rows`: side -> class -> number, expected
        ones where classes are estimated; `spread`, `bandwidth`; `similarity`: side -> debiased
        linear CKA with the first model's features of the same rows (None for the first). What does
        not exist is None.
    """
    names = list(labels or [])
    rows = zip(SIDES, (shift.source_rows, shift.target_rows), strict=True)
    return {
        "layer": place[0],
        "view": place[1],
        "conditional": None
        if labels is None
        else {name: _measure(each, names) for name, each in shift.conditional.items()},
        "unconditioned": {name: _measure(each, []) for name, each in shift.unconditioned.items()},
        "left_out": [names[j] for j in shift.left_out] if names else [],
        "rows": {side: _by_name(names, counts) for side, counts in rows} if names else None,
        "spread": {name: _number(value) for name, value in shift.spread.items()},
        "bandwidth": _number(shift.bandwidth),
        "similarity": None
        if pairs is None
        else {
            side: _similarity(*pair, level=shift.level)
            for side, pair in zip(SIDES, pairs, strict=True)
        },
    }


def table_rows(report: Mapping[str, Any]) -> dict[str, list[Any]]:
    """An analysis as columns, one row a number."""
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            *("model", "view", "layer", "kind", "measure"),
            *("value", "low", "high", "floor", "scaled"),
        )
    }
    for model in report["models"]:
        for each in model["layers"]:
            for kind in ("conditional", "unconditioned", "similarity"):
                for measure, found in (each[kind] or {}).items():
                    row = {"model": model["name"], **each, "kind": kind, "measure": measure}
                    row |= {"floor": None, "scaled": None, **found}
                    for name, values in columns.items():
                        values.append(row[name])
    columns["layer"] = [str(layer) for layer in columns["layer"]]
    return columns


def write_analysis(report: Mapping[str, Any], folder: Path) -> tuple[Path, Path]:
    """Write `analysis.json` and `analysis.csv`, each whole or not at all.

    Args:
        report: as `describe_run` gives it.
        folder: made where it is missing.

    Returns:
        The two paths.

    Raises:
        IsoglossError: E121 where they cannot be written.
    """
    with RowWriter(folder / TABLE) as writer:
        writer.write(table_rows(report))
    write_json(folder / REPORT, report)
    return folder / REPORT, folder / TABLE


def _measure(measure: Measure, labels: Sequence[str]) -> dict[str, Any]:
    numbers = {name: _number(getattr(measure, name)) for name in ("value", "low", "high")}
    more = {name: _number(getattr(measure, name)) for name in ("floor", "scaled")}
    if not len(measure.by_class) or not labels:
        return numbers | more
    return numbers | more | {"by_class": _by_name(labels, measure.by_class)}


def _similarity(first: SampledRows, later: SampledRows, *, level: float) -> dict[str, Any]:
    """CKA of two models' features of the same rows; None where a model cuts texts otherwise."""
    same = len(first) == len(later) and bool(np.array_equal(first.groups, later.groups))
    found = (
        debiased_cka(first.features, later.features, blocks=later.blocks, level=level)
        if same
        else (math.nan,) * 3
    )
    return dict(zip(("value", "low", "high"), map(_number, found), strict=True))


def _by_name(names: Sequence[str], values: np.ndarray) -> dict[str, float | None]:
    return dict(zip(names, map(_number, values.tolist()), strict=True))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
