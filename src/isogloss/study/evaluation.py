"""Evaluate fixed models on many sets of one target at once.

Every measure is made of sums over the rows of a class: confusion matrices sum one-hot predictions,
feature shifts sum features, prior estimates sum probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.checks import Floats, Integers, check_choice
from isogloss.labelshift.many import solve_many_weights
from isogloss.labelshift.prior_estimation import PriorEstimator
from isogloss.labelshift.rows import target_rows
from isogloss.labelshift.statistics import harden, source_statistics
from isogloss.study import measures
from isogloss.study.chosen import ChosenSets
from isogloss.study.rows import ModelRows, SourceSide, TargetLabels
from isogloss.study.windows import WindowSets

Sets = WindowSets | ChosenSets
# Of `PriorEstimator` those whose estimate is a function of mean predictions.
ESTIMATES = ("bbse", "bbse-hard")
# A mean of fewer rows is more noise than shift.
LEAST_ROWS = 10


class RowSums(Protocol):
    """Sets over labelled rows."""

    @property
    def counts(self) -> Integers:
        """(m, k) rows of each class in each set."""

    def class_sums(self, class_id: int, values: npt.NDArray[np.floating]) -> Floats:
        """(m, c) sums of values over the rows of one class in every set."""


@dataclass(frozen=True, kw_only=True)
class ModelScores:
    """One model on every set.

    Attributes:
        name: of the model.
        accuracy: (m,) in [0, 1].
        macro_f1: (m,) in [0, 1].
        f1: (m,) in [0, 1], of entities; None unless for tagging.
        source_prior: (k,).
        prior_shift: (m,) total variation to the source prior, in [0, 1].
        feature_shift: (m,) conditional feature shift, at least 0; NaN for a set in which no class
            has enough rows. None where there are no features.
        estimate: (m, k) estimated prior.
        estimate_error: (m,) its total variation to the true prior.
    """

    name: str
    accuracy: Floats
    macro_f1: Floats
    f1: Floats | None
    source_prior: Floats
    prior_shift: Floats
    feature_shift: Floats | None
    estimate: Floats
    estimate_error: Floats


class SourceStatistics:
    """The source's side of every measure, prepared once.

    Args:
        source: labelled source rows of a model.
        num_classes: k.
        method: of the prior estimate, one of `ESTIMATES`.
        calibration: of the probabilities, one of `isogloss.labelshift.CALIBRATIONS`.

    Raises:
        IsoglossError: E409 for another method or calibration; E400, E401, E403 to E406 for
            unusable rows.
    """

    def __init__(
        self, source: SourceSide, num_classes: int, *, method: str = "bbse", calibration: str
    ) -> None:
        check_choice(method, ESTIMATES, name="method")
        self.hard = method == "bbse-hard"
        probabilities = softmax(source.logits.astype(np.float64))
        self.estimator = PriorEstimator(
            probabilities,
            source.labels,
            method=method,
            calibration=calibration,
            groups=source.groups,
        )
        rows = self.estimator.source
        statistic = rows.probabilities if self.hard else rows.calibrated
        self.confusion = source_statistics(statistic, rows.labels, hard=self.hard)
        self.prior = rows.spread(rows.prior)
        self.counts = np.bincount(source.labels, minlength=num_classes)
        self.means = None if source.features is None else _class_means(source, num_classes)

    def estimate(self, logits: np.ndarray, sums: RowSums) -> Floats:
        """Estimate the prior of every set, (m, k), from the rows' logits (r, k)."""
        rows = target_rows(
            self.estimator.source,
            softmax(logits.astype(np.float64)),
            groups=None,
            features=None,
            seed=0,
        )
        statistic = harden(rows.probabilities) if self.hard else rows.calibrated
        counts = sums.counts
        total = sum(sums.class_sums(j, statistic) for j in range(counts.shape[1]))
        means = total / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        source = self.estimator.source
        weights = solve_many_weights(self.confusion, means, source.prior)
        return source.spread(weights * source.prior)


