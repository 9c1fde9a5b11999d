"""The whole estimate: better than no shift where there is one, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift.estimation import WeightEstimate, estimate_weights
from isogloss.labelshift.measures import prior_shift_correction, total_variation

PRIOR = np.array([0.4, 0.3, 0.2, 0.1])


def _side(
    rng: np.random.Generator, prior: np.ndarray, num_rows: int
) -> tuple[np.ndarray, np.ndarray]:
    labels = rng.choice(len(prior), num_rows, p=prior)
    logits = rng.normal(size=(num_rows, len(prior))) + 1.5 * np.eye(len(prior))[labels]
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True), labels


def _estimate(
    target_prior: np.ndarray, *, seed: int = 0, num_rows: int = 2000, **options: object
) -> WeightEstimate:
    rng = np.random.default_rng(seed)
    source, labels = _side(rng, PRIOR, num_rows)
    target, _ = _side(rng, target_prior, num_rows)
    return estimate_weights(source, labels, target, draws=100, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("hard", [True, False])
def test_a_large_shift_is_corrected(hard: bool) -> None:
    estimate = _estimate(PRIOR[::-1], hard=hard)
    assert estimate.significant
    assert 0.9 < estimate.shrinkage <= 1.0
    assert prior_shift_correction(estimate.source_prior, estimate.prior, PRIOR[::-1]) > 0.8
    assert estimate.source_prior @ estimate.weights == pytest.approx(1.0)


def test_without_a_shift_the_weights_are_exactly_one() -> None:
    estimates = [_estimate(PRIOR, seed=seed, num_rows=500) for seed in range(30)]
    unmoved = [e for e in estimates if not e.significant]
    assert len(unmoved) >= 25
    for estimate in unmoved:
        np.testing.assert_array_equal(estimate.weights, 1.0)
        assert estimate.shrinkage == 0.0
        assert np.abs(estimate.raw_weights - 1.0).max() > 0.0


def test_shrinking_pays_where_shifts_are_small_and_rows_few() -> None:
    target = np.array([0.36, 0.3, 0.22, 0.12])
    errors = {True: [], False: []}  # type: dict[bool, list[float]]
    for seed in range(30):
        for shrink in errors:
            estimate = _estimate(target, seed=seed, num_rows=200, shrink=shrink)
            errors[shrink].append(total_variation(estimate.prior, target))
    assert np.mean(errors[True]) < 0.75 * np.mean(errors[False])


def test_shrinkage_can_be_turned_off() -> None:
    estimate = _estimate(PRIOR, shrink=False)
    np.testing.assert_array_equal(estimate.weights, estimate.raw_weights)
    assert estimate.shrinkage == 1.0


def test_the_estimate_follows_the_seed() -> None:
    first, again, other = (_estimate(PRIOR[::-1], seed=3) for _ in range(3))
    np.testing.assert_array_equal(first.interval, again.interval)
    np.testing.assert_array_equal(first.weights, other.weights)


def test_sentences_are_resampled_whole() -> None:
    rng = np.random.default_rng(0)
    source, labels = _side(rng, PRIOR, 200)
    target, _ = _side(rng, PRIOR[::-1], 200)
    groups = np.arange(200) // 10
    grouped = estimate_weights(
        source, labels, target, source_groups=groups, target_groups=groups, draws=50
    )
    single = estimate_weights(source, labels, target, draws=50)
    np.testing.assert_array_equal(grouped.raw_weights, single.raw_weights)
    assert not np.array_equal(grouped.interval, single.interval)


def test_an_empty_and_a_never_predicted_class_are_defined() -> None:
    """Fault 6."""
    rng = np.random.default_rng(0)
    source, labels = _side(rng, PRIOR, 300)
    target, _ = _side(rng, PRIOR[::-1], 300)
    empty = estimate_weights(source, np.where(labels == 3, 2, labels), target, draws=50)
    assert empty.weights[3] == 1.0
    assert empty.prior[3] == 0.0
    source[:, 3] = target[:, 3] = 0.0
    source, target = (x / x.sum(axis=1, keepdims=True) for x in (source, target))
    unpredicted = estimate_weights(source, labels, target, hard=True, draws=50)
    for estimate in (empty, unpredicted):
        assert np.isfinite(estimate.weights).all()
        assert np.isfinite(estimate.interval).all()
        assert estimate.source_prior @ estimate.weights == pytest.approx(1.0)


def test_logits_are_refused() -> None:
    with pytest.raises(IsoglossError, match="E406"):
        estimate_weights([[3.0, 1.0]], [0], [[0.5, 0.5]])


def test_sides_of_different_classes_are_refused() -> None:
    with pytest.raises(IsoglossError, match="E405"):
        estimate_weights([[0.5, 0.5]], [0], [[0.2, 0.3, 0.5]])
