"""Folds: no row is predicted by a model that saw it, nor by one that saw its sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift.crossfit import cross_calibrate, cross_fit, fold_indices
from tests.helpers.shift import draw_rows

LABELS = np.array([0] * 11 + [1] * 6 + [2] * 3 + [3])


@pytest.mark.parametrize("folds", [2, 3, 5, 21])
def test_folds_part_the_rows_and_share_every_class(folds: int) -> None:
    parts = list(fold_indices(LABELS, folds=folds, seed=1))
    assert len(parts) == folds
    assert sorted(np.concatenate([own for _, own in parts])) == list(range(21))
    for train, own in parts:
        assert sorted([*train, *own]) == list(range(21))
        assert list(train) == sorted(train)
        assert list(own) == sorted(own)
    counts = np.array([np.bincount(LABELS[own], minlength=4) for _, own in parts])
    assert np.ptp(counts, axis=0).max() <= 1
    assert np.ptp(counts.sum(axis=1)) <= 1


def test_a_sentence_stays_in_one_fold() -> None:
    groups = np.random.default_rng(0).integers(-3, 4, 21)
    parts = list(fold_indices(LABELS, folds=3, groups=groups))
    for train, own in parts:
        assert set(groups[train]).isdisjoint(groups[own])
    sizes = [len(set(groups[own])) for _, own in parts]
    assert max(sizes) - min(sizes) <= 1


def test_folds_follow_the_seed() -> None:
    first, again, other = (
        np.concatenate([own for _, own in fold_indices(LABELS, seed=seed)]) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_every_row_is_predicted_by_a_model_that_did_not_see_it() -> None:
    """One that learns its rows by heart is no better than the shares of the others."""

    def fit(train: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        known = dict(zip(train.tolist(), LABELS[train].tolist(), strict=True))
        shares = np.bincount(LABELS[train], minlength=4) / len(train)

        def predict(rows: np.ndarray) -> np.ndarray:
            return np.stack([np.eye(4)[known[r]] if r in known else shares for r in rows])

        return predict

    found = cross_fit(fit, LABELS, folds=7)
    for train, own in fold_indices(LABELS, folds=7):
        shares = np.bincount(LABELS[train], minlength=4) / len(train)
        np.testing.assert_allclose(found[own], np.tile(shares, (len(own), 1)))


def test_predictions_come_in_the_order_of_the_rows() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), 21)
    groups = np.arange(21) // 2
    for grouping in (None, groups):
        found = cross_fit(lambda _: lambda r: probabilities[r], LABELS, groups=grouping)
        np.testing.assert_allclose(found, probabilities)


def test_calibration_across_folds_helps_rows_that_it_was_not_fitted_to() -> None:
    probabilities, labels = draw_rows(600, np.array([0.5, 0.3, 0.2]), seed=0)
    sure = probabilities**4 / (probabilities**4).sum(axis=1, keepdims=True)
    found = cross_calibrate(sure, labels, kind="temperature")
    np.testing.assert_allclose(found, probabilities, atol=0.06)
    np.testing.assert_allclose(cross_calibrate(sure, labels, kind="none"), sure, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"labels": [[0, 1]]}, "E405"),
        ({"labels": [0, -1]}, "E403"),
        ({"labels": []}, "E404"),
        ({"groups": [0]}, "E405"),
        ({"folds": 1}, "E407"),
        ({"folds": 4}, "E407"),
        ({"groups": [0, 0, 1], "folds": 3}, "E407"),
    ],
)
def test_unusable_folds_are_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        list(fold_indices(**({"labels": [0, 1, 1], "folds": 2} | change)))


@pytest.mark.parametrize(
    ("predicted", "code"),
    [
        (lambda rows: np.full((len(rows), 2), np.nan), "E400"),
        (lambda rows: np.tile([1.5, -0.5], (len(rows), 1)), "E401"),
        (lambda rows: np.full((len(rows) + 1, 2), 0.5), "E405"),
        (lambda rows: np.full((len(rows), 2 + rows[0] % 2), 1 / (2 + rows[0] % 2)), "E405"),
        (lambda rows: np.zeros((len(rows), 2)), "E406"),
        (lambda rows: np.zeros((0, 2)), "E404"),
    ],
)
def test_a_model_that_predicts_no_probabilities_is_refused(predicted: Any, code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        cross_fit(lambda train: predicted, [0] * 6, folds=6)


@pytest.mark.parametrize(
    ("labels", "code"), [([0] * 5, "E405"), ([0] * 7, "E405"), ([9] * 6, "E403")]
)
def test_labels_of_other_rows_are_not_calibrated_to(labels: list[int], code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        cross_calibrate(np.full((6, 2), 0.5), labels, folds=2)