def evaluate_sets(
    target: TargetLabels,
    model: ModelRows,
    sets: Sets,
    *,
    method: str = "bbse",
    calibration: str = "bcts",
    least_rows: int = LEAST_ROWS,
    source: SourceStatistics | None = None,
) -> ModelScores:
    """Score a model on every set, and measure the shifts of every set from its source.

    Args:
        target: the labelled set that the sets are drawn from.
        model: what the model says of it.
        sets: drawn from it.
        method: of the prior estimate, one of `ESTIMATES`.
        calibration: of the probabilities that it stands on.
        least_rows: a class with fewer rows in a set has no part in the set's feature shift; the
            paper takes every class, 1.
        source: the model's source side, where it has been prepared before.

    Raises:
        IsoglossError: as `SourceStatistics`.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 2 (eqs. 1 and 2) and section 4.2.
    """
    size = len(target.names)
    side = source or SourceStatistics(model.source, size, method=method, calibration=calibration)
    sums = sets.on(model.labels, model.examples)
    confusions = confusion_counts(target, model.predicted, sets)
    estimate = side.estimate(model.logits, sums)
    shift = None
    if model.features is not None and side.means is not None:
        shift = feature_shifts(model.features, sums, side.means, side.counts, least=least_rows)
    entities = None
    if model.entities is not None and isinstance(sets, ChosenSets):
        entities = measures.entity_f1s(sets.sums(model.entities))
    return ModelScores(
        name=model.name,
        accuracy=measures.accuracies(confusions),
        macro_f1=measures.macro_f1s(confusions),
        f1=entities,
        source_prior=side.prior,
        prior_shift=measures.prior_shifts(sets.priors, side.prior),
        feature_shift=shift,
        estimate=estimate,
        estimate_error=measures.prior_shifts(sets.priors, estimate),
    )


def confusion_counts(target: TargetLabels, predicted: Integers, sets: Sets) -> Floats:
    """Count labels and predictions in every set.

    Returns:
        (m, k, k), `[s, j, i]` rows of class j predicted as i.
    """
    size = len(target.names)
    one_hot = np.eye(size)[predicted]
    sums = sets.on(target.labels, target.examples)
    return np.stack([sums.class_sums(j, one_hot) for j in range(size)], axis=1)


def feature_shifts(
    features: np.ndarray, sums: RowSums, means: Floats, source_counts: Integers, *, least: int
) -> Floats:
    """The conditional feature shift of every set.

    Args:
        features: (r, d) of the target's rows.
        sums: the sets over these rows.
        means: (k, d) mean features of the source by class.
        source_counts: (k,) source rows of each class; a class without any has no part.
        least: rows that a class needs in a set to have a part, at least 1.

    Returns:
        (m,) the mean over classes of the L1 distance between the means; NaN without any class.

    References:
        Xian, Ji & Zhao, ICLR 2022, eqs. 1 and 2.
    """
    counts = sums.counts
    total = np.zeros(len(counts))
    classes = np.zeros(len(counts))
    for j in np.flatnonzero(source_counts > 0):
        there = counts[:, j] >= max(1, least)
        if not there.any():
            continue
        distance = sums.class_sums(int(j), features)[there]
        distance /= counts[there, j, None]
        distance -= means[j]
        total[there] += np.abs(distance, out=distance).sum(axis=1)
        classes[there] += 1
    return np.where(classes > 0, total / np.maximum(classes, 1), np.nan)


def _class_means(source: SourceSide, num_classes: int) -> Floats:
    """(k, d) mean features by class; 0 for a class without rows."""
    assert source.features is not None
    means = np.zeros((num_classes, source.features.shape[1]))
    for j in np.unique(source.labels):
        means[j] = source.features[source.labels == j].mean(axis=0, dtype=np.float64)
    return means
