"""Predictions corrected for another class balance."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift.correction import check_weights, correct


def test_correction_by_hand() -> None:
    rows = [[0.5, 0.5], [0.8, 0.2]]
    np.testing.assert_allclose(correct(rows, [1.0, 3.0]), [[0.25, 0.75], [0.8 / 1.4, 0.6 / 1.4]])


def test_it_is_bayes_rule_under_the_other_prior() -> None:
    rng = np.random.default_rng(0)
    source, target = rng.dirichlet(np.ones(4), size=2)
    likelihood = rng.random((50, 4))
    before = likelihood * source / (likelihood @ source)[:, None]
    after = likelihood * target / (likelihood @ target)[:, None]
    np.testing.assert_allclose(correct(before, target / source), after, atol=1e-12)


def test_a_common_factor_and_equal_weights_change_nothing() -> None:
    rng = np.random.default_rng(1)
    rows, weights = rng.dirichlet(np.ones(3), size=20), np.array([0.2, 1.0, 4.0])
    np.testing.assert_allclose(correct(rows, np.full(3, 7.0)), rows, atol=1e-15)
    np.testing.assert_allclose(correct(rows, 1e200 * weights), correct(rows, weights), atol=1e-15)
    np.testing.assert_allclose(correct(rows, 1e-200 * weights), correct(rows, weights), atol=1e-15)


def test_a_weight_of_0_rules_a_class_out_but_leaves_no_row_empty() -> None:
    corrected = correct([[0.5, 0.5], [1.0, 0.0]], [0.0, 2.0])
    np.testing.assert_array_equal(corrected, [[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_array_equal(correct([[0.3, 0.7]], [0.0, 0.0]), [[0.3, 0.7]])


def test_single_precision_rows_give_exact_distributions() -> None:
    rows = np.random.default_rng(2).dirichlet(np.ones(5), size=100).astype(np.float32)
    corrected = correct(rows, [0.1, 1, 2, 3, 4])
    assert corrected.dtype == np.float64
    np.testing.assert_allclose(corrected.sum(axis=1), 1.0, atol=1e-15)


@pytest.mark.parametrize(
    ("rows", "weights", "code"),
    [
        ([[np.nan, 1.0]], [1.0, 1.0], "E400"),
        ([[-0.5, 1.5]], [1.0, 1.0], "E401"),
        (np.zeros((0, 2)), [1.0, 1.0], "E404"),
        ([0.5, 0.5], [1.0, 1.0], "E405"),
        ([[3.0, 1.0]], [1.0, 1.0], "E406"),
        ([[0.5, 0.5]], [1.0, np.inf], "E400"),
        ([[0.5, 0.5]], [1.0, -1.0], "E401"),
        ([[0.5, 0.5]], [1.0, 1.0, 1.0], "E405"),
    ],
)
def test_unusable_input_is_refused(rows: np.ndarray, weights: list[float], code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        correct(rows, weights)


def test_weights_need_not_sum_to_anything() -> None:
    np.testing.assert_array_equal(check_weights([0, 5], num_classes=2), [0.0, 5.0])
