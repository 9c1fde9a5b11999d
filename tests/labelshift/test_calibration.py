"""Calibration: it finds what was done to the probabilities, and stays finite on few rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize

from isogloss.errors import IsoglossError
from isogloss.labelshift.calibration import (
    CALIBRATIONS,
    _objective,
    fit_calibration,
    log_probabilities,
    parameters_of,
)
from tests.helpers.shift import softmax


def rows(size: int, *, sharpness: Any, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from known probabilities, and the same made too sure by `sharpness`."""
    rng = np.random.default_rng(seed)
    true = softmax(rng.normal(size=(size, 3)) * 1.5)
    labels = (rng.random((size, 1)) > true.cumsum(axis=1)).sum(axis=1)
    return softmax(np.log(true) * sharpness), labels


def loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


@pytest.mark.parametrize("kind", ["temperature", "bcts", "vector"])
@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_temperature_undoes_what_was_done(kind: str, sharpness: float) -> None:
    probabilities, labels = rows(4000, sharpness=sharpness)
    fitted = fit_calibration(probabilities, labels, kind=kind)
    assert fitted.temperature == pytest.approx(sharpness, rel=0.1)
    np.testing.assert_allclose(fitted.bias, 0.0, atol=0.15)


def test_vector_scales_each_class_by_itself() -> None:
    rng = np.random.default_rng(0)
    probabilities = softmax(rng.normal(size=(8000, 3)) * 2.0)
    true = softmax(np.log(probabilities) * [0.5, 1.0, 2.0])
    labels = (rng.random((8000, 1)) > true.cumsum(axis=1)).sum(axis=1)
    fitted = fit_calibration(probabilities, labels, kind="vector")
    np.testing.assert_allclose(fitted.scale, [0.5, 1.0, 2.0], rtol=0.12)
    assert loss(fitted(probabilities), labels) <= loss(true, labels)


def test_none_changes_nothing() -> None:
    probabilities, labels = rows(50, sharpness=3.0)
    fitted = fit_calibration(probabilities, labels, kind="none")
    np.testing.assert_allclose(fitted(probabilities), probabilities, rtol=1e-12)
    assert fitted.temperature == 1.0


def test_each_kind_fits_at_least_as_well_as_the_one_before() -> None:
    probabilities, labels = rows(3000, sharpness=np.array([0.7, 1.0, 1.8]))
    losses = [
        loss(fit_calibration(probabilities, labels, kind=kind)(probabilities), labels)
        for kind in CALIBRATIONS
    ]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("kind", ["bcts", "vector"])
def test_mean_of_calibrated_rows_is_the_class_shares(kind: str) -> None:
    probabilities, labels = rows(4000, sharpness=2.0)
    skewed = probabilities * [0.2, 1.0, 3.0]
    skewed /= skewed.sum(1, keepdims=True)
    calibrated = fit_calibration(skewed, labels, kind=kind)(skewed)
    np.testing.assert_allclose(calibrated.mean(0), np.bincount(labels) / 4000, atol=1e-3)
    np.testing.assert_allclose(calibrated.sum(1), 1.0)


@pytest.mark.parametrize("kind", ["temperature", "bcts", "vector"])
def test_gradient_is_the_objective_s(kind: str) -> None:
    probabilities, labels = rows(50, sharpness=2.0)
    rng = np.random.default_rng(1)
    basis = parameters_of(kind, 3)
    arguments = (basis, log_probabilities(probabilities), labels, rng.uniform(0, 2, 50))
    at = rng.normal(size=basis.shape[1]) * 0.3
    numeric = scipy.optimize.approx_fprime(at, lambda x: _objective(x, *arguments)[0], 1e-7)
    np.testing.assert_allclose(_objective(at, *arguments)[1], numeric, rtol=1e-4, atol=1e-4)


def test_counts_stand_for_repeated_rows() -> None:
    probabilities, labels = rows(60, sharpness=2.0)
    counts = np.random.default_rng(2).integers(0, 3, 60)
    weighted = fit_calibration(probabilities, labels, counts=counts)
    repeated = fit_calibration(np.repeat(probabilities, counts, 0), np.repeat(labels, counts))
    assert weighted.temperature == pytest.approx(repeated.temperature, rel=1e-3)
    np.testing.assert_allclose(weighted.bias, repeated.bias, atol=1e-3)


@pytest.mark.parametrize("kind", CALIBRATIONS)
def test_classes_may_be_numbered_otherwise(kind: str) -> None:
    probabilities, labels = rows(300, sharpness=np.array([0.7, 1.0, 1.8]))
    order = np.array([2, 0, 1])
    fitted = fit_calibration(probabilities, labels, kind=kind)
    other = fit_calibration(probabilities[:, order], np.argsort(order)[labels], kind=kind)
    np.testing.assert_allclose(other.scale, fitted.scale[order], atol=1e-3)
    np.testing.assert_allclose(other.bias, fitted.bias[order], atol=1e-3)


@pytest.mark.parametrize("kind", CALIBRATIONS)
def test_absent_class_and_certain_predictions_stay_finite(kind: str) -> None:
    fitted = fit_calibration(np.eye(3)[[0, 1, 0, 1]], [0, 1, 1, 0], kind=kind)
    calibrated = fitted(np.eye(3))
    assert np.isfinite(calibrated).all()
    np.testing.assert_allclose(calibrated.sum(axis=1), 1.0)
    assert np.isfinite(fitted.temperature)


def test_one_row_and_one_class_stay_finite() -> None:
    assert np.isfinite(fit_calibration([[0.9, 0.1]], [1])(np.array([[0.2, 0.8]]))).all()
    np.testing.assert_array_equal(fit_calibration([[1.0]], [0])(np.ones((2, 1))), 1.0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"probabilities": [[np.nan, 0.5], [0.5, 0.5]]}, "E400"),
        ({"probabilities": [[1.5, -0.5], [0.5, 0.5]]}, "E401"),
        ({"labels": [0, 2]}, "E403"),
        ({"labels": [-1, 0]}, "E403"),
        ({"probabilities": np.zeros((0, 2)), "labels": []}, "E404"),
        ({"labels": []}, "E404"),
        ({"probabilities": [0.5, 0.5]}, "E405"),
        ({"labels": [0]}, "E405"),
        ({"counts": [1.0]}, "E405"),
        ({"counts": [1.0, np.inf]}, "E400"),
        ({"probabilities": [[0.7, 0.7], [0.5, 0.5]]}, "E406"),
        ({"kind": "platt"}, "E409"),
    ],
)
def test_unusable_rows_are_refused(change: dict[str, Any], code: str) -> None:
    good: dict[str, Any] = {"probabilities": [[0.7, 0.3], [0.5, 0.5]], "labels": [0, 1]}
    with pytest.raises(IsoglossError) as caught:
        fit_calibration(**(good | change))
    assert caught.value.code == code
