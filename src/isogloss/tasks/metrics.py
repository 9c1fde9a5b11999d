"""Scores of predicted labels and tags against the true ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, f1_score

from isogloss.tasks.tagging import entities


def classification_metrics(
    references: Sequence[str], predictions: Sequence[str]
) -> dict[str, float]:
    """Score one label per example.

    Args:
        references: (n,) true labels.
        predictions: (n,) predicted labels.

    Returns:
        `accuracy` and `macro_f1`, both in [0, 1]; the mean of F1 is over the classes that occur
        in either sequence, and a class without a true positive counts 0.
    """
    f1 = f1_score(references, predictions, average="macro", zero_division=0.0)
    return {"accuracy": float(accuracy_score(references, predictions)), "macro_f1": float(f1)}


def tagging_metrics(
    references: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Score IOB2 tags, by entity (type and both ends must agree) and by word.

    Args:
        references: per sentence the true tag of each word.
        predictions: per sentence the predicted tag of each word, as many as in `references`.

    Returns:
        `precision`, `recall` and `f1` of entities, micro-averaged, and the words' `accuracy`, all
        in [0, 1]; 0 where there is no entity to divide by.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 5 (seqeval, strict IOB2).
    """
    precision, recall, f1, _ = precision_recall_fscore_support(
        references, predictions, average="micro", scheme=IOB2, zero_division=0
    )
    return {
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "accuracy": _word_accuracy(references, predictions),
    }


def entity_counts(
    references: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]]
) -> np.ndarray:
    """Count entities sentence by sentence, so that the F1 of any set of them is a matter of sums.

    Args:
        references: per sentence the true tag of each word.
        predictions: per sentence the predicted tag of each word.

    Returns:
        (n, 3) int64: entities found rightly, predicted, and true.
    """
    rows = []
    for truth, guess in zip(references, predictions, strict=True):
        true, predicted = entities(truth), entities(guess)
        rows.append((len(true & predicted), len(predicted), len(true)))
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _word_accuracy(
    references: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]]
) -> float:
    words = sum(len(tags) for tags in references)
    right = sum(
        truth == guess
        for truths, guesses in zip(references, predictions, strict=True)
        for truth, guess in zip(truths, guesses, strict=True)
    )
    return right / words if words else 0.0
