"""One cell of a grid: its run, and the record of what came out."""

from __future__ import annotations

import shutil
import traceback
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.data.atomic import temporary_beside
from isogloss.data.loading import load
from isogloss.errors import IsoglossError
from isogloss.paper.corpora import CORPORA
from isogloss.paper.grid import SOURCE, Cell
from isogloss.paper.measuring import COURSE_POINTS, MEASURES, last_result
from isogloss.paper.sides import DataPlan, prepared
from isogloss.paper.specification import METHODS
from isogloss.progress import Progress
from isogloss.recipes.folder import read_json, write_json
from isogloss.recipes.methods import stage_names

Record = dict[str, Any]

# Methods whose score on the source's own test rows the paper has.
_TESTED_ON_SOURCE = ("st", "kd", "iwda", "iwda+kd", "iwda+st", "iwda-oracle", "iwda-unweighted")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A cell, and where it works; picklable.

    Attributes:
        cell: what to run.
        plan: where its rows are.
        root: the output folder of the reproduction.
        max_steps: of each stage, at most.
        needs_models: whether the run is made again where it was done and its models removed.
    """

    cell: Cell
    plan: DataPlan
    root: Path
    max_steps: int | None = None
    needs_models: bool = False

    @property
    def run_folder(self) -> Path:
        """The folder of its run."""
        return self.root / "runs" / self.cell.key

    @property
    def has_models(self) -> bool:
        """Whether the models of its run are on disk."""
        return (self.run_folder / "model").is_dir()

    @property
    def must_run_again(self) -> bool:
        """Whether a finished run has not what is wanted of it, and another would have."""
        return (self.needs_models and not self.has_models) or self.lacks_course

    @property
    def lacks_course(self) -> bool:
        """Whether its last stage was trained and not scored on the way, which is wanted now."""
        path = last_result(self.cell, self.run_folder)
        return "course" in self.cell.measures and path.is_file() and "course" not in read_json(path)

    def record_of(self, cell: Cell) -> Record | None:
        """What is known of a cell, or None."""
        path = self.root / "cells" / f"{cell.key}.json"
        return read_json(path) if path.is_file() else None

    def keep(self, record: Mapping[str, Any]) -> Record:
        """Write the record of this cell."""
        path = self.root / "cells" / f"{self.cell.key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, record)
        return dict(record)


def carry_out(job: Job, progress: Progress | None = None) -> Record:
    """Carry out a cell, or the rest of it; a failure is recorded, not raised.

    Args:
        job: the cell. What it starts from has ended.
        progress: hears how the run goes.

    Returns:
        `key`, `method`, `language`, `seed`, `number` and `status`, "done" or "failed"; if failed
        `error`; if done `scores` (of `target`, and where the paper has it of `english`), `prior`,
        `steps`, `seconds` and, if they are asked for, `shift`, `layers` and `course`.
    """
    cell, facts = job.cell, facts_of(job.cell)
    record = job.record_of(cell)
    if record is None or record["status"] != "done" or job.must_run_again:
        record = _attempt(job, facts, lambda: _run(job, progress or Progress()))
    if record["status"] == "done":
        for name in cell.measures:
            if name not in record:
                record = _measured(job, record, name, progress)
    return record


def facts_of(cell: Cell) -> Record:
    """What a cell's record says of it whatever comes out."""
    return {
        "key": cell.key,
        "corpus": cell.part.corpus,
        "method": cell.method,
        "language": cell.language,
        "seed": cell.seed,
        "number": cell.number,
    }


def keep_failure(job: Job, error: str, **more: str) -> Record:
    """Write the record of a cell that failed."""
    return job.keep({**facts_of(job.cell), "status": "failed", "error": error, **more})


def _measured(job: Job, record: Record, name: str, progress: Progress | None) -> Record:
    """A record with a measure of the run's models, or with why there is none."""

    def call() -> Record:
        files = {side: prepared(job.plan, one) for side, one in job.cell.sides().items()}
        return {name: MEASURES[name](job.cell, job.run_folder, files, progress)}

    found = _attempt(job, record, call)
    if found["status"] == "done":
        return found
    # The scores stand; the measure is tried again by the next call.
    return job.keep({**record, f"{name}_error": found["error"]})


