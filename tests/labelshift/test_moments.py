"""Moments: naive averages, and influences that spread as resampled rows do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isogloss.labelshift import moments as module
from isogloss.labelshift.moments import (
    Moments,
    effective_rows,
    gather_moments,
    of_rows,
    statistics_of,
    tilted,
)
from isogloss.labelshift.rows import SourceRows, TargetRows, source_rows, target_rows
from tests.helpers.shift import draw_rows

SOURCE = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.2, 0.3, 0.5])
BLOCKS = ("tilted", "tilted squares", "calibrated", "hard", "top", "entropy")


def sides(
    rows: int = 300, target_rows_: int = 200, *, repeat: int = 1, grouped: bool = False
) -> tuple[SourceRows, TargetRows]:
    """Each row stands `repeat` times, in one group if asked for."""
    probabilities, labels = draw_rows(rows, SOURCE, seed=0, separation=1.0)
    others, _ = draw_rows(target_rows_, TARGET, seed=1, source_prior=SOURCE, separation=1.0)
    groups = [np.repeat(np.arange(n), repeat) if grouped else None for n in (rows, target_rows_)]
    of = source_rows(
        np.repeat(probabilities, repeat, axis=0),
        np.repeat(labels, repeat),
        calibration="none",
        groups=groups[0],
        features=None,
        seed=0,
    )
    repeated = np.repeat(others, repeat, axis=0)
    return of, target_rows(of, repeated, groups=groups[1], features=None, seed=0)


def gather(source: SourceRows, target: TargetRows, blocks: Any = ("tilted", "top")) -> Moments:
    statistic, basis = statistics_of(source.prior, TARGET, blocks)
    return gather_moments(source, target, of_rows(statistic), basis, prior=TARGET)


def test_statistics_are_what_they_are_called() -> None:
    source, _ = sides()
    rows = source.calibrated
    statistic, basis = statistics_of(source.prior, TARGET, BLOCKS)
    found = np.split(statistic(rows, rows), [3, 6, 9, 12, 13], axis=1)
    posterior = rows * TARGET / source.prior
    posterior /= posterior.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found[0], posterior)
    np.testing.assert_allclose(found[1], posterior**2)
    np.testing.assert_array_equal(found[2], rows)
    np.testing.assert_array_equal(found[3].argmax(axis=1), rows.argmax(axis=1))
    np.testing.assert_array_equal(found[4][:, 0], rows.max(axis=1))
    np.testing.assert_allclose(found[5][:, 0], -(rows * np.log(rows)).sum(axis=1) / np.log(3))
    assert basis.shape == (14, 10)
    np.testing.assert_allclose(basis.T @ basis, np.eye(10), atol=1e-12)


def test_tilting_to_the_source_prior_changes_nothing() -> None:
    source, _ = sides()
    np.testing.assert_allclose(tilted(source.calibrated, SOURCE, SOURCE), source.calibrated)
    lost = tilted(np.array([[0.0, 1.0]]), np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    np.testing.assert_array_equal(lost, [[0.0, 1.0]])


def test_means_are_the_naive_ones() -> None:
    source, target = sides()
    statistic, basis = statistics_of(source.prior, TARGET, BLOCKS)
    found = gather(source, target, BLOCKS)
    of_source = statistic(source.calibrated, source.probabilities) @ basis
    wanted = np.stack([of_source[source.labels == j].mean(axis=0) for j in range(3)], axis=1)
    np.testing.assert_allclose(found.classes, wanted)
    of_target = statistic(target.calibrated, target.probabilities) @ basis
    np.testing.assert_allclose(found.target, of_target.mean(axis=0))


def test_blocks_do_not_change_the_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = sides(repeat=2, grouped=True)
    whole = gather(source, target)
    monkeypatch.setattr(module, "_BLOCK", 77)
    parts = gather(source, target)
    np.testing.assert_allclose(parts.classes, whole.classes)
    np.testing.assert_allclose(parts.covariance, whole.covariance)


@pytest.mark.parametrize("grouped", [False, True])
def test_covariance_is_that_of_resampled_rows(grouped: bool) -> None:
    """Against drawing rows, or whole groups of three, anew within each class."""
    source, target = sides(repeat=3, grouped=grouped)
    found = gather(source, target)
    statistic, basis = statistics_of(source.prior, TARGET, ("tilted", "top"))
    of_source = statistic(source.calibrated, source.probabilities) @ basis
    of_target = statistic(target.calibrated, target.probabilities) @ basis
    step = 3 if grouped else 1
    rng = np.random.default_rng(0)

    def redraw(rows: np.ndarray) -> np.ndarray:
        starts = rng.integers(0, len(rows) // step, len(rows) // step) * step
        return np.concatenate([rows[starts + i] for i in range(step)]).mean(axis=0)

    gaps = [
        redraw(of_target) - sum(TARGET[j] * redraw(of_source[source.labels == j]) for j in range(3))
        for _ in range(3000)
    ]
    wanted = np.cov(np.array(gaps).T)
    np.testing.assert_allclose(np.diag(found.covariance), np.diag(wanted), rtol=0.12)
    np.testing.assert_allclose(found.covariance, wanted, atol=0.12 * np.diag(wanted).max())


def test_rows_that_stand_several_times_in_a_group_count_once() -> None:
    single = gather(*sides())
    grouped = gather(*sides(repeat=4, grouped=True))
    alone = gather(*sides(repeat=4))
    np.testing.assert_allclose(grouped.covariance, single.covariance, rtol=0.02)
    np.testing.assert_allclose(4 * alone.covariance, single.covariance, rtol=0.02)
    assert grouped.effective_rows == pytest.approx(single.effective_rows)


@pytest.mark.parametrize("rows", [1, 2, 10, 49])
def test_few_target_rows_borrow_the_source_s_spread(rows: int) -> None:
    source, target = sides(4000, rows)
    found = gather(source, target)
    assert len(found.target_influence) == 0
    wanted = gather(*sides(4000, 4000)).covariance
    ratio = np.trace(found.stand_in) * rows / (np.trace(wanted) * 4000)
    assert 0.3 < ratio < 1.5
    assert np.linalg.eigvalsh(found.stand_in).min() > -1e-12


def test_few_sentences_of_equal_words_are_few() -> None:
    together = gather(*sides(400, 8, repeat=5, grouped=True)).stand_in
    alone = gather(*sides(400, 8, repeat=5)).stand_in
    assert 2 < np.trace(together) / np.trace(alone) < 12


def test_one_sentence_is_one_row() -> None:
    source, _ = sides(400)
    rows, _ = draw_rows(30, TARGET, seed=1, source_prior=SOURCE)
    sentence = target_rows(source, rows, groups=[4] * 30, features=None, seed=0)
    row = target_rows(source, rows[:1], groups=None, features=None, seed=0)
    found, wanted = gather(source, sentence).stand_in, gather(source, row).stand_in
    np.testing.assert_allclose(found, wanted)


def test_effective_rows_count_what_is_weighted_equally() -> None:
    source, target = sides(300, 200)
    assert effective_rows(source, target, source.prior) == pytest.approx(200)
    source, target = sides(100, 200)
    assert effective_rows(source, target, source.prior) == pytest.approx(100)
    only = np.array([0.0, 0.0, 1.0])
    assert effective_rows(source, target, only) == pytest.approx((source.labels == 2).sum())
