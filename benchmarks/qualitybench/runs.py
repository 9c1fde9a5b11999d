"""One cell: a run of the command line, then what its model says of the test set."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.recipes.methods import AVERAGE
from machine import kind_of_machine
from qualitybench.grid import METHODS, PAIRS, Cell
from qualitybench.resampling import macro_f1_draws
from qualitybench.targets import files_of

# Held-out source rows that the features are compared on.
SOURCE_ROWS = 1000
# In a cell's run: what its model says of the test set, and what the average of its weights does.
TEST, AVERAGE_TEST = "test.npz", "test-average.npz"


def run_cell(cell: Cell, folder: Path, settings: list[str]) -> dict[str, Any]:
    """Train and measure a cell.

    Args:
        cell: which.
        folder: of the benchmark; the run stays in `runs/` there.
        settings: `key=value` for every run.

    Returns:
        The record: the cell, `scores` of the served model on the test set, `prior_error` (total
        variation of the estimate from the truth), `shift_of_prior` (of truth from source),
        `feature_shift`, `seconds`, `steps`, `settings`, `machine`, and `draws`, see
        `macro_f1_draws`.
    """
    files = files_of(cell, PAIRS[cell.pair], folder / "data")
    run = folder / "runs" / cell.key
    began = time.monotonic()
    adapt(cell, files, run, folder, settings)
    seconds = time.monotonic() - began
    metrics = json.loads((run / "metrics.json").read_text())
    last = [name for name in metrics["stages"] if not name.endswith(AVERAGE)][-1]
    prior = json.loads((run / "prior.json").read_text())
    measured = measure(run, files)
    arrays = measured.pop("arrays")
    np.savez_compressed(run / TEST, **arrays)
    average = run / "stages" / (last + AVERAGE)
    if average.is_dir():
        np.savez_compressed(run / AVERAGE_TEST, **measure(average, files)["arrays"])
    truth, source = np.asarray(measured.pop("truth")), np.asarray(prior["source"])
    return {
        **{name: getattr(cell, name) for name in ("pair", "shift", "method", "seed")},
        "scores": measured.pop("scores"),
        "headline": metrics["headline"],
        "prior_error": float(np.abs(np.asarray(prior["estimate"]) - truth).sum() / 2),
        "shift_of_prior": float(np.abs(source - truth).sum() / 2),
        "seconds": round(seconds, 1),
        "steps": metrics["steps"][last],
        "settings": settings,
        "machine": kind_of_machine(),
        **measured,
        "draws": macro_f1_draws(**arrays),
    }


def adapt(cell: Cell, files: dict[str, Path], run: Path, folder: Path, settings: list[str]) -> None:
    """What `isogloss adapt` does for a cell, in this process."""
    from isogloss.recipes import adapt as recipe
    from isogloss.recipes.config import RunConfig

    pair, method = PAIRS[cell.pair], METHODS[cell.method]
    chosen = {f"{group}.num_train_epochs": passes for group, passes in pair.passes.items()}
    chosen |= dict(method.settings)
    if method.shared is not None:
        shared = Cell(pair=cell.pair, shift=cell.shift, method=method.shared, seed=cell.seed)
        chosen["start"] = folder / "runs" / shared.key
    config = RunConfig(
        **{side: str(file) for side, file in files.items()},
        **dict(pair.columns),
        task=pair.task,
        recipe=method.recipe,
        seed=cell.seed,
    )
    assignments = [f"{name}={value}" for name, value in chosen.items()]
    recipe.run(config.with_overrides([*assignments, *settings]), run)


def measure(run: Path, files: dict[str, Path]) -> dict[str, Any]:
    """What the run's model says of the test set, and how far its features lie apart by class.

    Returns:
        `arrays`: `probabilities` (m, k), `labels` (m,) and `examples` (m,) of the test rows;
        `scores`: the task's, of these; `truth`: (k,) the test's class shares; `feature_shift`.

    References:
        Conditional feature shift: Xian, Ji & Zhao, ICLR 2022, eqs. 1-2, of the last features.
    """
    from isogloss.recipes.serving import open_served

    served = open_served(run)
    source, _ = labelled_rows(served, files["source"], "source")
    test, scores = labelled_rows(served, files["test"], "test")
    k = len(served.task.known_labels)
    return {
        "arrays": {
            "probabilities": test.probabilities.astype(np.float32),
            "labels": test.labels,
            "examples": test.examples,
        },
        "scores": scores,
        "truth": np.bincount(test.labels, minlength=k) / len(test.labels),
        **feature_shifts(source, test, k),
    }


def labelled_rows(served: Any, file: Path, side: str) -> tuple[Any, dict[str, float]]:
    """Rows with labels and features of a labelled file, of a source only the last ones; scores."""
    from isogloss.data.loading import load
    from isogloss.data.preparing import prepare
    from isogloss.trainers.rows import collect_rows

    rows = prepare(load(file), served.task.columns, side="test", name=file.name, labels="required")
    if side == "source":
        rows = rows.select(range(max(0, len(rows) - SOURCE_ROWS), len(rows)))
    tokenizer, task = served.backbone.tokenizer, served.task
    rows = task.conform(rows, name=file.name)
    encoded = task.encode(rows, tokenizer, max_length=served.max_length, with_labels=True)
    found = collect_rows(
        served.classifier,
        encoded.dataset,
        pad_token_id=tokenizer.pad_token_id,
        precision=served.precision,
        features=True,
    )
    predicted = task.decode(found.predictions, encoded.dataset)
    return found, task.metrics(task.references(rows), predicted)


def feature_shifts(source: Any, test: Any, num_classes: int) -> dict[str, float]:
    """The conditional feature shift: as published, and in spreads of the source's classes."""
    from isogloss.analysis import feature_shift

    sides = (source.features, source.labels, test.features, test.labels)
    found = feature_shift(*sides, num_classes=num_classes, replicates=2).conditional["l1"]
    return {"feature_shift": float(found.value), "scaled_feature_shift": float(found.scaled)}
