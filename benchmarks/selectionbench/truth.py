"""What is true of candidates: scores on labelled rows of the target language, with their noise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss.data.streaming import read_batches
from isogloss.selection import CandidateRows
from isogloss.selection.accuracy import macro_f1
from qualitybench.grid import PAIRS
from qualitybench.targets import LABEL, files_of
from selectionbench.cases import ZERO_SHOT, Case

RESAMPLES = 500
TAGS = "tags"


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Labelled rows as a candidate predicts them in use.

    Attributes:
        predicted: (m,) classes.
        labels: (m,) true classes.
        examples: (m,) the example of each row.
        num_classes: k.
    """

    predicted: np.ndarray
    labels: np.ndarray
    examples: np.ndarray
    num_classes: int


def join(first: Labelled, second: Labelled) -> Labelled:
    """Two sets as one."""
    examples = second.examples + int(first.examples.max()) + 1
    return Labelled(
        predicted=np.concatenate([first.predicted, second.predicted]),
        labels=np.concatenate([first.labels, second.labels]),
        examples=np.concatenate([first.examples, examples]),
        num_classes=first.num_classes,
    )


def target_rows(rows: CandidateRows, labels: np.ndarray, examples: np.ndarray) -> Labelled:
    """The target rows of a candidate, with the labels that it was not shown.

    Args:
        rows: of the candidate.
        labels: (m,) true classes, -1 where they are not known: such rows are left out.
        examples: (m,) the example of each.
    """
    predicted, known = rows.served(rows.target_logits).argmax(axis=1), labels >= 0
    return Labelled(
        predicted=predicted[known],
        labels=labels[known],
        examples=examples[known],
        num_classes=rows.num_classes,
    )


def target_labels(case: Case, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """True classes of the target rows of a case, and the example of each.

    Args:
        case: whose file still has its labels.
        groups: (m,) the sentence of each row, for tagging; None where every example is a row.

    Returns:
        (m,) classes, -1 in sentences whose words are not all there (cut ones), and (m,) examples.
    """
    names, values = _label_names(case), _column(case)
    if groups is None:
        return np.array([names[value] for value in values]), np.arange(len(values))
    labels = np.full(len(groups), -1)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(len(values) + 1))
    for sentence, tags in enumerate(values):
        places = order[starts[sentence] : starts[sentence + 1]]
        if len(places) == len(tags):
            labels[places] = [names[tag] for tag in tags]
    return labels, groups


def _label_names(case: Case) -> dict[str, int]:
    text = (case.run(ZERO_SHOT) / "prior.json").read_text("utf-8")
    return {name: place for place, name in enumerate(json.loads(text)["labels"])}


def _column(case: Case) -> list[Any]:
    pair = PAIRS[case.pair]
    path = files_of(case.cell(ZERO_SHOT), pair, case.root / "data")["target"]
    column = TAGS if case.tagging else pair.columns.get("label", LABEL)
    values = [value for batch in read_batches(path) for value in batch[column]]
    return values if case.tagging else [str(value) for value in values]


def true_scores(rows: Labelled, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Accuracy and macro-F1 over the classes that occur or are predicted.

    Returns:
        By metric (1 + RESAMPLES,): on the rows as they are, then on resampled examples, the same
        ones for every candidate.
    """
    examples = np.unique(rows.examples, return_inverse=True)[1]
    count, size = int(examples.max()) + 1, rows.num_classes
    rng = np.random.default_rng(seed)
    draws = [np.ones(count)]
    draws += [np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(RESAMPLES)]
    cells = rows.predicted * size + rows.labels
    joint = np.stack([np.bincount(cells, draw[examples], size**2) for draw in draws])
    joint = joint.reshape(-1, size, size)
    accuracy = np.trace(joint, axis1=1, axis2=2) / joint.sum(axis=(1, 2))
    return {"accuracy": accuracy, "macro_f1": macro_f1(joint)}


def summary(scores: dict[str, np.ndarray], base: dict[str, np.ndarray]) -> dict[str, float]:
    """A candidate's true scores, with their noise and that of the gain on a baseline.

    Returns:
        `accuracy`, `macro_f1` in 0..1; of each `_noise`, its standard deviation over resampled
        examples, and `_gain_noise`, that of its difference from the baseline.
    """
    found = {}
    for metric, values in scores.items():
        found[metric] = float(values[0])
        found[f"{metric}_noise"] = float(values[1:].std())
        found[f"{metric}_gain_noise"] = float((values - base[metric])[1:].std())
    return found
