"""The prior of greatest likelihood: the naive iteration's, with influences that are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isogloss.labelshift import estimate_prior
from isogloss.labelshift.likelihood import Likelihood, likelihood_prior
from isogloss.labelshift.measures import total_variation
from isogloss.labelshift.rows import source_rows, target_rows
from tests.helpers.shift import draw_rows

SOURCE = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.1, 0.3, 0.6])


def estimate(
    probabilities: np.ndarray,
    labels: np.ndarray,
    others: np.ndarray,
    *,
    calibration: str = "none",
    groups: Any = None,
) -> Likelihood:
    of = source_rows(
        probabilities, labels, calibration=calibration, groups=groups, features=None, seed=0
    )
    return likelihood_prior(of, target_rows(of, others, groups=None, features=None, seed=0))


def naive(probabilities: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Saerens' iteration, row by row, with half a row of the source prior."""
    found = prior.copy()
    for _ in range(3000):
        counts = 0.5 * prior
        for p in probabilities:
            posterior = p * found / prior
            counts = counts + posterior / posterior.sum()
        found = counts / counts.sum()
    return found


def sides(source: int, target: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    probabilities, labels = draw_rows(source, SOURCE, seed=seed)
    others, _ = draw_rows(target, TARGET, seed=1000 + seed, source_prior=SOURCE)
    return probabilities, labels, others


def test_equals_the_naive_iteration() -> None:
    probabilities, labels, others = sides(80, 40)
    found = estimate(probabilities, labels, others).prior
    np.testing.assert_allclose(found, naive(others, np.bincount(labels) / 80), atol=1e-6)


def test_finds_the_prior_of_many_rows() -> None:
    assert total_variation(estimate(*sides(20_000, 20_000)).prior, TARGET) < 0.015


def test_half_a_row_keeps_every_share_above_0() -> None:
    certain = np.eye(3)[[0, 2, 2, 2]]
    found = estimate(np.eye(3), np.array([0, 1, 2]), certain)
    np.testing.assert_allclose(found.prior, (np.array([1, 0, 3]) + 0.5 / 3) / 4.5, atol=1e-6)


@pytest.mark.parametrize("calibration", ["none", "temperature", "bcts", "vector"])
def test_influence_is_what_a_row_left_out_takes_away(calibration: str) -> None:
    """On both sides; for the source through its prior and its calibration too."""
    probabilities, labels, others = sides(150, 120)
    probabilities = probabilities**1.5 / (probabilities**1.5).sum(axis=1, keepdims=True)
    whole = estimate(probabilities, labels, others, calibration=calibration)
    for side, influence in (("source", whole.source_influence), ("target", whole.target_influence)):
        taken = []
        for row in range(0, 120, 4):
            kept = np.arange(150 if side == "source" else 120) != row
            left = (
                (probabilities[kept], labels[kept], others)
                if side == "source"
                else (probabilities, labels, others[kept])
            )
            taken.append(whole.prior - estimate(*left, calibration=calibration).prior)
        known, seen = influence[0:120:4].ravel(), np.ravel(taken)
        assert np.corrcoef(known, seen)[0, 1] > 0.99
        assert np.linalg.norm(known) / np.linalg.norm(seen) == pytest.approx(1.0, abs=0.08)


def test_influences_of_a_sentence_are_those_of_its_words() -> None:
    probabilities, labels, others = sides(60, 60)
    words = estimate(probabilities, labels, others, calibration="bcts")
    groups = np.arange(60) // 6
    together = estimate(probabilities, labels, others, calibration="bcts", groups=groups)
    np.testing.assert_allclose(together.prior, words.prior)
    summed = words.source_influence.reshape(10, 6, 3).sum(axis=1)
    np.testing.assert_allclose(together.source_influence, summed, atol=1e-12)


def test_spreads_as_fresh_samples_do() -> None:
    found = [estimate(*sides(400, 300, seed), calibration="bcts") for seed in range(60)]
    known = np.mean(
        [(f.source_influence**2).sum(0) + (f.target_influence**2).sum(0) for f in found], axis=0
    )
    seen = np.var([f.prior for f in found], axis=0)
    assert (known / seen > 0.6).all()
    assert (known / seen < 1.7).all()


@pytest.mark.parametrize("rows", [1, 10])
def test_few_target_rows_leave_the_prior_open(rows: int) -> None:
    found = estimate(*sides(300, rows))
    assert len(found.target_influence) == 0
    deviation = np.sqrt(np.diag(found.stand_in))
    assert (deviation > 0.2 / np.sqrt(rows)).any()
    np.testing.assert_allclose(found.stand_in.sum(axis=0), 0.0, atol=1e-3)
    assert not estimate(*sides(300, 60)).stand_in.any()


def test_beats_the_quadratic_program_where_label_shift_holds() -> None:
    errors: dict[str, list[float]] = {"mlls": [], "bbse": []}
    for seed in range(15):
        for method, found in errors.items():
            prior = estimate_prior(*sides(150, 300, seed), method=method).prior
            found.append(total_variation(prior, TARGET))
    assert np.mean(errors["mlls"]) < np.mean(errors["bbse"])
