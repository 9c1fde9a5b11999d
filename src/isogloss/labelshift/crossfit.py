"""Held-out predictions for every labelled row, where no separate held-out set can be spared."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from isogloss.errors import IsoglossError
from isogloss.labelshift.calibration import fit_calibration
from isogloss.labelshift.checks import (
    Floats,
    Integers,
    check_labels,
    check_probabilities,
    check_range,
    check_shape,
)


def fold_indices(
    labels: npt.ArrayLike, *, folds: int = 5, groups: npt.ArrayLike | None = None, seed: int = 0
) -> Iterator[tuple[Integers, Integers]]:
    """Cut rows into folds in which every class is fairly shared.

    Args:
        labels: (n,) class ids >= 0.
        folds: number of parts, from 2 to the number of rows (or groups).
        groups: (n,) integers; rows of one group (the words of a sentence) stay in one fold. With
            groups the folds are of equally many groups, and classes are shared by chance.
        seed: of the shuffling.

    Yields:
        For each fold, the indices of the other folds' rows and of its own, both ascending.

    Raises:
        IsoglossError: E403, E404, E405 for unusable labels or groups, E407 for `folds`.
    """
    classes = check_labels(labels, np.iinfo(np.int64).max)
    rng = np.random.default_rng(seed)
    if groups is None:
        units = len(classes)
        order = rng.permutation(units)
        order = order[np.argsort(classes[order], kind="stable")]
        unit_of_row = np.arange(units)
    else:
        check_shape(np.asarray(groups), classes.shape, name="the groups")
        names, unit_of_row = np.unique(np.asarray(groups), return_inverse=True)
        units = len(names)
        order = rng.permutation(units)
    check_range(folds, 2, units, name="folds")
    fold_of_unit = np.empty(units, dtype=np.int64)
    fold_of_unit[order] = np.arange(units) % folds
    fold_of_row = fold_of_unit[unit_of_row]
    for fold in range(folds):
        yield np.flatnonzero(fold_of_row != fold), np.flatnonzero(fold_of_row == fold)


def cross_fit(
    fit: Callable[[Integers], Callable[[Integers], npt.ArrayLike]],
    labels: npt.ArrayLike,
    *,
    folds: int = 5,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Floats:
    """Predict every row by a model that did not see it.

    Args:
        fit: takes the indices of training rows and returns a function from indices of other rows
            to their predicted probabilities (r, k).
        labels: (n,) class ids, to share the classes among the folds.
        folds: number of models that are fitted.
        groups: (n,) integers; rows of one group stay together.
        seed: of the folds.

    Returns:
        (n, k) held-out probabilities in the order of the rows.

    Raises:
        IsoglossError: as `fold_indices`; E400, E401, E404, E405, E406 where `fit` predicts no
            probabilities, E405 where its folds differ in their number of classes.
    """
    rows: list[Integers] = []
    predicted: list[Floats] = []
    for train, held_out in fold_indices(labels, folds=folds, groups=groups, seed=seed):
        found = check_probabilities(fit(train)(held_out), name="the predictions of a fold")
        check_shape(found, (len(held_out), found.shape[1]), name="the predictions of a fold")
        if predicted and predicted[0].shape[1] != found.shape[1]:
            expected = (len(held_out), predicted[0].shape[1])
            raise IsoglossError(
                "E405", name="the predictions of a fold", shape=found.shape, expected=expected
            )
        rows.append(held_out)
        predicted.append(found)
    out = np.empty((sum(map(len, rows)), predicted[0].shape[1]))
    out[np.concatenate(rows)] = np.concatenate(predicted)
    return out


def cross_calibrate(
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    kind: str = "bcts",
    folds: int = 5,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Floats:
    """Calibrate labelled rows, each by a calibration that was fitted without it.

    Args:
        probabilities: (n, k) predicted on labelled rows.
        labels: (n,) their classes.
        kind: as for `fit_calibration`.
        folds: number of calibrations.
        groups: (n,) integers; rows of one group stay together.
        seed: of the folds.

    Returns:
        (n, k) calibrated probabilities.

    Raises:
        IsoglossError: as `fit_calibration` and `fold_indices`.
    """
    rows = check_probabilities(probabilities, name="the source probabilities")
    classes = check_labels(labels, rows.shape[1], name="the source labels")
    check_shape(classes, (len(rows),), name="the source labels")

    def fit(train: Integers) -> Callable[[Integers], Floats]:
        calibration = fit_calibration(rows[train], classes[train], kind=kind)
        return lambda held_out: calibration(rows[held_out])

    return cross_fit(fit, classes, folds=folds, groups=groups, seed=seed)
