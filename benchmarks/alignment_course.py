"""How the critic and the features go while a model is aligned.

    python benchmarks/alignment_course.py --pair tweets-de --shift 0.6
    python benchmarks/alignment_course.py --pair tweets-de --set iwda.n_critic=4

Trains a cell of the quality benchmark, and what it starts from, and looks at even distances: at the
critic's loss and penalty, as logged since the last look, and at the model, at the conditional
feature shift between held-out source rows and the labelled test rows, and its score on the latter.
Looking changes nothing of the training. The labels serve this table alone. Needs the `offline`
extra and the data named by ISOGLOSS_DATA.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import f1_score
from transformers import TrainerCallback

from isogloss.recipes.stages import aligning
from isogloss.trainers.rows import collect_rows
from qualitybench.grid import NATURAL, PAIRS, STRENGTHS, Cell
from qualitybench.runs import adapt, feature_shifts
from qualitybench.targets import files_of
from qualitybench.workers import start_of

# Methods whose last stage aligns.
ALIGNED = ("iwda", "iwda-oracle", "iwda-unweighted")
FIGURES = ("task_loss", "critic_loss", "penalty", "prior_shift")
COLUMNS = ("step", *FIGURES, "feature shift", "scaled", "macro-F1")


class Course(TrainerCallback):
    """Looks at the model in training at the start and `points` times more.

    Args:
        shop: the run, with held-out and test rows.
        points: looks behind the first.
    """

    def __init__(self, shop: Any, points: int) -> None:
        self.shop, self.points = shop, points
        self.logged = 0
        self.rows: list[list[float]] = []

    def on_train_begin(self, _: Any, state: Any, __: Any, model: Any = None, **___: Any) -> None:
        """Look before the first step."""
        self.look(state, model)

    def on_log(self, _: Any, state: Any, __: Any, model: Any = None, **___: Any) -> None:
        """Look behind a log entry, where one is due."""
        every = math.ceil(state.max_steps / self.points)
        if state.global_step // every > len(self.rows) - 1 or state.global_step == state.max_steps:
            self.look(state, model)

    def look(self, state: Any, model: Any) -> None:
        """Add a row."""
        if self.rows and self.rows[-1][0] == state.global_step:
            return
        entries = [entry for entry in state.log_history[self.logged :] if FIGURES[0] in entry]
        self.logged = len(state.log_history)
        means = [np.mean([e[name] for e in entries]) if entries else np.nan for name in FIGURES]
        source, test = (self.collect(model, side) for side in ("held_out", "test"))
        shifts = feature_shifts(source, test, len(self.shop.labels))
        predicted = test.logits.argmax(axis=1)
        score = f1_score(test.labels, predicted, average="macro", zero_division=0.0)
        self.rows.append([state.global_step, *map(float, means), *shifts.values(), 100 * score])

    def collect(self, model: Any, side: str) -> Any:
        """What the classifier says of a side's rows."""
        shop = self.shop
        return collect_rows(
            model.classifier,
            getattr(shop.data, side),
            pad_token_id=shop.pad_token_id,
            precision=shop.precision,
            features=True,
        )


def watched(cell: Cell, folder: Path, settings: list[str], points: int) -> list[list[float]]:
    """Train a cell of `ALIGNED` and what it starts from; the rows of its course."""
    files = files_of(cell, PAIRS[cell.pair], folder / "data")
    start = start_of(cell)
    assert start is not None
    if not (folder / "runs" / start.key / "metrics.json").is_file():
        adapt(start, files, folder / "runs" / start.key, folder, [])
    courses: list[Course] = []
    inner = aligning.watchers

    def watchers(shop: Any, stage: str) -> list[Any]:
        courses.append(Course(shop, points))
        return [*inner(shop, stage), courses[-1]]

    aligning.watchers = watchers
    try:
        named = "_".join(settings).replace("/", "-") or "default"
        adapt(cell, files, folder / "courses" / cell.key / named, folder, settings)
    finally:
        aligning.watchers = inner
    return courses[0].rows


def main() -> None:
    """Train and print the course as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pair", choices=sorted(PAIRS), default="tweets-de")
    parser.add_argument("--shift", choices=(NATURAL, *STRENGTHS), default=NATURAL)
    parser.add_argument("--method", choices=ALIGNED, default=ALIGNED[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--points", type=int, default=6)
    parser.add_argument("--set", action="append", default=[], help="key=value for the alignment")
    parser.add_argument("--output", type=Path, default=Path("runs/courses"))
    options = parser.parse_args()
    cell = Cell(pair=options.pair, shift=options.shift, method=options.method, seed=options.seed)
    rows = watched(cell, options.output, options.set, options.points)
    print("| " + " | ".join(COLUMNS) + " |\n" + "| --- " * len(COLUMNS) + "|")
    for step, *values in rows:
        cells = ["" if math.isnan(value) else f"{value:.3g}" for value in values]
        print(f"| {step:.0f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
