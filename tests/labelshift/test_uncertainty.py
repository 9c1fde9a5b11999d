"""Bootstrap and shrinkage: right spread, right fallback, defined everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift.uncertainty import Bootstrap, bootstrap_weights, shrink

PRIOR = np.array([0.5, 0.3, 0.2])
CONDITIONAL = np.array([[0.8, 0.1, 0.2], [0.1, 0.8, 0.1], [0.1, 0.1, 0.7]])


def _side(
    rng: np.random.Generator, prior: np.ndarray, num_rows: int
) -> tuple[np.ndarray, np.ndarray]:
    labels = rng.choice(len(prior), num_rows, p=prior)
    predictions = (rng.random((num_rows, 1)) > CONDITIONAL.T[labels].cumsum(axis=1)).sum(axis=1)
    soft = 0.1 + 0.7 * np.eye(len(prior))[np.minimum(predictions, len(prior) - 1)]
    return soft / soft.sum(axis=1, keepdims=True), labels


def _bootstrap(seed: int = 0, num_rows: int = 400, **options: object) -> Bootstrap:
    rng = np.random.default_rng(seed)
    source, labels = _side(rng, PRIOR, num_rows)
    target, _ = _side(rng, PRIOR[::-1], num_rows)
    return bootstrap_weights(source, labels, target, **({"hard": True} | options))  # type: ignore[arg-type]


def test_counts_and_rows_are_resampled_alike() -> None:
    """The multinomial shortcut and resampling row by row have the same spread."""
    shortcut = _bootstrap(draws=1500)
    rows = _bootstrap(draws=1500, source_groups=np.arange(400), target_groups=np.arange(400))
    deviations = np.sqrt(np.diag(shortcut.covariance)), np.sqrt(np.diag(rows.covariance))
    np.testing.assert_allclose(deviations[0], deviations[1], rtol=0.12)
    np.testing.assert_allclose(shortcut.interval, rows.interval, atol=0.02)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    covered = [
        (b.interval[:, 0] <= PRIOR[::-1]) & (PRIOR[::-1] <= b.interval[:, 1])
        for b in (_bootstrap(seed, draws=100) for seed in range(60))
    ]
    assert 0.88 <= np.mean(covered) <= 0.99


def test_blocks_of_draws_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _bootstrap(hard=False, draws=20)
    monkeypatch.setattr("isogloss.labelshift.uncertainty._BLOCK", 1200)
    np.testing.assert_allclose(_bootstrap(hard=False, draws=20).weights, whole.weights, atol=1e-12)


def test_draws_meet_the_constraints_and_follow_the_seed() -> None:
    first, again, other = _bootstrap(seed=1), _bootstrap(seed=1), _bootstrap(seed=1, draws=50)
    np.testing.assert_array_equal(first.weights, again.weights)
    assert first.weights.shape == (200, 3)
    assert other.weights.shape == (50, 3)
    assert first.weights.min() >= 0.0
    np.testing.assert_allclose(first.priors.sum(axis=1), 1.0)
    assert (first.interval[:, 0] <= first.interval[:, 1]).all()


def test_whole_sentences_widen_the_interval() -> None:
    """Words of one sentence that say the same thing are no independent evidence."""
    rng = np.random.default_rng(0)
    source, labels = _side(rng, PRIOR, 100)
    target, _ = _side(rng, PRIOR, 100)
    source, labels, target = (np.repeat(x, 20, axis=0) for x in (source, labels, target))
    groups = np.repeat(np.arange(100) * 7 - 30, 20)
    alone = bootstrap_weights(source, labels, target, hard=True)
    together = bootstrap_weights(
        source, labels, target, hard=True, source_groups=groups, target_groups=groups
    )
    ratio = np.trace(together.covariance) / np.trace(alone.covariance)
    assert 8 < ratio < 50


def test_an_empty_class_is_defined() -> None:
    """Fault 6: a class without source rows, or one that a resample loses."""
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]] * 20)
    labels = np.array([0, 1] * 20)
    for rare in (labels, np.where(np.arange(40) == 0, 2, labels)):
        result = bootstrap_weights(probabilities, rare, probabilities[::2], hard=False)
        assert np.isfinite(result.covariance).all()
        assert np.isfinite(result.interval).all()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"draws": 1}, "E407"),
        ({"level": 1.5}, "E407"),
        ({"source_groups": [0, 1]}, "E405"),
    ],
)
def test_unusable_options_are_refused(options: dict[str, object], code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        _bootstrap(**options)  # type: ignore[arg-type]


def test_sure_shifts_stay_and_unsure_ones_vanish() -> None:
    prior, weights = np.array([0.5, 0.5]), np.array([1.4, 0.6])
    direction = np.array([[1.0, -1.0], [-1.0, 1.0]])
    exact, kept = shrink(weights, 0.0 * direction, prior=prior)
    np.testing.assert_array_equal(exact, weights)
    assert kept == 1.0
    fallback, kept = shrink(weights, 0.25 * direction, prior=prior)
    np.testing.assert_array_equal(fallback, [1.0, 1.0])
    assert kept == 0.0
    between, kept = shrink(weights, 0.03 * direction, prior=prior)
    assert kept == pytest.approx(1 - 0.03 / 0.16)
    np.testing.assert_allclose(between, 1 + kept * (weights - 1))


def test_more_noise_never_keeps_more() -> None:
    rng = np.random.default_rng(0)
    prior = rng.dirichlet(np.ones(5))
    weights = rng.dirichlet(np.ones(5)) / prior
    root = rng.normal(size=(5, 5))
    covariance = root @ root.T
    kept = [shrink(weights, scale * covariance, prior=prior)[1] for scale in np.logspace(-5, 1, 25)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > 0.99
    assert kept[-1] == 0.0


def test_weights_of_one_stay_one() -> None:
    weights, kept = shrink(np.ones(3), np.zeros((3, 3)), prior=PRIOR)
    np.testing.assert_array_equal(weights, 1.0)
    assert kept == 0.0


def test_the_threshold_is_the_normal_one_for_two_classes() -> None:
    """With one direction of noise the test is the two-sided normal test: 1.96 deviations."""
    prior = np.array([0.5, 0.5])
    direction = np.array([[1.0, -1.0], [-1.0, 1.0]])
    for deviations, significant in ((1.95, False), (1.97, True)):
        shift = 0.1 * deviations * np.array([1.0, -1.0])
        assert (shrink(1 + shift, 0.01 * direction, prior=prior)[1] > 0) is significant


@pytest.mark.parametrize(
    ("weights", "covariance", "level", "code"),
    [
        ([1.0, np.nan], np.eye(2), 0.95, "E400"),
        ([1.0, 1.0, 1.0], np.eye(2), 0.95, "E405"),
        ([1.0, 1.0], np.eye(3), 0.95, "E405"),
        ([1.0, 1.0], np.eye(2), 2.0, "E407"),
    ],
)
def test_shrinking_refuses_unusable_arrays(
    weights: list[float], covariance: np.ndarray, level: float, code: str
) -> None:
    with pytest.raises(IsoglossError, match=code):
        shrink(weights, covariance, prior=[0.5, 0.5], level=level)
