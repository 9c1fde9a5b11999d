"""The estimators of the literature against their own definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize

from isogloss.labelshift.classical import bbse_fit, kernel_fit, rlls_fit
from isogloss.labelshift.measures import total_variation
from isogloss.labelshift.quadratic import solve_weights
from isogloss.labelshift.rows import SourceRows, TargetRows, source_rows, target_rows
from isogloss.labelshift.statistics import gather_statistics
from tests.helpers.shift import draw_rows

SOURCE = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.15, 0.35, 0.5])


def sides(
    rows: int = 300,
    others: int = 200,
    *,
    leave: tuple[int | None, int | None] = (None, None),
    calibration: str = "none",
    features: bool = False,
    prior: Any = TARGET,
) -> tuple[SourceRows, TargetRows]:
    """Both sides, if asked for without one row."""
    probabilities, labels = draw_rows(rows, SOURCE, seed=0, separation=1.5)
    found, truth = draw_rows(others, prior, seed=1, source_prior=SOURCE, separation=1.5)
    kept = [np.arange(n) != left for n, left in zip((rows, others), leave, strict=True)]
    rng = np.random.default_rng(2)
    known = [rng.normal(size=(len(y), 2)) + 2.0 * y[:, None] for y in (labels, truth)]
    of = source_rows(
        probabilities[kept[0]],
        labels[kept[0]],
        calibration=calibration,
        groups=None,
        features=known[0] if features else None,
        seed=0,
    )
    given = known[1] if features else None
    return of, target_rows(of, found[kept[1]], groups=None, features=given, seed=0)


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("calibration", ["none", "bcts"])
def test_bbse_is_the_quadratic_program_on_the_mean_predictions(
    hard: bool, calibration: str
) -> None:
    source, target = sides(calibration=calibration)
    probabilities = source.probabilities if hard else source.calibrated
    others = target.probabilities if hard else target.calibrated
    statistics = gather_statistics(probabilities, source.labels, others, hard=hard)
    wanted = solve_weights(statistics.confusion, statistics.target_mean, source.prior)
    found = bbse_fit(source, target, hard=hard)
    np.testing.assert_allclose(found.prior, wanted * source.prior, atol=1e-9)
    np.testing.assert_allclose(found.free, found.prior, atol=1e-9)


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("side", [0, 1])
def test_influence_is_what_a_row_left_out_takes_away(hard: bool, side: int) -> None:
    whole = bbse_fit(*sides(), hard=hard)
    influence = (whole.source_influence, whole.target_influence)[side]
    rows = range(0, 200, 5)
    lefts = [(row, None) if side == 0 else (None, row) for row in rows]
    taken = np.ravel([whole.free - bbse_fit(*sides(leave=left), hard=hard).free for left in lefts])
    known = influence[::5][: len(lefts)].ravel()
    assert np.corrcoef(known, taken)[0, 1] > 0.98
    assert np.linalg.norm(known) / np.linalg.norm(taken) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("rows", "others"), [(40, 30), (300, 200)])
@pytest.mark.parametrize("prior", [SOURCE, TARGET])
def test_rlls_minimises_what_its_paper_says(rows: int, others: int, prior: np.ndarray) -> None:
    source, target = sides(rows, others, prior=prior)
    statistics = gather_statistics(source.calibrated, source.labels, target.calibrated, hard=False)
    confusion, mean = statistics.confusion, statistics.target_mean
    log_term = np.log(2 * 3 / 0.05)
    bound = 3.0 * (2.0 * log_term / (3.0 * rows) + np.sqrt(2.0 * log_term / rows))

    def objective(weights: np.ndarray) -> float:
        misfit = np.linalg.norm(confusion @ weights - mean)
        return float(misfit + 0.01 * bound * np.linalg.norm(weights - 1.0))

    found = rlls_fit(source, target).prior
    rng = np.random.default_rng(0)
    # The objective is convex, so that no prior nearby is better says that none is.
    steps = rng.normal(size=(3000, 3)) * 10.0 ** rng.uniform(-4, 0, (3000, 1))
    nearby = np.maximum(found + steps - steps.mean(axis=1, keepdims=True), 0.0)
    nearby /= nearby.sum(axis=1, keepdims=True)
    least = min(objective(prior / source.prior) for prior in nearby)
    assert objective(found / source.prior) <= least + 1e-9


def test_rlls_never_moves_further_than_bbse() -> None:
    for others in (20, 100, 1000):
        source, target = sides(100, others)
        bold = bbse_fit(source, target, hard=False)
        careful = rlls_fit(source, target)
        lengths = [np.linalg.norm(f.prior / source.prior - 1.0) for f in (careful, bold)]
        assert lengths[0] <= lengths[1] + 1e-6
        assert np.trace(careful.covariance) <= np.trace(bold.covariance) * (1 + 1e-9)


def test_kernel_matching_is_nearest_in_the_kernel() -> None:
    """Against the exact Gaussian kernel on a grid of priors."""
    source, target = sides(400, 300)
    found = [kernel_fit(source, target, seed=seed) for seed in range(20)]
    width = np.mean([fit.diagnostics["width"] for fit in found])

    def kernel(first: np.ndarray, second: np.ndarray) -> float:
        squares = ((first[:, None] - second[None]) ** 2).sum(axis=2)
        return float(np.exp(-squares / (2 * width**2)).mean())

    parts = [source.calibrated[source.labels == j] for j in range(3)]
    inner = np.array([[kernel(a, b) for b in parts] for a in parts])
    cross = np.array([kernel(a, target.calibrated) for a in parts])
    best = scipy.optimize.minimize(
        lambda p: p @ inner @ p - 2.0 * cross @ p,
        np.full(3, 1 / 3),
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1.0},
        options={"ftol": 1e-12},
    ).x
    assert total_variation(np.mean([fit.prior for fit in found], axis=0), best) < 0.003
    assert max(total_variation(fit.prior, best) for fit in found) < 0.02
    assert total_variation(best, TARGET) < 0.1


def test_kernel_matching_uses_the_features_that_both_sides_have() -> None:
    with_features = kernel_fit(*sides(features=True), seed=0)
    without = kernel_fit(*sides(), seed=0)
    assert not np.allclose(with_features.prior, without.prior)
    assert total_variation(with_features.prior, TARGET) < 0.1
    source, target = sides(features=True)
    half = target_rows(source, target.probabilities, groups=None, features=None, seed=0)
    found = kernel_fit(source, half, seed=0).prior
    np.testing.assert_allclose(found, without.prior, rtol=1e-12)


def test_kernel_matching_follows_the_seed() -> None:
    first, again, other = (kernel_fit(*sides(), seed=seed).prior for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_allclose(first, other, atol=0.03)
