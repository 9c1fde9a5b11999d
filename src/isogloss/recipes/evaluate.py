"""Scores of a model on a labelled file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from sklearn.metrics import precision_recall_fscore_support

from isogloss.data.loading import load, name_of
from isogloss.data.preparing import prepare
from isogloss.errors import warn
from isogloss.progress import Progress
from isogloss.recipes.predict import Precision
from isogloss.recipes.serving import ServedModel, open_served


def evaluate_file(
    model: str | Path,
    source: str | Path | Dataset,
    *,
    format: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    precision: Precision = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a model on labelled rows.

    Args:
        model: a run folder or a model folder that `adapt` made.
        source: a labelled file, data set, or id on the hub.
        format: of the file, where its name does not say it.
        columns: `text`, `text_pair`, `label`: other names than in training.
        precision: of the matrix products; auto takes bf16 where the processor has it.
        progress: hears how far it is.

    Returns:
        `rows`, `task`, `headline` (the name of the main score), `metrics` (each in [0, 1]),
        `per_class`: label -> `precision`, `recall`, `f1`, `support`, and its shares among the true
        labels and among the predictions.

    Raises:
        IsoglossError: E524 to E526; E1xx and E2xx for the file; E3xx for the model.
    """
    served = open_served(model, columns=columns, precision=precision)
    name = name_of(source)
    rows = prepare(
        load(source, format=format),
        served.task.columns,
        side="test",
        name=name,
        labels="required",
    )
    rows = served.task.conform(rows, name=name)
    served.task.check_labels(rows, name=name)
    predicted = _predict(served, rows, name, progress or Progress())
    truth = served.task.references(rows)
    return {
        "rows": len(rows),
        "task": served.task.kind,
        "headline": served.task.headline,
        "metrics": served.task.metrics(truth, predicted),
        "per_class": per_class(served, truth, predicted),
    }


def _predict(served: ServedModel, rows: Dataset, name: str, progress: Progress) -> list[Any]:
    progress.start("evaluate", len(rows), "rows")
    encoded, collected = served.rows(rows, progress=progress.advance)
    progress.finish()
    if encoded.truncated:
        warn("W522", name=name, count=encoded.truncated, of=len(rows), length=served.max_length)
    return served.task.decode(collected.predictions, encoded.dataset)


def per_class(served: ServedModel, truth: list[Any], predicted: list[Any]) -> dict[str, Any]:
    """Precision, recall, F1 and support of each label (for tagging: of each tag, word by word)."""
    names = list(served.task.known_labels.names)
    if served.task.kind == "token":
        truth = [tag for sentence in truth for tag in sentence]
        predicted = [tag for sentence in predicted for tag in sentence]
    scores = precision_recall_fscore_support(truth, predicted, labels=names, zero_division=0.0)
    shares = {"true": _shares(truth, names), "predicted": _shares(predicted, names)}
    return {
        label: {
            "precision": float(scores[0][i]),
            "recall": float(scores[1][i]),
            "f1": float(scores[2][i]),
            "support": int(scores[3][i]),
            "true_share": shares["true"][i],
            "predicted_share": shares["predicted"][i],
        }
        for i, label in enumerate(names)
    }


def _shares(labels: list[str], names: list[str]) -> list[float]:
    values, counts = np.unique(np.asarray(labels, dtype=object).astype(str), return_counts=True)
    found = dict(zip(values.tolist(), counts.tolist(), strict=True))
    return [found.get(name, 0) / max(1, len(labels)) for name in names]
