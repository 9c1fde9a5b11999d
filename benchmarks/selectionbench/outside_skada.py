"""The scorers of skada 0.6.0, each with its defaults.

They ask an estimator for what it makes of rows. Ours answers from what is stored: a row is its
features and, behind them, its logits. As the last layer is linear, so are the logits of rows that
are mixed (MixValScorer) mixed. Only CircularValidation trains: not the network, which cannot be,
but a logistic regression on its features. Left out is SupervisedScorer, which needs target labels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import sklearn
import torch
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from isogloss.selection.light import fit_light
from selectionbench.outside import Scorer, Shown

# skada turns metadata routing on for the whole process, where our own scores do without.
_before = sklearn.get_config()
from skada import metrics  # noqa: E402

sklearn.set_config(**_before)

MASKED = -1
SOURCE, TARGET = 1, -2


class Stored(ClassifierMixin, BaseEstimator):
    """A candidate as an estimator on rows of features and logits.

    Attributes:
        width: d, how many columns of a row are features.
        num_classes: k, how many behind them are logits.
    """

    def __init__(self, width: int, num_classes: int):
        self.width = width
        self.num_classes = num_classes
        # skada takes an estimator that is no pipeline for a network and looks for these two.
        self.module_ = SimpleNamespace(layer_name="features")
        self.classes_ = np.arange(num_classes)
        self.backward_: Pipeline | None = None

    def fit(self, X: np.ndarray, y: np.ndarray, sample_domain: Any = None) -> Stored:
        """Put a logistic regression on the features in the place of the stored predictions."""
        labelled = y != MASKED
        self.backward_ = fit_light(self.predict_features(X[labelled]), y[labelled])
        return self

    def predict_features(self, X: np.ndarray) -> np.ndarray:
        """What the last layer receives (r, d)."""
        return X[:, : self.width]

    def infer(self, X: np.ndarray) -> torch.Tensor:
        """Logits (r, k)."""
        return torch.tensor(X[:, self.width :])

    def predict_proba(self, X: np.ndarray, **domains: Any) -> np.ndarray:
        """Probabilities (r, k)."""
        return softmax(X[:, self.width :].astype(np.float64), axis=1)

    def predict(self, X: np.ndarray, **domains: Any) -> np.ndarray:
        """Classes (r,)."""
        if self.backward_ is not None:
            return np.asarray(self.backward_.predict(self.predict_features(X)))
        return X[:, self.width :].argmax(axis=1)

    def score(
        self,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        sample_domain: Any = None,
        allow_source: bool = False,
    ) -> float:
        """Accuracy, of weighted rows where they are."""
        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))


def first_columns(X: np.ndarray, width: int) -> np.ndarray:
    """The features of rows."""
    return X[:, :width]


def importance_weighted(shown: Shown) -> float:
    """ImportanceWeightedScorer with its kernel densities on the features alone."""
    width = shown.source_features.shape[1]
    features = FunctionTransformer(first_columns, kw_args={"width": width})
    density = make_pipeline(features, KernelDensity())
    return apply(partial(metrics.ImportanceWeightedScorer, weight_estimator=density), shown)


def deep_embedded(shown: Shown) -> float:
    """DeepEmbeddedValidation with the losses that it takes by default."""
    return apply(partial(metrics.DeepEmbeddedValidation, random_state=shown.seed), shown)


def deep_embedded_by_rows(shown: Shown) -> float:
    """The same with losses as a column.

    By default they are (r,) beside weights (r, 1), and their product is (r, r), the mean of which
    is the product of both means: no loss is weighted.
    """

    def losses(y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        chosen = np.clip(predicted[np.arange(len(y)), y], 1e-15, 1.0)
        return -np.log(chosen)[:, None]

    make = partial(metrics.DeepEmbeddedValidation, loss_func=losses, random_state=shown.seed)
    return apply(make, shown)


def mixed(shown: Shown) -> float:
    """MixValScorer."""
    return apply(partial(metrics.MixValScorer, random_state=shown.seed), shown)


def apply(make: Callable[[], Any], shown: Shown) -> float:
    """What a scorer of skada, made here as it asks for metadata routing, says of a candidate."""
    width, size = shown.source_features.shape[1], shown.source_logits.shape[1]
    source = np.hstack([shown.source_features, shown.source_logits])
    target = np.hstack([shown.target_features, shown.target_logits])
    masked = np.full(len(target), MASKED)
    domains = np.repeat([SOURCE, TARGET], [len(source), len(target)])
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = Stored(width, size).set_score_request(sample_weight=True)
        return float(
            make()(
                estimator,
                np.vstack([source, target]),
                np.concatenate([shown.source_labels, masked]),
                sample_domain=domains,
            )
        )


SCORERS: dict[str, Scorer] = {
    "ImportanceWeightedScorer": importance_weighted,
    "PredictionEntropyScorer": partial(apply, metrics.PredictionEntropyScorer),
    "SoftNeighborhoodDensity": partial(apply, metrics.SoftNeighborhoodDensity),
    "DeepEmbeddedValidation": deep_embedded,
    "DeepEmbeddedValidation, losses as a column": deep_embedded_by_rows,
    "CircularValidation": partial(apply, metrics.CircularValidation),
    "MixValScorer": mixed,
    "MaNoScorer": partial(apply, metrics.MaNoScorer),
}
