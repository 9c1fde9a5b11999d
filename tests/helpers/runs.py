"""Folders of finished runs, written in a moment: nothing is trained."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.labelshift import estimate_prior
from isogloss.labelshift.calibration import softmax
from isogloss.recipes.candidates import save_candidate
from isogloss.recipes.config import RunConfig
from isogloss.recipes.prior_report import class_shares_of, describe_prior
from isogloss.trainers.rows import CollectedRows

SOURCE_ROWS, TARGET_ROWS, WIDTH = 90, 60, 6


def rows_of(labels: np.ndarray, classes: int, *, noise: float, seed: int) -> CollectedRows:
    """Features around the classes' own directions, and logits made of them."""
    rng = np.random.default_rng(seed)
    features = 3.0 * np.eye(classes, WIDTH)[labels] + noise * rng.normal(size=(len(labels), WIDTH))
    logits = features[:, :classes]
    examples = np.arange(len(labels))
    return CollectedRows(logits.astype(np.float32), labels, examples, features.astype(np.float32))


def write_run(
    folder: Path,
    *,
    labels: Sequence[str] = ("bad", "fair", "good"),
    texts: Sequence[str] | None = None,
    stages: Sequence[str] = ("zero-shot", "iwda"),
    chosen: str | None = None,
    column: str = "text",
    source: str = "en.csv",
    target: str = "de.csv",
    warnings: Sequence[str] = (),
    reasons: Sequence[str] = (),
) -> Path:
    """Write the folder of a finished run of a sequence task.

    Args:
        folder: new.
        labels: class names.
        texts: of the target's rows; `TARGET_ROWS` of them.
        stages: the last one sees less noise than the others.
        chosen: the candidate that is served; the last stage by default.
        column: of the text.
        source: file name in the settings.
        target: likewise.
        warnings: what was warned of.
        reasons: why that candidate.

    Returns:
        The folder.
    """
    size = len(labels)
    rng = np.random.default_rng(0)
    own = rng.integers(size, size=SOURCE_ROWS)
    own[:size] = np.arange(size)
    other = np.minimum(rng.integers(size + 2, size=TARGET_ROWS), size - 1)
    texts = texts or [f"row number {i}" for i in range(TARGET_ROWS)]
    results = {}
    for number, stage in enumerate(stages):
        place = folder / "stages" / stage
        place.mkdir(parents=True)
        noise = 1.6 if number < len(stages) - 1 else 0.8
        left = rows_of(own, size, noise=noise, seed=number)
        right = rows_of(other, size, noise=noise, seed=10 + number)
        drawn = {"of": TARGET_ROWS, "most": 4_000, "seed": 0}
        save_candidate(place / "candidate.safetensors", source=left, target=right, drawn=drawn)
        results[stage] = _result(left, right, labels, warnings)
        (place / "result.json").write_text(json.dumps(results[stage]), "utf-8")
    config = RunConfig(source=source, target=target, test="test.csv", text=column).resolved()
    config.save(folder / "config.yaml")
    served = results[(chosen or stages[-1]).removesuffix("+prior")]
    model = {"isogloss": {"task": "sequence", "text": column, "text_pair": None, "label": "label"}}
    (folder / "model").mkdir()
    _write(folder / "model" / "config.json", model)
    _write(folder / "prior.json", served["prior"])
    _write(folder / "run.json", {"data": {"source": "ab" * 32}, "versions": {"torch": "2"}})
    _write(folder / "metrics.json", _metrics(results, labels, chosen, stages, warnings, reasons))
    with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([column, "prediction"])
        writer.writerows([text, labels[0]] for text in texts)
    return folder


def _result(
    left: CollectedRows, right: CollectedRows, labels: Sequence[str], warnings: Sequence[str]
) -> dict[str, Any]:
    found = right.logits.argmax(axis=1)
    probabilities = [softmax(rows.logits.astype(float)) for rows in (left, right)]
    estimate = estimate_prior(probabilities[0], left.labels, probabilities[1])
    predicted = class_shares_of(found, len(labels))
    log = [
        {"step": step, "loss": 1.0 / step, "critic_loss": -0.1 * step}
        | {f"prior/{label}": 1.0 / len(labels) for label in labels}
        for step in (1, 2, 3)
    ]
    return {
        "steps": 3,
        "seconds": 4.5,
        "log": log,
        "metrics": {"held-out": {"accuracy": 0.9, "macro_f1": 0.8}, "test": {"macro_f1": 0.7}},
        "prior": describe_prior(estimate, labels=labels, predicted=predicted),
        "warnings": list(warnings),
    }


def _metrics(
    results: dict[str, dict[str, Any]],
    labels: Sequence[str],
    chosen: str | None,
    stages: Sequence[str],
    warnings: Sequence[str],
    reasons: Sequence[str],
) -> dict[str, Any]:
    return {
        "headline": "macro_f1",
        "stages": {name: result["metrics"] for name, result in results.items()},
        "steps": {name: result["steps"] for name, result in results.items()},
        "data": {
            "source_rows": 900,
            "target_rows": TARGET_ROWS,
            "source_rows_repeated": 0,
            "target_rows_repeated": 3,
            "target_rows_also_in_source": 0,
            "test_rows": 50,
            "test_rows_also_in_target": 0,
            "test_shares": [1.0 / len(labels)] * len(labels),
        },
        "chosen": {
            "name": chosen or stages[-1],
            "by": "recipe",
            "reasons": list(reasons),
            "candidates": list(stages),
        },
        "expected": {
            "metric": "macro_f1",
            "value": 0.7,
            "interval": [0.6, 0.8],
            "level": 0.9,
            "sentence": "Expected macro-F1 on the target: 70.0 %.",
        },
        "warnings": list(warnings),
    }


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values), "utf-8")
