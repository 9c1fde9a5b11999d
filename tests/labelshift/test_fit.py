"""What every method's estimate shares: its spread, its significance and its shrinkage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats

from isogloss.labelshift.fit import Fit, shift_p_value, shrunk

PRIOR = np.array([0.5, 0.3, 0.2])
DIRECTION = np.array([[1.0, -1.0], [-1.0, 1.0]])


def fit(prior: Any, covariance: Any, **changes: Any) -> Fit:
    prior = np.asarray(prior, dtype=float)
    nothing = np.zeros((len(prior), len(prior)))
    values = {
        "prior": prior,
        "free": prior,
        "source_influence": np.zeros((0, len(prior))),
        "target_influence": np.zeros((0, len(prior))),
        "extra": np.asarray(covariance),
        "unknown": nothing,
    }
    return Fit(**(values | changes))


def influences(rows: int, seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(rows, 3)) ** 3 * 0.002
    found -= found.mean(axis=1, keepdims=True)
    return np.asarray(found - found.mean(axis=0))


@pytest.mark.parametrize("rows", [40, 499, 1700])
def test_draws_spread_as_the_covariance_says(rows: int) -> None:
    of = fit(
        PRIOR,
        1e-4 * (np.eye(3) - 1 / 3),
        source_influence=influences(rows, 0),
        target_influence=influences(rows, 1),
        unknown=np.diag([0.0, 0.0, 0.01]),
    )
    draws = of.resampled(seed=0, draws=6000)
    wanted = of.covariance + of.unknown
    np.testing.assert_allclose(draws.mean(axis=0), PRIOR, atol=0.01)
    np.testing.assert_allclose(np.cov(draws.T), wanted, atol=0.06 * np.diag(wanted).max())


def test_draws_are_weighted_resamples() -> None:
    """Each adds whole multiples of a bundle's influence, and as many as there are."""
    one = np.zeros((10, 2))
    one[3] = [1.0, -1.0]
    draws = fit([0.5, 0.5], np.zeros((2, 2)), target_influence=one).resampled(seed=0)
    times = draws[:, 0] - 0.5
    np.testing.assert_allclose(times, np.round(times), atol=1e-9)
    assert times.min() == -1.0
    assert times.mean() == pytest.approx(0.0, abs=0.1)
    assert times.var() == pytest.approx(0.9, abs=0.15)


def test_draws_follow_the_seed() -> None:
    of = fit(PRIOR, 0.01 * np.eye(3))
    np.testing.assert_array_equal(of.resampled(seed=1), of.resampled(seed=1))
    assert not np.array_equal(of.resampled(seed=1), of.resampled(seed=2))


def test_widening_multiplies_the_variance_alone() -> None:
    of = fit(PRIOR, 0.01 * np.eye(3), source_influence=influences(20, 0))
    np.testing.assert_allclose(of.widened(4.0).covariance, 4.0 * of.covariance)
    np.testing.assert_array_equal(of.widened(4.0).prior, of.prior)


def test_without_any_noise_the_draws_are_the_estimate() -> None:
    draws = fit(PRIOR, np.zeros((3, 3))).resampled(seed=0)
    np.testing.assert_array_equal(draws, np.tile(PRIOR, (500, 1)))


@pytest.mark.parametrize("deviations", [0.0, 0.5, 1.96, 4.0])
def test_the_test_is_the_normal_one_for_two_classes(deviations: float) -> None:
    prior = np.array([0.5, 0.5])
    moved = prior + 0.1 * deviations * np.array([1.0, -1.0])
    found = shift_p_value(fit(moved, 0.01 * DIRECTION), prior)
    assert found == pytest.approx(2 * scipy.stats.norm.sf(deviations))


def test_p_value_is_uniform_without_a_shift() -> None:
    rng = np.random.default_rng(0)
    root = (np.eye(3) - 1 / 3) @ rng.normal(size=(3, 5)) * 0.05
    found = [
        shift_p_value(fit(PRIOR + root @ rng.normal(size=5), root @ root.T), PRIOR)
        for _ in range(500)
    ]
    assert scipy.stats.kstest(found, "uniform").pvalue > 0.01


def test_exact_estimates_are_significant_unless_they_are_the_source_s() -> None:
    assert shift_p_value(fit([0.4, 0.4, 0.2], np.zeros((3, 3))), PRIOR) == 0.0
    assert shift_p_value(fit(PRIOR, np.zeros((3, 3))), PRIOR) == 1.0
    assert shift_p_value(fit([1.0], [[0.0]]), np.ones(1)) == 1.0


def test_sure_shifts_stay_and_unsure_ones_vanish() -> None:
    prior, estimate = np.array([0.5, 0.5]), np.array([0.7, 0.3])
    exact, kept = shrunk(fit(estimate, 0.0 * DIRECTION), prior)
    np.testing.assert_array_equal(exact, estimate)
    assert kept == 1.0
    fallback, kept = shrunk(fit(estimate, 0.25 * DIRECTION), prior)
    np.testing.assert_array_equal(fallback, prior)
    assert kept == 0.0
    between, kept = shrunk(fit(estimate, 0.01 * DIRECTION), prior)
    assert kept == pytest.approx(1 - 0.02 / 0.08)
    np.testing.assert_allclose(between, prior + kept * (estimate - prior))


def test_more_noise_never_keeps_more() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 3))
    kept = [
        shrunk(fit([0.2, 0.2, 0.6], scale * root @ root.T), PRIOR)[1]
        for scale in np.logspace(-6, 1, 25)
    ]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > 0.99
    assert kept[-1] == 0.0


def test_shrinking_lowers_the_error_where_shifts_are_small() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([0.47, 0.31, 0.22])
    root = (np.eye(3) - 1 / 3) * 0.03
    errors = []
    for _ in range(300):
        noisy = fit(truth + root @ rng.normal(size=3), root @ root.T)
        errors.append([((p - truth) ** 2).sum() for p in (noisy.prior, shrunk(noisy, PRIOR)[0])])
    assert np.mean(errors, axis=0)[1] < 0.8 * np.mean(errors, axis=0)[0]


def test_no_shift_stays_none() -> None:
    prior, kept = shrunk(fit(PRIOR, np.zeros((3, 3))), PRIOR)
    np.testing.assert_array_equal(prior, PRIOR)
    assert kept == 0.0
