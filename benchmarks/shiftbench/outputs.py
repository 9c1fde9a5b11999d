"""What real zero-shot classifiers say of labelled rows of several languages, made once and kept."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss import adapt
from isogloss.data.loading import load
from isogloss.data.preparing import prepare
from isogloss.recipes.serving import open_served
from isogloss.trainers.rows import collect_rows

DATA = Path(
    os.environ.get("ISOGLOSS_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A data set, and what of it the classifier is trained on.

    Attributes:
        folder: of the data.
        train: first rows of `en.train` that the classifier sees; the rest is not trained on.
        pools: language -> (file, first row, last row) parts of labelled rows to predict on.
        passes: over the training rows.
        columns: further settings of `adapt`.
    """

    folder: str
    train: int
    pools: dict[str, list[tuple[str, int, int]]]
    passes: float
    columns: dict[str, str]
    ending: str = "csv"


ALL = 10**9
TASKS = {
    "tweets": Task(
        folder="tweets",
        train=1100,
        pools={
            language: [("train", 1100, ALL), ("validation", 0, ALL), ("test", 0, ALL)]
            for language in ("en", "de", "es", "ar")
        },
        passes=3.0,
        columns={},
    ),
    "hotels": Task(
        folder="hotels",
        train=700,
        pools={
            "en": [("train", 700, ALL), ("validation", 0, ALL), ("test", 0, ALL)],
            "es": [("train", 0, ALL), ("validation", 0, ALL), ("test", 0, ALL)],
        },
        passes=4.0,
        columns={"label": "stars"},
    ),
    "wikiann": Task(
        folder="wikiann",
        train=3000,
        pools={
            "en": [("test", 0, 3000)],
            "de": [("test", 0, 3000)],
            "sw": [("validation", 0, ALL)],
            "ur": [("validation", 0, ALL)],
        },
        passes=2.0,
        columns={"task": "token"},
        ending="conll",
    ),
    "topics": Task(
        folder="topics",
        train=400,
        pools={
            # The sets are parallel: no language's rows are translations of training rows.
            language: [("train", 400, ALL), ("validation", 0, ALL), ("test", 0, ALL)]
            for language in ("en", "de", "sw", "zh")
        },
        passes=6.0,
        columns={"label": "topic"},
    ),
}


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Predicted probabilities of labelled rows.

    Attributes:
        probabilities: (n, k).
        labels: (n,).
        groups: (n,) the example of each row.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    groups: np.ndarray


def real_outputs(name: str, cache: Path) -> dict[str, Outputs]:
    """The outputs of a task's classifier by language; `en` is the source.

    Args:
        name: of `TASKS`.
        cache: folder that keeps them.
    """
    path = cache / f"{name}.npz"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        arrays = _make(TASKS[name], cache / f"{name}-run")
        temporary = cache / f".{name}.npz"
        np.savez_compressed(temporary, **arrays)
        temporary.replace(path)
        shutil.rmtree(cache / f"{name}-run")
    with np.load(path) as stored:
        languages = sorted({key.split("/")[0] for key in stored})
        parts = ("probabilities", "labels", "groups")
        return {
            language: Outputs(**{part: stored[f"{language}/{part}"] for part in parts})
            for language in languages
        }


def _make(task: Task, run: Path) -> dict[str, np.ndarray]:
    print(f"training the {task.folder} classifier", file=sys.stderr, flush=True)
    folder = DATA / task.folder
    file = folder / f"en.train.{task.ending}"
    source = load(file)
    source = source.select(range(min(task.train, len(source))))
    target = load(next(folder.glob(f"de.train.{task.ending}"), file)).select(range(64))
    settings: dict[str, Any] = {"recipe": "zero-shot", "epochs": task.passes, **task.columns}
    adapt(source, target, output=run, **settings)
    served = open_served(run)
    arrays: dict[str, np.ndarray] = {}
    for language, parts in task.pools.items():
        collected = []
        for split, first, last in parts:
            rows = load(folder / f"{language}.{split}.{task.ending}")
            rows = rows.select(range(first, min(last, len(rows))))
            rows = prepare(rows, served.task.columns, side="test", name=split, labels="required")
            rows = served.task.conform(rows, name=split)
            encoded = served.task.encode(
                rows, served.backbone.tokenizer, max_length=served.max_length, with_labels=True
            )
            collected.append(
                collect_rows(
                    served.classifier,
                    encoded.dataset,
                    pad_token_id=served.backbone.tokenizer.pad_token_id,
                    precision=served.precision,
                )
            )
        offsets = np.cumsum([0] + [int(part.examples.max()) + 1 for part in collected])
        arrays[f"{language}/probabilities"] = np.concatenate(
            [part.probabilities for part in collected]
        ).astype(np.float32)
        arrays[f"{language}/labels"] = np.concatenate([part.labels for part in collected])
        arrays[f"{language}/groups"] = np.concatenate(
            [part.examples + start for part, start in zip(collected, offsets, strict=False)]
        )
    return arrays