def _attempt(job: Job, facts: Record, call: Any) -> Record:
    """A record with what a call finds, or with why it failed."""
    try:
        return job.keep({**facts, **call(), "status": "done"})
    except IsoglossError as error:
        return keep_failure(job, str(error))
    # Whatever it is, the other cells go on, and the record says where to look.
    except Exception as error:
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return keep_failure(job, why, traceback=traceback.format_exc())


def _run(job: Job, progress: Progress) -> Record:
    """Prepare the rows, train and measure."""
    finished = (job.run_folder / "metrics.json").is_file()
    if (finished and not job.has_models) or job.lacks_course:
        # Finished, and its models removed, or unwatched; one that was interrupted goes on.
        gone = temporary_beside(job.run_folder)
        job.run_folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    cell, start = job.cell, job.cell.start
    if start is not None:
        before = job.record_of(start)
        if before is None or before["status"] != "done":
            raise IsoglossError("E816", start=start.key)
    files = {
        name: prepared(job.plan, side, progress).resolve() for name, side in cell.sides().items()
    }
    begun = None if start is None else (job.root / "runs" / start.key).resolve()
    return train(job, files, begun, progress)


def train(job: Job, files: dict[str, Path], start: Path | None, progress: Progress) -> Record:
    """Carry out the run of a cell.

    Args:
        job: the cell.
        files: of its sides.
        start: folder of the run whose stages it takes over.
        progress: hears how it goes.

    Returns:
        `scores`, `prior`, `steps` and `seconds`, as `carry_out` has them.
    """
    from isogloss.recipes.adapt import run

    cell = job.cell
    config = cell.config(files, start=start, most=job.max_steps)
    with warnings.catch_warnings():
        if cell.language == SOURCE:
            # Its target is its test set on purpose, and is not trained on.
            warnings.filterwarnings("ignore", message="W521")
        course = COURSE_POINTS if "course" in cell.measures else 0
        result = run(config, job.run_folder, progress=progress, course=course)
    stage = stage_names(METHODS[cell.method])[-1]
    scores = {"target": result.metrics["stages"][stage]["test"]}
    if cell.language == SOURCE:
        scores["english"] = scores["target"]
    elif cell.method in _TESTED_ON_SOURCE and cell.number is None:
        scores["english"] = _evaluate(job, files["english"], config.resolved().precision, progress)
    stages = {
        name: read_json(result.folder / "stages" / name / "result.json")
        for name in result.metrics["steps"]
    }
    return {
        "scores": scores,
        "prior": _priors(cell, result.prior, stages[stage], files["target"]),
        "steps": result.metrics["steps"],
        "seconds": {name: facts["seconds"] for name, facts in stages.items()},
    }


def _evaluate(job: Job, file: Path, precision: Any, progress: Progress) -> dict[str, float]:
    from isogloss.recipes.evaluate import evaluate_file

    report = evaluate_file(job.run_folder / "model", file, precision=precision, progress=progress)
    scores: dict[str, float] = report["metrics"]
    return scores


def _priors(
    cell: Cell, found: Mapping[str, Any], stage: Mapping[str, Any], target: Path
) -> dict[str, Any]:
    """The source's prior, the target's true one, and the estimates of it.

    `estimate` is made after training, `training` is what the weights stood for at its end.
    """
    column = "tags" if CORPORA[cell.part.corpus].kind == "token" else "label"
    values = load(target)[column]
    counts = (
        Counter(tag for tags in values for tag in tags) if column == "tags" else Counter(values)
    )
    total = sum(counts.values())
    return {
        "labels": found["labels"],
        "source": found["source"],
        "true": [counts[label] / total for label in found["labels"]],
        "estimate": found["estimate"],
        "training": stage.get("training_prior"),
    }
