"""A study: fixed models on many sets of a labelled target, from one pass of each model."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from isogloss.data.atomic import naming, replacing
from isogloss.data.loading import load, name_of
from isogloss.data.preparing import prepare
from isogloss.progress import Progress
from isogloss.recipes.folder import write_json
from isogloss.recipes.predict import Precision
from isogloss.recipes.resample import labels_of
from isogloss.recipes.serving import ServedModel
from isogloss.recipes.study_models import (
    StudyModel,
    baseline_of,
    check_same_labels,
    find_models,
    kept_source,
    open_model,
    passed_source,
    passed_target,
)
from isogloss.study.drawing import draw_sets
from isogloss.study.evaluation import (
    LEAST_ROWS,
    ModelScores,
    Sets,
    SourceStatistics,
    evaluate_sets,
)
from isogloss.study.measures import percent_improvements, shares_corrected
from isogloss.study.plans import PriorPlan
from isogloss.study.rows import TargetLabels
from isogloss.study.summary import summarise
from isogloss.tasks import Task

JSON, CSV = "study.json", "study.csv"


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """How a study is made.

    Attributes:
        sets: drawn from each target, at least 1.
        size: examples of each set (sentences, for tagging); None for `usual_size`.
        plan: the priors that they are drawn at.
        estimate: how the prior of a set is estimated, "bbse" or "bbse-hard".
        calibration: of the probabilities that it stands on.
        least_rows: a class with fewer rows in a set has no part in its feature shift.
        baseline: name of the model that improvements are measured over; None for the zero-shot
            stage of the same run.
        seed: of every random choice.
    """

    sets: int = 500
    size: int | None = None
    plan: PriorPlan = field(default_factory=PriorPlan)
    estimate: str = "bbse"
    calibration: str = "bcts"
    least_rows: int = LEAST_ROWS
    baseline: str | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Study:
    """A finished study.

    Attributes:
        report: what `study.json` holds.
        columns: (model, target) -> name -> (m,) of every set: `prior_shift`, `feature_shift`,
            `accuracy`, `macro_f1`, `f1` (tagging), `estimate_error`, `shift_corrected`,
            `improvement` (in percent, over the baseline), and `prior:LABEL`, `estimate:LABEL`.
    """

    report: dict[str, Any]
    columns: dict[tuple[str, str], dict[str, np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class _Target:
    rows: Dataset
    labels: TargetLabels
    sets: Sets


def study_files(
    models: Sequence[str | Path],
    targets: Sequence[str | Path | Dataset],
    *,
    source: str | Path | Dataset | None = None,
    settings: StudySettings | None = None,
    columns: Mapping[str, str | None] | None = None,
    format: str | None = None,
    precision: Precision = "auto",
    progress: Progress | None = None,
) -> Study:
    """Draw sets with many priors from labelled targets and evaluate models on all of them.

    Args:
        models: run folders (all their finished stages), stage folders, or model folders, also of
            models that isogloss did not train; of the same task and labels.
        targets: labelled files, data sets, or ids on the hub, such as one a language.
        source: labelled source rows that shifts are measured from; None for those that each stage
            kept (its held-out rows).
        settings: how many sets, of what size, at which priors, and the rest.
        columns: `text`, `text_pair`, `label`: other names than in training.
        format: of the files, where their names do not say it.
        precision: of the matrix products; auto takes bf16 where the processor has it.
        progress: hears how far it is.

    Returns:
        The study.

    Raises:
        IsoglossError: E721 to E723, E725, E730, E732 for the priors; E726, E729, E731 for models
            that do not go together; E727 where there are no source rows; E728 for the baseline;
            E524, E525 for the folders; E1xx and E2xx for the files; E3xx for the models.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 2, figures 1, 3, 4, 6, 8 and 9.

    Example:
        >>> study = study_files(["runs/de"], ["test.de.csv"], settings=StudySettings(sets=200))
        >>> study.report["results"][0]["correlations"]["score"]["prior_shift"]["spearman"]
    """
    settings, columns = settings or StudySettings(), columns or {}
    progress = progress or Progress()
    found = find_models(models)
    baselines = {model.name: baseline_of(model, found, settings.baseline) for model in found}
    first = open_model(found[0], columns=columns, precision=precision)
    names = _distinct([name_of(where, default="the target") for where in targets])
    read = [
        _read_target(where, name, first.task, settings, format, progress)
        for where, name in zip(targets, names, strict=True)
    ]
    given = None if source is None else _labelled(source, first.task, format)
    scores: dict[tuple[str, str], ModelScores] = {}
    for model in found:
        served = first if model is found[0] else None
        served = served or open_model(model, columns=columns, precision=precision)
        order = check_same_labels(first, served, model)
        side = (
            kept_source(model, order)
            if given is None
            else passed_source(served, given[0], order, name=given[1], progress=progress)
        )
        prepared = SourceStatistics(
            side,
            len(order),
            method=settings.estimate,
            calibration=settings.calibration,
        )
        for target in read:
            rows = passed_target(
                model, served, target.rows, order, side, name=target.labels.name, progress=progress
            )
            scores[model.name, target.labels.name] = evaluate_sets(
                target.labels,
                rows,
                target.sets,
                source=prepared,
                least_rows=settings.least_rows,
            )
    table = {
        (model, target.labels.name): _columns(
            scores[model, target.labels.name],
            target,
            scores.get((baselines[model] or "", target.labels.name)),
            headline=first.task.headline,
        )
        for model in baselines
        for target in read
    }
    return Study(report=_report(first, found, baselines, read, table, settings), columns=table)


def save_study(study: Study, folder: Path) -> None:
    """Write `study.json` and `study.csv`, each whole or not at all.

    Args:
        study: the study.
        folder: where; it is made.

    Raises:
        IsoglossError: E121 where they cannot be written.
    """
    path = folder / CSV
    with replacing(path) as temporary, naming(path), temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = list(dict.fromkeys(name for columns in study.columns.values() for name in columns))
        writer.writerow(["target", "model", "set", *names])
        for (model, target), columns in study.columns.items():
            cells = [[_cell(v) for v in columns[n]] if n in columns else [] for n in names]
            for index in range(len(columns["prior_shift"])):
                row = [values[index] if values else "" for values in cells]
                writer.writerow([target, model, index + 1, *row])
    write_json(folder / JSON, study.report)


def _read_target(
    where: str | Path | Dataset,
    name: str,
    task: Task,
    settings: StudySettings,
    format: str | None,
    progress: Progress,
) -> _Target:
    rows = _labelled(where, task, format)[0]
    labels = labels_of(rows, task, name=name)
    progress.start(f"sets of {name}", settings.sets, "sets")
    sets = draw_sets(
        labels,
        settings.sets,
        plan=settings.plan,
        size=settings.size,
        seed=settings.seed,
        advance=progress.advance,
    )
    progress.finish()
    return _Target(rows=rows, labels=labels, sets=sets)


def _labelled(where: str | Path | Dataset, task: Task, format: str | None) -> tuple[Dataset, str]:
    """Conforming labelled rows, and what messages call them."""
    name = name_of(where)
    raw = load(where, format=format)
    rows = prepare(raw, task.columns, side="target", name=name, labels="required")
    rows = task.conform(rows, name=name)
    task.check_labels(rows, name=name)
    return rows, name


def _columns(
    scores: ModelScores, target: _Target, baseline: ModelScores | None, *, headline: str
) -> dict[str, np.ndarray]:
    found = {
        "rows": target.sets.sizes,
        "prior_shift": scores.prior_shift,
        "feature_shift": scores.feature_shift,
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "f1": scores.f1,
        "estimate_error": scores.estimate_error,
        "shift_corrected": shares_corrected(scores.prior_shift, scores.estimate_error),
    }
    if baseline is not None:
        before, after = getattr(baseline, headline), getattr(scores, headline)
        found["improvement"] = percent_improvements(after, before)
    for j, label in enumerate(target.labels.names):
        found[f"prior:{label}"] = target.sets.priors[:, j]
    for j, label in enumerate(target.labels.names):
        found[f"estimate:{label}"] = scores.estimate[:, j]
    return {name: np.asarray(values) for name, values in found.items() if values is not None}


def _report(
    first: ServedModel,
    models: Sequence[StudyModel],
    baselines: Mapping[str, str | None],
    targets: Sequence[_Target],
    table: Mapping[tuple[str, str], Mapping[str, np.ndarray]],
    settings: StudySettings,
) -> dict[str, Any]:
    headline = first.task.headline
    results = [
        {"model": model, "target": target, **summarise(columns, score=headline)}
        for (model, target), columns in table.items()
    ]
    if len(targets) > 1:
        for model in baselines:
            parts = [columns for (name, _), columns in table.items() if name == model]
            shared = {n: np.concatenate([part[n] for part in parts]) for n in parts[0]}
            results.append({"model": model, "target": None, **summarise(shared, score=headline)})
    return {
        "version": 1,
        "task": first.task.kind,
        "score": headline,
        "labels": list(first.task.known_labels.names),
        "settings": {
            "sets": settings.sets,
            "concentration": settings.plan.concentration,
            "grid": settings.plan.grid,
            "given": [dict(prior) for prior in settings.plan.given],
            "estimate": settings.estimate,
            "calibration": settings.calibration,
            "least_rows": settings.least_rows,
            "seed": settings.seed,
        },
        "targets": [
            {
                "name": target.labels.name,
                "rows": target.labels.num_examples,
                "set_rows": int(target.sets.sizes[0]),
                "prior": target.labels.prior.tolist(),
            }
            for target in targets
        ],
        "models": [
            {"name": m.name, "folder": str(m.folder), "baseline": baselines[m.name]} for m in models
        ],
        "results": results,
    }


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of which none is there twice: a later one gets its number."""
    found: list[str] = []
    for number, name in enumerate(names, start=1):
        found.append(f"{name} ({number})" if name in found else name)
    return found


def _cell(value: float) -> str:
    """A number with six decimals at most; nothing where it is not defined."""
    if not np.isfinite(value):
        return ""
    return f"{value:.6f}".rstrip("0").rstrip(".")
