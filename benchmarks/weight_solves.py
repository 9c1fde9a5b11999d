"""What solving for the class weights takes of an `iwda` stage: the passes over samples, the solves.

Trains on tweets with `weighting=held-out` (weights solved anew four times a run, from at most 600
examples a side; the default does so once) and times, within the stage, the passes that collect
predictions and the solves from them; then solves alone on made-up predictions of other sizes. Needs
the `offline` extra and the data named by ISOGLOSS_DATA.

    python benchmarks/weight_solves.py --epochs 1
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from machine import describe, describe_machine, versions
from qualitybench.grid import DATA

# Source rows, target rows, classes, rows of one text: a review task, tagging, many classes.
SIZES = ((276, 600, 3, 1), (5_000, 5_000, 7, 8), (600, 600, 20, 1), (600, 600, 200, 1))
REPEATS = 5


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=float, default=1.0, help="of the iwda stage")
    options = parser.parse_args()
    from isogloss.cli.quiet import quiet_environment

    quiet_environment()
    print(describe(describe_machine(), versions()))
    print(stage_table(time_stage(options.epochs)) + "\n")
    print(sizes_table([(size, time_solve(*size)) for size in SIZES]))


def time_stage(epochs: float) -> dict[str, float]:
    """Seconds of an `iwda` stage, and those of its passes and its solves; number of steps."""
    from isogloss.recipes.adapt import adapt
    from isogloss.recipes.stages import aligning
    from isogloss.trainers.estimation import RowEstimator

    spent = {"collect": 0.0, "estimate": 0.0}
    for name in spent:
        setattr(RowEstimator, name, timed(getattr(RowEstimator, name), spent, name))
    within: dict[str, float] = {}
    train = aligning.IWDATrainer.train

    def train_alone(self: Any, *args: Any, **kwargs: Any) -> Any:
        for name in spent:
            spent[name] = 0.0
        began = time.perf_counter()
        result = train(self, *args, **kwargs)
        spent["estimate"] -= spent["collect"]
        within.update(spent, seconds=time.perf_counter() - began, steps=self.state.global_step)
        return result

    aligning.IWDATrainer.train = train_alone  # type: ignore[method-assign]
    files = (DATA / "tweets" / "en.train.csv", DATA / "tweets" / "de.train.csv")
    with tempfile.TemporaryDirectory() as folder:
        adapt(
            *files,
            output=Path(folder) / "run",
            recipe="iwda",
            finetune={"num_train_epochs": 0.1},
            iwda={"num_train_epochs": epochs, "weighting": "held-out"},
        )
    return within


def timed(function: Callable[..., Any], spent: dict[str, float], name: str) -> Callable[..., Any]:
    """The function, its seconds added up under a name."""

    def run(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] += time.perf_counter() - began

    return run


def time_solve(source: int, target: int, classes: int, group: int) -> float:
    """Median seconds from predictions to weights and intervals."""
    from isogloss.labelshift.prior_estimation import PriorEstimator

    sides = [random_rows(rows, classes, seed) for seed, rows in enumerate((source, target))]
    groups = [np.arange(rows) // group for rows in (source, target)]
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        estimator = PriorEstimator(*sides[0], groups=groups[0])
        estimator.estimate(sides[1][0], groups=groups[1])
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def random_rows(rows: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, k) of a classifier that is right more often than not, and labels (n,)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, rows)
    logits = rng.normal(size=(rows, classes))
    logits[np.arange(rows), labels] += 2.0
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), labels


def stage_table(found: dict[str, float]) -> str:
    """The shares of a stage as Markdown."""
    lines = ["| part of the `iwda` stage | seconds | share |", "| --- | ---: | ---: |"]
    names = {"collect": "passes over the samples", "estimate": "solves"}
    for key, name in names.items():
        share = 100 * found[key] / found["seconds"]
        lines.append(f"| {name} | {found[key]:.2f} | {share:.1f} % |")
    lines.append(f"| all {found['steps']:.0f} steps | {found['seconds']:.1f} | 100 % |")
    return "\n".join(lines)


def sizes_table(found: list[tuple[tuple[int, ...], float]]) -> str:
    """Seconds of a solve by size as Markdown."""
    lines = ["| source rows | target rows | classes | seconds a solve |", "| ---: " * 4 + "|"]
    for (source, target, classes, _), seconds in found:
        lines.append(f"| {source:,} | {target:,} | {classes} | {seconds:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
