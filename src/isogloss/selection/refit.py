"""Training last, on a few labelled target rows: a change of a head, and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

from isogloss.labelshift.checks import (
    Floats,
    Integers,
    check_choice,
    check_labels,
    check_shape,
    finite_array,
)
from isogloss.labelshift.crossfit import fold_indices
from isogloss.selection.expectation import METRICS
from isogloss.selection.small_samples import score_of, slope_of, unit_sums

# Ends the name of a candidate whose head was refitted on labelled target rows. They have the
# target's own class balance, so its predictions are not corrected for one on top.
REFITTED = "+rows"
FOLDS = 5
# Of the penalty, strongest first: each fit starts from the one before. The first is no change.
STRENGTHS = (np.inf, 300.0, 100.0, 30.0, 10.0, 3.0)
# Steps of the optimiser; the problem is convex, and a little short of its end is near enough.
_STEPS = 60


@dataclass(frozen=True, kw_only=True)
class HeadChange:
    """What is added to the weights of a classification head.

    Attributes:
        weight: (k, d), of features as the head receives them.
        bias: (k,).
        strength: of the penalty that it was fitted with; infinite where nothing changes.
    """

    weight: np.ndarray
    bias: np.ndarray
    strength: float

    def changed(self, features: npt.ArrayLike, logits: npt.ArrayLike) -> Floats:
        """Logits (n, k) of the changed head, from features (n, d) and the logits before."""
        found: Floats = np.asarray(logits, dtype=np.float64)
        return found + np.asarray(features, dtype=np.float64) @ self.weight.T + self.bias


@dataclass(frozen=True, kw_only=True)
class RefitGain:
    """What a changed head gains on labelled rows that it was not fitted to.

    Attributes:
        value: difference of the scores, in -1..1.
        error: its standard error, rows paired; to first order.
    """

    value: float
    error: float

    def holds(self, factor: float = 1.0) -> bool:
        """Whether the gain is above 0 and above so many standard errors."""
        return self.value > max(0.0, factor * self.error)


@dataclass(frozen=True)
class _Rows:
    """Checked rows: features (n, d), logits (n, k), labels (n,), groups (n,) or None."""

    features: Floats
    logits: Floats
    labels: Integers
    groups: Integers | None

    def of(self, places: Integers) -> _Rows:
        groups = None if self.groups is None else self.groups[places]
        return _Rows(self.features[places], self.logits[places], self.labels[places], groups)

    def loss(self, change: HeadChange) -> float:
        """Sum of the cross-entropy."""
        logits = change.changed(self.features, self.logits)
        told = log_softmax(logits, axis=1)[np.arange(len(logits)), self.labels]
        return -float(told.sum())


def refit_head(
    features: npt.ArrayLike,
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> HeadChange:
    """Fit a change of the classification head to a few labelled rows.

    It minimises the cross-entropy of `logits + features @ weight.T + bias`, summed over the rows,
    plus `strength/2 |weight|² + 1/2 |bias|²`. For this, features are less their mean over the
    rows and divided by the root of the sum of their variances, so that a row is about 1 from the
    mean whatever the width and scale; the change is given for features as they are. The penalty
    draws the head to what it was (ridge around a start), and the bias has a scale of 1 in logits.
    The strength, "no change" among the choices, has the smallest cross-entropy in five-fold
    cross-validation; of equal ones it is the greatest.

    Args:
        features: (n, d) what the head receives.
        logits: (n, k) of the head as it is.
        labels: (n,) classes in 0..k-1.
        groups: (n,) integers; rows of one group (the words of a sentence) stay in one fold.
        seed: of the folds.

    Raises:
        IsoglossError: E400, E403, E404, E405 for unusable rows, E407 for fewer than five rows (or
            groups).

    References:
        Evgeniou & Pontil, KDD 2004 (regularisation around the weights of another task).
    """
    return _refit(_checked(features, logits, labels, groups), seed)


def out_of_fold_logits(
    features: npt.ArrayLike,
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Floats:
    """What refitted heads say of rows that they were not fitted to.

    Five heads are refitted, each to four fifths of the rows and with a strength chosen inside
    these, and asked about the rest.

    Args:
        features: as for `refit_head`.
        logits: as for `refit_head`.
        labels: as for `refit_head`.
        groups: as for `refit_head`.
        seed: of the folds.

    Returns:
        (n, k) logits.

    Raises:
        IsoglossError: as `refit_head`; E407 for fewer than seven rows (or groups), of which four
            fifths could not be cut into five.
    """
    rows = _checked(features, logits, labels, groups)
    found = np.empty_like(rows.logits)
    for train, held in fold_indices(rows.labels, folds=FOLDS, groups=rows.groups, seed=seed):
        change = _refit(rows.of(train), seed)
        found[held] = change.changed(rows.features[held], rows.logits[held])
    return found


def refit_gain(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    metric: str = "macro_f1",
) -> RefitGain:
    """What a refit is worth, by rows that it was not fitted to.

    Args:
        before: (n, k) logits of the head as it is.
        after: (n, k) of the refitted ones, see `out_of_fold_logits`.
        labels: (n,) classes in 0..k-1.
        groups: (n,) integers; rows of one group are not independent.
        metric: "accuracy" or "macro_f1".

    Raises:
        IsoglossError: E400, E403, E404, E405 for unusable rows, E409 for another metric.
    """
    check_choice(metric, METRICS, name="the metric")
    first = finite_array(before, name="the logits before")
    size = first.shape[-1]
    classes = check_labels(labels, size, name="the labels of the labelled rows")
    count = len(classes)
    units = np.arange(count) if groups is None else np.asarray(groups)
    check_shape(units, (count,), name="the labelled groups")
    scores, influences = [], []
    for name, array in (("before", first), ("after", finite_array(after, name="the logits after"))):
        check_shape(array, (count, size), name=f"the logits {name}")
        predicted = array.argmax(axis=1)
        cells = np.bincount(predicted * size + classes, minlength=size**2)
        joint = cells.reshape(size, size) / count
        scores.append(score_of(metric, joint))
        influences.append(slope_of(metric, joint)[predicted, classes])
    change = influences[1] - influences[0]
    error = np.sqrt((unit_sums(change - change.mean(), units) ** 2).sum()) / count
    return RefitGain(value=scores[1] - scores[0], error=float(error))


def _checked(
    features: npt.ArrayLike,
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: npt.ArrayLike | None,
) -> _Rows:
    before = finite_array(logits, name="the logits of the labelled rows")
    check_shape(before, (-1, -1), name="the logits of the labelled rows")
    classes = check_labels(labels, before.shape[1], name="the labels of the labelled rows")
    inputs = finite_array(features, name="the features of the labelled rows")
    check_shape(before, (len(classes), -1), name="the logits of the labelled rows")
    check_shape(inputs, (len(classes), -1), name="the features of the labelled rows")
    together = None if groups is None else np.asarray(groups, dtype=np.int64)
    if together is not None:
        check_shape(together, (len(classes),), name="the labelled groups")
    return _Rows(inputs, before, classes, together)


def _refit(rows: _Rows, seed: int) -> HeadChange:
    """`refit_head` of checked rows."""
    losses = np.zeros(len(STRENGTHS))
    for train, held in fold_indices(rows.labels, folds=FOLDS, groups=rows.groups, seed=seed):
        rest = rows.of(held)
        losses += [rest.loss(change) for change in _path(rows.of(train), STRENGTHS)]
    # The first of equal ones, which is the greatest strength.
    best = int(np.argmin(losses))
    return _path(rows, STRENGTHS[: best + 1])[-1]


def _path(rows: _Rows, strengths: Sequence[float]) -> list[HeadChange]:
    """Fits of each strength in turn, each from where the one before ended."""
    width = rows.features.shape[1]
    size = rows.logits.shape[1]
    mean = rows.features.mean(axis=0)
    spread = float(np.sqrt(rows.features.var(axis=0).sum())) or 1.0
    scaled = (rows.features - mean) / spread
    truth = np.eye(size)[rows.labels]

    def objective(theta: Floats, strength: float) -> tuple[float, Floats]:
        weight, bias = theta[:-size].reshape(size, width), theta[-size:]
        told = log_softmax(rows.logits + scaled @ weight.T + bias, axis=1)
        missed = np.exp(told) - truth
        value = -(truth * told).sum() + (strength * (weight**2).sum() + (bias**2).sum()) / 2.0
        slope = missed.T @ scaled + strength * weight
        return float(value), np.concatenate([slope.ravel(), missed.sum(axis=0) + bias])

    theta, found = np.zeros(size * (width + 1)), []
    for strength in strengths:
        if np.isfinite(strength):
            theta = minimize(
                objective,
                theta,
                args=(strength,),
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": _STEPS},
            ).x
        weight = theta[:-size].reshape(size, width) / spread
        bias = theta[-size:] - weight @ mean
        found.append(HeadChange(weight=weight, bias=bias, strength=strength))
    return found
