"""Mixture weights: where expectation maximisation ends, on every kind of densities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isogloss.labelshift import mixture
from isogloss.labelshift.mixture import mixture_weights
from tests.helpers.shift import draw_rows


def naive(densities: np.ndarray, start: np.ndarray, pseudo_rows: float, steps: int) -> np.ndarray:
    """Expectation maximisation, row by row and step by step."""
    shares = start
    for _ in range(steps):
        counts = pseudo_rows * start
        for row in densities:
            counts = counts + row * shares / (row @ shares)
        shares = counts / counts.sum()
    return shares


def gap(densities: np.ndarray, shares: np.ndarray) -> float:
    """How far shares are from greatest likelihood: no component's mean ratio exceeds 1."""
    ratios = (densities / (densities @ shares)[:, None]).mean(axis=0)
    return float(max((ratios - 1.0).max(), np.abs((ratios - 1.0) * shares).max()))


def problem(rows: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(size), rows) + 1e-3, rng.dirichlet(np.full(size, 5.0))


@pytest.mark.parametrize("pseudo_rows", [0.0, 0.5, 20.0])
@pytest.mark.parametrize(("rows", "size"), [(30, 2), (40, 3), (5, 4), (60, 6)])
def test_ends_where_expectation_maximisation_does(rows: int, size: int, pseudo_rows: float) -> None:
    densities, start = problem(rows, size, seed=rows)
    found = mixture_weights(densities, start, pseudo_rows=pseudo_rows)
    wanted = naive(densities, start, pseudo_rows, 3000)
    np.testing.assert_allclose(found, wanted, atol=2e-3 if pseudo_rows == 0 else 2e-6)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_no_share_can_be_raised(seed: int) -> None:
    size = int(np.random.default_rng(seed).integers(2, 41))
    densities, start = problem(int(10 * 1.3**seed), size, seed)
    found = mixture_weights(densities, start)
    assert found.min() >= 0.0
    assert gap(densities, found) < 1e-7


@pytest.mark.parametrize(("size", "rows"), [(3, 300), (10, 500), (20, 200), (40, 100)])
def test_components_that_are_absent_take_no_more_passes(
    size: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is one whose share a long step would make 0 lost where pseudo-rows keep it."""
    start = np.random.default_rng(size).dirichlet(np.full(size, 5.0))
    prior = np.zeros(size)
    prior[:2] = [0.9, 0.1]
    densities = draw_rows(rows, prior, seed=size, source_prior=start)[0] / start
    passes = 0
    inner = mixture._model

    def count(*arguments: Any) -> Any:
        nonlocal passes
        passes += 1
        return inner(*arguments)

    monkeypatch.setattr(mixture, "_model", count)
    found = mixture_weights(densities, start, pseudo_rows=0.5)
    assert passes < 25
    ratios = (densities / (densities @ found)[:, None]).sum(axis=0) + 0.5 * start / found
    np.testing.assert_allclose(ratios, rows + 0.5, rtol=1e-5)
    passes = 0
    assert gap(densities, mixture_weights(densities, start)) < 1e-7
    assert passes < 25


def test_more_rows_than_a_block_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    densities, start = problem(3000, 5, seed=0)
    whole = mixture_weights(densities, start, pseudo_rows=0.5)
    monkeypatch.setattr(mixture, "_BLOCK", 700)
    np.testing.assert_allclose(mixture_weights(densities, start, pseudo_rows=0.5), whole, atol=1e-9)


def test_order_and_scale_of_rows_and_order_of_components_do_not_matter() -> None:
    densities, start = problem(200, 5, seed=3)
    found = mixture_weights(densities, start, pseudo_rows=0.5)
    rng = np.random.default_rng(0)
    rows, components = rng.permutation(200), rng.permutation(5)
    scaled = densities[rows] * rng.uniform(0.01, 100, (200, 1))
    other = mixture_weights(scaled[:, components], start[components], pseudo_rows=0.5)
    np.testing.assert_allclose(other, found[components], atol=1e-7)


def test_half_the_precision_is_enough() -> None:
    densities, start = problem(2000, 6, seed=1)
    found = mixture_weights(densities.astype(np.float32), start)
    np.testing.assert_allclose(found, mixture_weights(densities, start), atol=1e-4)


def test_certain_rows_give_counts() -> None:
    start = np.array([0.5, 0.3, 0.2])
    rows = np.eye(3)[[0, 2, 2, 2]]
    np.testing.assert_allclose(mixture_weights(rows, start), [0.25, 0.0, 0.75], atol=1e-9)
    held = mixture_weights(rows, start, pseudo_rows=1.0)
    np.testing.assert_allclose(held, [1.5 / 5, 0.3 / 5, 3.2 / 5], atol=1e-7)


def test_rows_that_tell_nothing_leave_the_pseudo_rows() -> None:
    start = np.array([0.5, 0.3, 0.2])
    found = mixture_weights(np.ones((7, 3)), start, pseudo_rows=0.5)
    np.testing.assert_allclose(found, start, atol=1e-7)
    assert mixture_weights(np.ones((7, 3)), start).sum() == pytest.approx(1.0)


def test_one_row_and_one_component() -> None:
    row = np.array([[0.2, 1.0, 0.5]])
    start = np.full(3, 1 / 3)
    np.testing.assert_allclose(mixture_weights(row, start), [0.0, 1.0, 0.0], atol=1e-6)
    held = mixture_weights(row, start, pseudo_rows=0.5)
    np.testing.assert_allclose(held, naive(row, start, 0.5, 3000), atol=1e-7)
    assert held.min() > 0.0
    np.testing.assert_array_equal(mixture_weights(np.ones((4, 1)), np.ones(1)), [1.0])


def test_components_alike_and_absent_ones_are_defined() -> None:
    densities, _ = problem(100, 3, seed=5)
    twice = densities[:, [0, 1, 1, 2, 2]]
    twice[:, 4] = 0.0
    found = mixture_weights(twice, np.full(5, 0.2))
    single = mixture_weights(densities, np.full(3, 1 / 3))
    np.testing.assert_allclose([found[0], found[1] + found[2], found[3]], single, atol=1e-6)
    assert found[4] == 0.0


def test_extreme_ratios_stay_finite() -> None:
    rng = np.random.default_rng(0)
    densities = np.exp(rng.normal(size=(50, 4)) * 200.0 - 300.0).clip(1e-300, 1e250)
    densities[0] = 0.0
    for pseudo_rows in (0.0, 0.5):
        found = mixture_weights(densities, np.full(4, 0.25), pseudo_rows=pseudo_rows)
        assert np.isfinite(found).all()
        assert found.sum() == pytest.approx(1.0)
