"""Intervals and errors on few rows, held against exact ones, differences and simulation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from isogloss.selection.accuracy import macro_f1
from isogloss.selection.small_samples import (
    exact_interval,
    mean_error,
    score_interval,
    score_of,
    slope_of,
)

JOINT = np.array([[0.30, 0.05, 0.02], [0.04, 0.20, 0.06], [0.08, 0.05, 0.20]])


@pytest.mark.parametrize(("hits", "rows"), [(0, 7), (3, 10), (10, 10), (60, 200)])
def test_accuracy_on_independent_rows_has_the_exact_interval(hits: int, rows: int) -> None:
    right = np.arange(rows) < hits
    found = score_interval(hits / rows, right.astype(float), np.arange(rows), level=0.9)
    exact = scipy.stats.binomtest(hits, rows).proportion_ci(0.9, method="exact")
    np.testing.assert_allclose(found, (exact.low, exact.high), atol=1e-9)


def test_sentences_of_like_words_count_as_sentences() -> None:
    right = np.repeat(np.arange(20) < 12, 5).astype(float)
    words = score_interval(0.6, right, np.arange(100), level=0.9)
    sentences = score_interval(0.6, right, np.repeat(np.arange(20), 5), level=0.9)
    assert sentences[0] < words[0]
    assert sentences[1] > words[1]
    # 20 sentences, each of one kind, tell what 20 rows do, less for the unknown variance.
    assert sentences[0] == pytest.approx(exact_interval(0.6, 20, level=0.9)[0], abs=0.02)
    alike = score_interval(1.0, np.ones(100), np.repeat(np.arange(20), 5), level=0.9)
    assert alike == exact_interval(1.0, 20, level=0.9)


@pytest.mark.parametrize("rows", [10, 40])
def test_macro_f1_is_covered_as_often_as_the_level_says(rows: int) -> None:
    rng = np.random.default_rng(0)
    truth, covered = float(macro_f1(JOINT / JOINT.sum())), 0
    for _ in range(400):
        cells = rng.choice(9, rows, p=JOINT.ravel() / JOINT.sum())
        joint = np.bincount(cells, minlength=9).reshape(3, 3) / rows
        influence = slope_of("macro_f1", joint).ravel()[cells]
        value = score_of("macro_f1", joint)
        low, high = score_interval(value, influence, np.arange(rows), level=0.9)
        covered += low <= truth <= high
    assert covered / 400 > 0.86


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_slopes_are_those_of_differences(metric: str) -> None:
    joint = JOINT / JOINT.sum()
    slope = slope_of(metric, joint)
    for place in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[place] = 1e-6
        if metric == "accuracy":
            # Of shares that sum to 1; accuracy of counts divides by their sum.
            difference = np.trace(joint + step) - np.trace(joint - step)
        else:
            difference = score_of(metric, joint + step) - score_of(metric, joint - step)
        assert slope[place] == pytest.approx(difference / 2e-6, rel=1e-4, abs=1e-6)


def test_slopes_leave_classes_out_that_do_not_occur() -> None:
    joint = np.zeros((3, 3))
    joint[:2, :2] = [[0.5, 0.1], [0.1, 0.3]]
    np.testing.assert_allclose(
        slope_of("macro_f1", joint)[:2, :2], slope_of("macro_f1", joint[:2, :2])
    )
    assert np.isfinite(slope_of("macro_f1", joint)).all()


@pytest.mark.parametrize("left_out", [(), (2,), (0, 1)])
def test_macro_f1_is_over_the_classes_that_are_named(left_out: tuple[int, ...]) -> None:
    joint = JOINT / JOINT.sum()
    classes = ~np.isin(np.arange(3), left_out)
    each = [2 * joint[j, j] / (joint[j].sum() + joint[:, j].sum()) for j in range(3)]
    naive = np.mean([each[j] for j in range(3) if j not in left_out])
    assert score_of("macro_f1", joint, classes=classes) == pytest.approx(naive)
    slope = slope_of("macro_f1", joint, classes=classes)
    for place in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[place] = 1e-6
        ends = [score_of("macro_f1", joint + sign * step, classes=classes) for sign in (1, -1)]
        assert slope[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-6)


def test_a_named_class_that_does_not_occur_counts_as_0() -> None:
    joint = np.diag([0.5, 0.5, 0.0])
    assert score_of("macro_f1", joint) == 1.0
    assert score_of("macro_f1", joint, classes=np.ones(3, dtype=bool)) == pytest.approx(2 / 3)
    slope = slope_of("macro_f1", joint, classes=np.ones(3, dtype=bool))
    np.testing.assert_allclose(slope[:2, :2], slope_of("macro_f1", joint)[:2, :2] * 2 / 3)


def test_an_error_is_that_of_a_mean_and_never_0_by_chance() -> None:
    values = np.random.default_rng(1).normal(size=2_000)
    assert mean_error(values, np.arange(2_000), foretold=1.0) == pytest.approx(
        1.0 / np.sqrt(2_000), rel=0.05
    )
    assert mean_error(np.zeros(10), np.arange(10), foretold=0.2) > 0.05
    # Ten foretold units beside nine that are seen.
    assert mean_error(np.zeros(10), np.arange(10), foretold=0.19) == pytest.approx(0.1)
    together = mean_error(np.repeat([1.0, -1.0] * 5, 8), np.repeat(np.arange(10), 8), foretold=1.0)
    assert together > 1.5 * mean_error(np.tile([1.0, -1.0], 40), np.arange(80), foretold=1.0)
