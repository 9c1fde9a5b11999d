"""Who estimates: ours, QuaPy's, and what scikit-learn alone gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

from isogloss.labelshift import PriorEstimator
from shiftbench.outputs import Outputs

OURS = ("auto", "bbse", "bbse-hard", "rlls", "mlls", "matching")
QUAPY = ("ACC", "PACC", "EMQ", "EMQ-BCTS", "KDEy")
BASELINES = ("count", "mean", "logistic mean")
# Timed on the first draws of a bin alone: they take too long, or are there for comparison.
SLOW = ("KDEy", "bbse", "bbse-hard", "rlls", "mlls", "matching")

# From target rows to a prior (k,).
Quantifier = Callable[[Outputs], np.ndarray]


class Given(BaseEstimator):  # type: ignore[misc]
    """A classifier whose rows are its own probabilities."""

    def __init__(self, num_classes: int = 2) -> None:
        self.num_classes = num_classes
        self.classes_ = np.arange(num_classes)

    def fit(self, X: np.ndarray, y: np.ndarray) -> Given:
        """Nothing to learn."""
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """The rows themselves."""
        return X

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most probable class of each row."""
        return np.asarray(X.argmax(axis=1))


def others(source: Outputs) -> dict[str, Quantifier]:
    """QuaPy's quantifiers and the baselines, fitted to a source sample."""
    return {**_quapy(source), **_baselines(source)}


def ours(source: Outputs, *, grouped: bool) -> dict[str, PriorEstimator]:
    """Our methods, prepared on a source sample."""
    groups = source.groups if grouped else None
    return {
        method: PriorEstimator(source.probabilities, source.labels, method=method, groups=groups)
        for method in OURS
    }


def _quapy(source: Outputs) -> dict[str, Quantifier]:
    from quapy.method.aggregative import ACC, EMQ, PACC, KDEyML

    given = Given(source.probabilities.shape[1])
    # The classifier is there; the labelled rows fit what comes after it.
    rest: dict[str, Any] = {
        "classifier": given,
        "fit_classifier": False,
        "val_split": (source.probabilities, source.labels),
    }
    made: dict[str, Any] = {
        "ACC": ACC(**rest),
        "PACC": PACC(**rest),
        "EMQ": EMQ(given, fit_classifier=False),
        "EMQ-BCTS": EMQ.EMQ_BCTS(**rest),
        "KDEy": KDEyML(**rest, random_state=0),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for quantifier in made.values():
            quantifier.fit(source.probabilities, source.labels)
    return {
        name: lambda target, q=quantifier: np.asarray(q.predict(target.probabilities))  # type: ignore[misc]
        for name, quantifier in made.items()
    }


def _baselines(source: Outputs) -> dict[str, Quantifier]:
    size = source.probabilities.shape[1]

    def logs(rows: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(np.maximum(rows, 1e-6)))

    logistic = LogisticRegression(max_iter=1000).fit(logs(source.probabilities), source.labels)
    return {
        "count": lambda target: (
            np.bincount(target.probabilities.argmax(axis=1), minlength=size) / len(target.labels)
        ),
        "mean": lambda target: target.probabilities.mean(axis=0),
        "logistic mean": lambda target: logistic.predict_proba(logs(target.probabilities)).mean(0),
    }
