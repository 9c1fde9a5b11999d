"""Priors: checks, counting, and division into weights."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift.priors import (
    check_prior,
    class_prior,
    importance_weights,
)


@pytest.mark.parametrize(
    ("prior", "code"),
    [
        ([0.5, np.nan], "E400"),
        ([np.inf, 0.5], "E400"),
        ([1.2, -0.2], "E401"),
        ([0.5, 0.4], "E402"),
        ([[0.5, 0.5]], "E405"),
    ],
)
def test_unusable_priors_are_refused(prior: list[float], code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        check_prior(prior)


def test_single_precision_priors_are_normalised_exactly() -> None:
    prior = np.array([1 / 3, 1 / 3, 1 / 3], dtype=np.float32)
    checked = check_prior(prior)
    assert checked.dtype == np.float64
    assert checked.sum() == pytest.approx(1.0, abs=1e-15)


def test_classes_are_counted_and_absent_ones_get_zero() -> None:
    np.testing.assert_allclose(class_prior([0, 2, 2, 2], 4), [0.25, 0.0, 0.75, 0.0])


@pytest.mark.parametrize(
    ("labels", "code"),
    [([0, 3], "E403"), ([0, -100], "E403"), ([], "E404"), ([[0, 1]], "E405")],
)
def test_unusable_labels_are_refused(labels: list[int], code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        class_prior(labels, 3)


def test_the_refusal_of_a_label_names_its_row() -> None:
    with pytest.raises(IsoglossError, match="label id 7 at row 2") as caught:
        class_prior([0, 1, 7], 3)
    assert caught.value.fields["row"] == 2


def test_importance_weights_meet_the_constraint_whatever_the_empty_classes() -> None:
    source, target = np.array([0.5, 0.5, 0.0]), np.array([0.2, 0.6, 0.2])
    weights = importance_weights(target, source)
    assert source @ weights == pytest.approx(1.0)
    np.testing.assert_allclose(weights, [0.5, 1.5, 1.0])
    np.testing.assert_allclose(importance_weights([0.0, 1.0], [1.0, 0.0]), [1.0, 1.0])
