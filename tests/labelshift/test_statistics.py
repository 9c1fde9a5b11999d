"""Confusion matrices and target means, against naive counting."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift.statistics import (
    Statistics,
    gather_statistics,
    harden,
    source_statistics,
    target_statistics,
)


def _rows(num_rows: int, num_classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(num_classes), num_rows), rng.integers(0, num_classes, num_rows)


def test_hard_statistics_equal_naive_counting() -> None:
    probabilities, labels = _rows(200, 4)
    expected = np.zeros((4, 4))
    for row, label in zip(probabilities, labels, strict=True):
        expected[int(np.argmax(row)), label] += 1 / 200
    np.testing.assert_allclose(source_statistics(probabilities, labels, hard=True), expected)


def test_soft_statistics_equal_naive_averaging() -> None:
    probabilities, labels = _rows(200, 4)
    expected = np.zeros((4, 4))
    for row, label in zip(probabilities, labels, strict=True):
        expected[:, label] += row / 200
    np.testing.assert_allclose(source_statistics(probabilities, labels, hard=False), expected)
    np.testing.assert_allclose(
        target_statistics(probabilities, hard=False), probabilities.mean(axis=0)
    )


@pytest.mark.parametrize("hard", [True, False])
def test_margins_are_the_label_prior_and_the_prediction_mean(hard: bool) -> None:
    probabilities, labels = _rows(300, 5)
    statistics = gather_statistics(probabilities, labels, probabilities, hard=hard)
    np.testing.assert_allclose(statistics.source_prior, np.bincount(labels, minlength=5) / 300)
    np.testing.assert_allclose(statistics.source_mean, statistics.target_mean)
    assert statistics.confusion.sum() == pytest.approx(1.0)


def test_ties_go_to_the_first_class() -> None:
    np.testing.assert_array_equal(harden(np.array([[0.4, 0.4, 0.2]])), [[1.0, 0.0, 0.0]])


def test_half_precision_rows_are_normalised() -> None:
    rows = np.array([[0.3337, 0.6660]], dtype=np.float16)
    assert target_statistics(rows, hard=False).sum() == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize(
    ("probabilities", "labels", "code"),
    [
        ([[0.5, np.nan]], [0], "E400"),
        ([[1.5, -0.5]], [0], "E401"),
        ([[0.5, 0.5]], [2], "E403"),
        (np.zeros((0, 2)), np.zeros(0, dtype=int), "E404"),
        ([0.5, 0.5], [0], "E405"),
        ([[0.5, 0.5]], [0, 1], "E405"),
        ([[2.0, 3.0]], [0], "E406"),
    ],
)
def test_unusable_rows_are_refused(probabilities: object, labels: object, code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        source_statistics(probabilities, labels, hard=True)  # type: ignore[arg-type]


def test_statistics_of_different_classes_are_refused() -> None:
    with pytest.raises(IsoglossError, match="E405"):
        Statistics(confusion=np.eye(2) / 2, target_mean=np.ones(3) / 3)
    with pytest.raises(IsoglossError, match="E405"):
        Statistics(confusion=np.ones((2, 3)) / 6, target_mean=np.ones(2) / 2)
