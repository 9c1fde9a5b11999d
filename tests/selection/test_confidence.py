"""Sureness and variety of predictions: by loops, and at their extremes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.selection.confidence import (
    batch_nuclear_norm,
    information_maximisation,
    mano,
    nuclear_norm,
)
from tests.helpers.candidates import random_rows

ROWS, _ = random_rows(30, 4, seed=0)
LOGITS = np.random.default_rng(1).normal(0.0, 2.0, (30, 4))
PRIOR = np.array([0.4, 0.3, 0.2, 0.1])


def naive_mano(logits: np.ndarray, *, threshold: float, order: int) -> float:
    exponentials = [[math.exp(value) for value in row] for row in logits]
    soft = [[value / sum(row) for value in row] for row in exponentials]
    cells = [value for row in soft for value in row]
    if -sum(math.log(value) for value in cells) / len(cells) <= threshold:
        cells = []
        for row in logits:
            series = [1 + q + q * q / 2 for q in row]
            series = [value - min(series) for value in series]
            cells += [value / sum(series) for value in series]
    return float((sum(value**order for value in cells) / len(cells)) ** (1 / order))


@pytest.mark.parametrize("threshold", [0.0, 5.0])
@pytest.mark.parametrize("order", [2, 4])
def test_mano_by_loops(threshold: float, order: int) -> None:
    wanted = naive_mano(LOGITS, threshold=threshold, order=order)
    assert mano(LOGITS, threshold=threshold, order=order) == pytest.approx(wanted)


def test_mano_takes_the_softmax_of_sure_logits() -> None:
    sure = 20.0 * np.eye(4)
    assert mano(sure) == pytest.approx(0.25**0.25)
    assert mano(sure) == pytest.approx(mano(sure, threshold=0.0))
    assert mano(LOGITS) != pytest.approx(mano(LOGITS, threshold=0.0))


def test_mano_in_two_classes_says_nothing_unless_they_are_sure() -> None:
    assert mano(LOGITS[:, :2]) == pytest.approx(mano(LOGITS[:, 2:]))


def test_mano_of_equal_logits_is_finite() -> None:
    assert mano(np.zeros((3, 4))) == 0.0


def test_nuclear_norm_by_singular_values() -> None:
    for rows in (ROWS, ROWS[:3]):
        values = np.linalg.svd(rows)[1]
        wanted = values.sum() / math.sqrt(min(rows.shape) * len(rows))
        assert nuclear_norm(rows) == pytest.approx(wanted)


def test_nuclear_norm_is_1_for_sure_and_even_predictions() -> None:
    assert nuclear_norm(np.tile(np.eye(4), (5, 1))) == pytest.approx(1.0)
    assert nuclear_norm(np.tile(np.eye(4)[0], (20, 1))) == pytest.approx(0.5)
    assert nuclear_norm(np.full((20, 4), 0.25)) == pytest.approx(0.25)


def test_one_batch_of_all_rows_is_the_nuclear_norm() -> None:
    found = batch_nuclear_norm(ROWS)
    assert found == pytest.approx(nuclear_norm(ROWS) * math.sqrt(4 * 30) / 30)


def test_batches_by_a_loop() -> None:
    order = np.random.default_rng(3).permutation(30)
    norms = [np.linalg.norm(ROWS[order[7 * b : 7 * b + 7]], "nuc") / 7 for b in range(4)]
    assert batch_nuclear_norm(ROWS, batch=7, seed=3) == pytest.approx(np.mean(norms))
    found = batch_nuclear_norm(ROWS, batch=7, most=2, seed=3)
    assert found == pytest.approx(np.mean(norms[:2]))


def test_batches_under_a_prior_by_a_loop() -> None:
    order = np.random.default_rng(3).permutation(30)
    scale = [[math.sqrt(4 * share) for share in PRIOR]] * 7
    norms = [np.linalg.norm(ROWS[order[7 * b : 7 * b + 7]] * scale, "nuc") / 7 for b in range(4)]
    found = batch_nuclear_norm(ROWS, prior=PRIOR, batch=7, seed=3)
    assert found == pytest.approx(np.mean(norms))
    assert found != pytest.approx(batch_nuclear_norm(ROWS, batch=7, seed=3), abs=1e-3)
    even = batch_nuclear_norm(ROWS, prior=np.full(4, 0.25), batch=7, seed=3)
    assert even == pytest.approx(batch_nuclear_norm(ROWS, batch=7, seed=3))


def test_batches_under_a_prior_are_best_sure_and_in_its_shares() -> None:
    """Of all sure predictions of ten rows, and of unsure ones of the same shares."""
    found = {
        counts: batch_nuclear_norm(np.repeat(np.eye(4), counts, axis=0), prior=PRIOR)
        for counts in itertools.product(range(11), repeat=4)
        if sum(counts) == 10
    }
    assert max(found, key=lambda counts: found[counts]) == (4, 3, 2, 1)
    assert found[4, 3, 2, 1] == pytest.approx(math.sqrt(4 / 10))
    for (*counts,), value in found.items():
        shared = sum(math.sqrt(q / 10 * p) for q, p in zip(counts, PRIOR, strict=True))
        assert value == pytest.approx(math.sqrt(4 / 10) * shared)
    sure = np.repeat(np.eye(4), [4, 3, 2, 1], axis=0)
    unsure = 0.7 * sure + 0.3 * PRIOR
    assert batch_nuclear_norm(unsure, prior=PRIOR) < found[4, 3, 2, 1] - 0.05


def naive_information(rows: np.ndarray, prior: np.ndarray) -> float:
    entropy = -sum(p * math.log(p) for row in rows for p in row) / len(rows)
    count, size = rows.shape
    smooth = [
        [(share + 0.5 / count) / (1 + 0.5 * size / count) for share in shares]
        for shares in (rows.mean(axis=0), prior)
    ]
    divergence = sum(p * math.log(p / q) for p, q in zip(*smooth, strict=True))
    return -entropy - divergence


def test_information_by_loops() -> None:
    assert information_maximisation(ROWS, PRIOR) == pytest.approx(naive_information(ROWS, PRIOR))


def test_information_under_a_uniform_prior_is_the_mutual_one() -> None:
    many = np.tile(ROWS, (1000, 1))
    mean = ROWS.mean(axis=0)
    mutual = -(mean @ np.log(mean)) + (ROWS * np.log(ROWS)).sum(axis=1).mean()
    found = information_maximisation(many, np.full(4, 0.25))
    assert found == pytest.approx(mutual - math.log(4), abs=1e-4)


def test_information_is_greatest_for_sure_predictions_in_the_prior_s_shares() -> None:
    sure = np.repeat(np.eye(4), [4, 3, 2, 1], axis=0)
    assert information_maximisation(sure, PRIOR) == pytest.approx(0.0, abs=1e-12)
    assert information_maximisation(sure, np.full(4, 0.25)) < -0.01
    assert information_maximisation(0.9 * sure + 0.025, PRIOR) < -0.01


def test_a_class_of_no_share_costs_a_finite_amount() -> None:
    found = information_maximisation(ROWS, [0.5, 0.5, 0.0, 0.0])
    assert math.isfinite(found)
    assert found < information_maximisation(ROWS, np.full(4, 0.25))


def test_the_order_of_rows_and_classes_is_nothing() -> None:
    rng = np.random.default_rng(2)
    rows, classes = rng.permutation(30), rng.permutation(4)
    moved, logits = ROWS[rows][:, classes], LOGITS[rows][:, classes]
    assert mano(logits) == pytest.approx(mano(LOGITS))
    assert nuclear_norm(moved) == pytest.approx(nuclear_norm(ROWS))
    assert batch_nuclear_norm(moved) == pytest.approx(batch_nuclear_norm(ROWS))
    found = batch_nuclear_norm(moved, prior=PRIOR[classes])
    assert found == pytest.approx(batch_nuclear_norm(ROWS, prior=PRIOR))
    found = information_maximisation(moved, PRIOR[classes])
    assert found == pytest.approx(information_maximisation(ROWS, PRIOR))


def test_unusable_input_is_refused() -> None:
    with pytest.raises(IsoglossError, match="E400: the target logits"):
        mano([[np.nan, 0.0]])
    with pytest.raises(IsoglossError, match="E404"):
        mano(np.zeros((0, 3)))
    with pytest.raises(IsoglossError, match="E405"):
        mano([0.0, 1.0])
    for measure in (nuclear_norm, batch_nuclear_norm):
        with pytest.raises(IsoglossError, match="E406: the target probabilities"):
            measure(3 * ROWS)
    for compared in (
        lambda prior: information_maximisation(ROWS, prior),
        lambda prior: batch_nuclear_norm(ROWS, prior=prior),
    ):
        with pytest.raises(IsoglossError, match="E402: the target prior"):
            compared([0.5, 0.5, 0.5, 0.5])
        with pytest.raises(IsoglossError, match="E405: the target prior"):
            compared([0.5, 0.5])
