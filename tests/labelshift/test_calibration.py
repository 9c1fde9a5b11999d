from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from isogloss.errors import IsoglossError
from isogloss.labelshift.calibration import _objective, fit_calibration


def rows(size: int, *, sharpness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from known probabilities, and the same made too sure by `sharpness`."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(size, 3)) * 1.5
    true = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    labels = np.array([rng.choice(3, p=p) for p in true])
    sharp = true**sharpness
    return sharp / sharp.sum(1, keepdims=True), labels


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_temperature_undoes_what_was_done(sharpness: float) -> None:
    probabilities, labels = rows(4000, sharpness=sharpness)
    fitted = fit_calibration(probabilities, labels)
    assert fitted.temperature == pytest.approx(sharpness, rel=0.1)
    np.testing.assert_allclose(fitted.bias, 0.0, atol=0.15)


def test_mean_of_calibrated_rows_is_the_class_shares() -> None:
    probabilities, labels = rows(4000, sharpness=2.0)
    skewed = probabilities * [0.2, 1.0, 3.0]
    skewed /= skewed.sum(1, keepdims=True)
    calibrated = fit_calibration(skewed, labels)(skewed)
    np.testing.assert_allclose(calibrated.mean(0), np.bincount(labels) / 4000, atol=1e-3)
    np.testing.assert_allclose(calibrated.sum(1), 1.0)


def test_gradient_is_the_objective_s() -> None:
    probabilities, labels = rows(50, sharpness=2.0)
    rng = np.random.default_rng(1)
    arguments = (np.log(probabilities), labels, rng.uniform(0, 2, 50))
    at = rng.normal(size=4) * 0.3
    numeric = scipy.optimize.approx_fprime(at, lambda x: _objective(x, *arguments)[0], 1e-7)
    np.testing.assert_allclose(_objective(at, *arguments)[1], numeric, rtol=1e-4, atol=1e-4)


def test_counts_stand_for_repeated_rows() -> None:
    probabilities, labels = rows(60, sharpness=2.0)
    counts = np.random.default_rng(2).integers(0, 3, 60)
    weighted = fit_calibration(probabilities, labels, counts=counts)
    repeated = fit_calibration(np.repeat(probabilities, counts, 0), np.repeat(labels, counts))
    assert weighted.temperature == pytest.approx(repeated.temperature, rel=1e-3)
    np.testing.assert_allclose(weighted.bias, repeated.bias, atol=1e-3)


def test_absent_class_and_certain_predictions_stay_finite() -> None:
    fitted = fit_calibration(np.eye(3)[[0, 1, 0, 1]], [0, 1, 1, 0])
    calibrated = fitted(np.eye(3))
    assert np.isfinite(calibrated).all()
    assert np.isfinite(fitted.temperature)


def test_unusable_rows_are_refused() -> None:
    with pytest.raises(IsoglossError) as caught:
        fit_calibration([[0.7, 0.7]], [0])
    assert caught.value.code == "E406"
