"""Small encoded data sets whose classes a tiny model can learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from datasets import Dataset

from tests.helpers.models import VOCAB_SIZE
from tests.helpers.variations import variation, varied_labels

PAD = 0


def encoded(
    size: int,
    *,
    seed: int,
    classes: int = 3,
    prior: list[float] | None = None,
    token_task: bool = False,
    labels: bool = True,
    shift: int = 0,
) -> Dataset:
    """`size` encoded examples in which a word betrays the class.

    Args:
        size: number of examples.
        seed: of the draw.
        classes: number of classes k.
        prior: (k,) class shares; uniform by default.
        token_task: several active positions an example, each with its own class.
        labels: keep the labels.
        shift: added to the betraying words, as another language would.
    """
    rng = np.random.default_rng(seed)
    rows = [_example(rng, classes, prior, token_task, shift) for _ in range(size)]
    columns: dict[str, list[Any]] = {name: [r[name] for r in rows] for name in rows[0]}
    columns["labels"] = varied_labels(columns["labels"], classes=classes, target=shift != 0)
    if not labels:
        del columns["labels"]
    if variation().pair:
        columns |= _as_pairs(columns["input_ids"])
    return Dataset.from_dict(columns)


def _example(
    rng: np.random.Generator,
    classes: int,
    prior: list[float] | None,
    token_task: bool,
    shift: int,
) -> dict[str, Any]:
    words = int(rng.integers(3, 9))
    count = words if token_task else 1
    labels = rng.choice(classes, size=count, p=prior)
    betraying = 20 + 3 * labels + shift
    fillers = rng.integers(40, VOCAB_SIZE, size=words - count)
    ids = [2, *betraying.tolist(), *fillers.tolist(), 3]
    return {
        "input_ids": ids,
        "active": list(range(1, count + 1)) if token_task else [0],
        "labels": labels.tolist(),
        "length": len(ids),
    }


def _as_pairs(texts: list[list[int]]) -> dict[str, list[Any]]:
    """Each text cut in two behind its first word, with the separator and token types of a pair."""
    pairs = [[*ids[:2], 3, *ids[2:]] for ids in texts]
    return {
        "input_ids": pairs,
        "token_type_ids": [[0] * 3 + [1] * (len(ids) - 3) for ids in pairs],
        "length": [len(ids) for ids in pairs],
    }
