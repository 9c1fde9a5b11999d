"""Shares that are known to lie between 0 and 1."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.edges import holding, within_bounds
from isogloss.labelshift.prior_estimation import PriorEstimator

Z = 1.959963984540054


def ends(free: float, deviation: float) -> np.ndarray:
    interval = np.array([[free - Z * deviation, free + Z * deviation]])
    return np.asarray(within_bounds(np.array([free]), interval, level=0.95)[0])


def accepted(free: float, deviation: float) -> np.ndarray:
    """The naive form: every share that the likelihood-ratio test does not reject."""
    shares = np.linspace(0.0, 1.0, 100_001)
    nearest = np.clip(free, 0.0, 1.0)
    stretched = deviation * max(1.0, abs(free - nearest) / deviation)
    ratio = ((free - shares) / stretched) ** 2 - ((free - nearest) / stretched) ** 2
    kept = shares[ratio <= Z**2]
    return np.array([kept.min(), kept.max()])


@pytest.mark.parametrize("free", [-0.4, -0.05, 0.0, 0.03, 0.5, 0.99, 1.02, 1.3, 2.5])
@pytest.mark.parametrize("deviation", [0.02, 0.2])
def test_the_interval_is_what_the_test_does_not_reject(free: float, deviation: float) -> None:
    np.testing.assert_allclose(ends(free, deviation), accepted(free, deviation), atol=1e-4)


def test_an_estimate_far_beyond_says_less_than_one_at_the_bound() -> None:
    widths = [np.ptp(ends(free, 0.1)) for free in (1.05, 1.3, 1.5, 2.0)]
    assert widths == sorted(widths)
    assert widths[-1] > 2 * widths[0]


def test_one_at_the_bound_reaches_as_far_as_its_noise() -> None:
    np.testing.assert_allclose(ends(1.0 + 1e-12, 0.1), [1.0 - Z * 0.1, 1.0])


def test_levels_of_nothing_and_of_everything() -> None:
    free = np.array([-0.2, 0.4, 1.3])
    nothing = within_bounds(free, np.stack([free, free], axis=1), level=0.0)
    np.testing.assert_array_equal(nothing, [[0.0, 0.0], [0.4, 0.4], [1.0, 1.0]])
    everything = within_bounds(free, np.array([[-np.inf, np.inf]] * 3), level=1.0)
    np.testing.assert_array_equal(everything, [[0.0, 1.0]] * 3)


def test_both_sides_are_alike() -> None:
    np.testing.assert_allclose(ends(-0.2, 0.1), 1.0 - ends(1.2, 0.1)[::-1])


def test_a_class_that_is_everywhere_does_not_get_an_interval_of_a_point() -> None:
    """A classifier that is less sure of one class's texts in the other language looks so."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 600)
    logits = rng.normal(size=(600, 3)) + 1.5 * np.eye(3)[labels]
    other = rng.normal(size=(600, 3)) * 0.2 + np.array([3.0, -3.0, -3.0])
    found = PriorEstimator(softmax(logits), labels).estimate(softmax(other))
    assert found.raw_prior[0] > 0.95
    assert found.interval[0, 0] < 0.95
    assert found.interval[1:, 1].max() > 0.05


def test_an_interval_is_widened_to_what_stands_beside_it_and_no_further() -> None:
    interval = np.array([[0.1, 0.2], [0.1, 0.2], [0.1, 0.2]])
    found = holding(interval, np.array([0.05, 0.15, 0.3]))
    np.testing.assert_array_equal(found, [[0.05, 0.2], [0.1, 0.2], [0.1, 0.3]])
