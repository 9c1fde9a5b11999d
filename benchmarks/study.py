"""How fast a prior-shift study is: 500 sets at once, against 500 separate evaluations.

Both sides get the same sets, the same features and logits, and the same source side, prepared once
(calibration, confusion matrix, class means). A separate evaluation gathers the rows of one set and
measures them with numpy and scikit-learn as one would for one file: accuracy, macro-F1, prior
shift, conditional feature shift and the estimated prior's error. What both find is compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from isogloss.labelshift import solve_weights
from isogloss.labelshift.calibration import softmax
from isogloss.study.drawing import draw_sets
from isogloss.study.evaluation import (
    LEAST_ROWS,
    ModelScores,
    Sets,
    SourceStatistics,
    evaluate_sets,
)
from isogloss.study.plans import PriorPlan
from isogloss.study.rows import ModelRows, SourceSide, TargetLabels
from machine import describe, describe_machine, versions

NAMES = ("accuracy", "macro_f1", "prior_shift", "feature_shift", "estimate_error")


def made_rows(
    rows: int, width: int, classes: int, *, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, d), logits (n, k) and labels (n,) of classes that overlap."""
    rng = np.random.default_rng((seed, 0))
    centres = rng.standard_normal((classes, width), dtype=np.float32) * np.float32(1.2 / width**0.5)
    rng = np.random.default_rng((seed, 1, rows))
    labels = rng.permutation(np.arange(rows) % classes)
    features = 0.5 * rng.standard_normal((rows, width), dtype=np.float32) + centres[labels]
    logits = 4.0 * features @ centres.T
    return features, logits.astype(np.float32), labels


def separately(
    model: ModelRows, target: TargetLabels, sets: Sets, side: SourceStatistics, index: int
) -> tuple[float, ...]:
    """One set, evaluated by itself."""
    rows = sets.members(index)
    labels, predicted, features = target.labels[rows], model.predicted[rows], model.features[rows]
    prior = np.bincount(labels, minlength=len(target.names)) / len(rows)
    distances = []
    for j in range(len(target.names)):
        own = features[labels == j]
        if len(own) >= LEAST_ROWS:
            distances.append(np.abs(own.mean(axis=0) - side.means[j]).sum())
    probabilities = side.estimator.calibrated(softmax(model.logits[rows].astype(np.float64)))
    weights = solve_weights(side.confusion, probabilities.mean(axis=0), side.prior)
    estimate = weights * side.prior
    return (
        float(accuracy_score(labels, predicted)),
        float(f1_score(labels, predicted, average="macro", zero_division=0.0)),
        0.5 * float(np.abs(prior - side.prior).sum()),
        float(np.mean(distances)),
        0.5 * float(np.abs(estimate - prior).sum()),
    )


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    found = function()
    return time.perf_counter() - began, found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Both ways in turns, so that whatever slows the machine down slows both."""
    features, logits, labels = made_rows(options.rows, options.width, options.classes, seed=1)
    source = made_rows(options.source_rows, options.width, options.classes, seed=1)
    names = tuple(f"class {j}" for j in range(options.classes))
    target = TargetLabels(
        name="made", names=names, labels=labels, examples=None, num_examples=len(labels)
    )
    model = ModelRows(
        name="made",
        predicted=logits.argmax(axis=1),
        logits=logits,
        labels=labels,
        features=features,
        source=SourceSide(logits=source[1], labels=source[2], features=source[0]),
    )
    side = SourceStatistics(model.source, options.classes, calibration="bcts")
    draw, at_once, apart, ratios = [], [], [], []
    for turn in range(options.turns):
        seconds, sets = timed(
            lambda turn=turn: draw_sets(
                target, options.sets, plan=PriorPlan(), size=options.size, seed=turn
            )
        )
        draw.append(seconds)
        seconds, scores = timed(lambda s=sets: evaluate_sets(target, model, s, source=side))
        at_once.append(seconds)
        seconds, found = timed(
            lambda s=sets: [separately(model, target, s, side, i) for i in range(options.sets)]
        )
        apart.append(seconds)
        ratios.append(seconds / at_once[-1])
        difference = largest_difference(scores, np.array(found))
    return {
        "sizes": {n: getattr(options, n) for n in ("sets", "size", "rows", "width", "classes")},
        "seconds_drawing": statistics.median(draw),
        "seconds_at_once": statistics.median(at_once),
        "seconds_separately": statistics.median(apart),
        "ratio": {
            "median": statistics.median(ratios),
            "least": min(ratios),
            "most": max(ratios),
        },
        "largest_difference": difference,
    }


def largest_difference(scores: ModelScores, found: np.ndarray) -> float:
    """Between what both ways say, over all sets and measures, relative to the measure's size."""
    ours = np.stack([getattr(scores, name) for name in NAMES], axis=1)
    scale = np.maximum(1.0, np.abs(found).max(axis=0))
    return float((np.abs(ours - found) / scale).max())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=500)
    parser.add_argument("--size", type=int, default=2500)
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--source-rows", type=int, default=5_000)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options)
    if options.json:
        print(json.dumps(found | {"machine": describe_machine(), "versions": versions()}, indent=2))
        return
    print(describe(describe_machine(), versions()))
    print(
        f"{options.sets} sets of {options.size} of {options.rows:,} rows, {options.width} features"
    )
    print(f"drawing the sets      {found['seconds_drawing']:8.3f} s")
    print(f"all at once           {found['seconds_at_once']:8.3f} s")
    print(f"one by one            {found['seconds_separately']:8.3f} s")
    ratio = found["ratio"]
    least, most = ratio["least"], ratio["most"]
    print(f"ratio                 {ratio['median']:8.1f} ({least:.1f} to {most:.1f})")
    print(f"largest difference    {found['largest_difference']:8.1e}")


if __name__ == "__main__":
    main()
