"""Directions of a violation: what classes' logits, moved at random, do to the statistics."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.labelshift.calibration import log_probabilities
from isogloss.labelshift.moments import statistics_of
from isogloss.labelshift.rows import SourceRows, source_rows
from isogloss.labelshift.violation import violation_directions
from tests.helpers.shift import draw_rows, softmax

PRIOR = np.array([0.5, 0.3, 0.2])
GUESS = np.array([0.2, 0.3, 0.5])
STATISTIC, BASIS = statistics_of(PRIOR, GUESS, ("tilted", "hard", "top"))
REST = 0.01


def source(rows: int, *, calibration: str = "none") -> SourceRows:
    probabilities, labels = draw_rows(rows, PRIOR, seed=0, separation=1.2)
    return source_rows(
        probabilities, labels, calibration=calibration, groups=None, features=None, seed=0
    )


def test_spread_of_the_statistics_is_that_of_simulated_languages() -> None:
    of = source(1500)
    found = violation_directions(of, STATISTIC, BASIS, prior=GUESS) - REST * np.eye(BASIS.shape[1])
    rng = np.random.default_rng(0)
    logs, members = log_probabilities(of.calibrated), np.eye(3)[of.labels]
    means = []
    for _ in range(600):
        offsets, scales = 0.2 * rng.normal(size=(3, 3)), 0.2 * rng.normal(size=3)
        moved = softmax(logs * (1.0 + scales[of.labels, None]) + offsets[of.labels])
        by_class = members.T @ STATISTIC(moved, moved) / members.sum(axis=0)[:, None]
        means.append(GUESS @ by_class @ BASIS)
    wanted = np.cov(np.array(means).T) / 0.2**2
    assert np.linalg.norm(found - wanted) < 0.2 * np.linalg.norm(wanted)


def test_every_direction_is_possible() -> None:
    found = violation_directions(source(50), STATISTIC, BASIS, prior=GUESS)
    np.testing.assert_allclose(found, found.T)
    assert np.linalg.eigvalsh(found).min() >= REST * (1 - 1e-9)


def test_classes_of_no_share_do_not_move_anything() -> None:
    only = violation_directions(source(300), STATISTIC, BASIS, prior=np.array([1.0, 0.0, 0.0]))
    both = violation_directions(source(300), STATISTIC, BASIS, prior=GUESS)
    values = [np.linalg.eigvalsh(d) > REST * 1.001 for d in (only, both)]
    assert values[0].sum() <= values[1].sum()
    assert np.isfinite(only).all()


@pytest.mark.parametrize("calibration", ["none", "bcts"])
def test_a_sample_of_very_many_rows_is_enough(calibration: str) -> None:
    many = source(9000, calibration=calibration)
    first, again, other = (
        violation_directions(many, STATISTIC, BASIS, prior=GUESS, seed=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.linalg.norm(first - other) < 0.3 * np.linalg.norm(first)
    assert not np.array_equal(first, other)
