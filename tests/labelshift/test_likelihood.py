from __future__ import annotations

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift.estimation import estimate_weights
from isogloss.labelshift.likelihood import bootstrap_likelihood, expectation_maximization
from isogloss.labelshift.measures import total_variation

SOURCE = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.1, 0.3, 0.6])


def rows(size: int, prior: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of Gaussian classes with the exact posterior under the source prior."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, size=size, p=prior)
    means = np.eye(3) * 2.0
    x = means[labels] + rng.normal(size=(size, 3))
    scores = x @ means.T - 0.5 * (means**2).sum(1) + np.log(SOURCE)
    exponentials = np.exp(scores - scores.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True), labels


def naive(probabilities: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Saerens' iteration, row by row."""
    estimate = prior.copy()
    for _ in range(3000):
        posteriors = []
        for p in probabilities:
            posterior = p * estimate / prior
            posteriors.append(posterior / posterior.sum())
        estimate = np.mean(posteriors, axis=0)
    return estimate


def test_equals_the_naive_iteration() -> None:
    probabilities, _ = rows(40, TARGET, seed=0)
    found = expectation_maximization(probabilities, SOURCE)[0]
    np.testing.assert_allclose(found, naive(probabilities, SOURCE), atol=1e-4)


def test_counts_stand_for_repeated_rows() -> None:
    probabilities, _ = rows(80, TARGET, seed=0)
    counts = np.random.default_rng(1).integers(0, 4, (5, 80)).astype(float)
    together = expectation_maximization(probabilities, SOURCE, counts=counts)
    for row, times in zip(together, counts.astype(int), strict=True):
        alone = expectation_maximization(np.repeat(probabilities, times, 0), SOURCE)[0]
        np.testing.assert_allclose(row, alone, atol=1e-4)


def test_finds_the_prior_of_many_rows() -> None:
    probabilities, _ = rows(20_000, TARGET, seed=0)
    assert total_variation(expectation_maximization(probabilities, SOURCE)[0], TARGET) < 0.01


def test_class_unseen_in_the_source_stays_at_zero() -> None:
    found = expectation_maximization(np.full((4, 3), 1 / 3), np.array([0.5, 0.5, 0.0]))[0]
    np.testing.assert_allclose(found, [0.5, 0.5, 0.0])


def test_certain_predictions_give_counts() -> None:
    found = expectation_maximization(np.eye(3)[[0, 2, 2, 2]], SOURCE)[0]
    np.testing.assert_allclose(found, [0.25, 0.0, 0.75], atol=1e-9)


def test_bootstrap_spreads_as_fresh_samples_do() -> None:
    source, labels = rows(400, SOURCE, seed=0)
    target, _ = rows(300, TARGET, seed=1)
    priors, sources = bootstrap_likelihood(source, labels, target, draws=100, seed=0)
    assert priors.shape == sources.shape == (100, 3)
    np.testing.assert_allclose(priors.sum(1), 1.0)
    fresh = [
        expectation_maximization(rows(300, TARGET, seed=s)[0], SOURCE)[0] for s in range(10, 70)
    ]
    ratio = priors.std(0) / np.std(fresh, axis=0)
    assert (ratio > 0.6).all()
    assert (ratio < 2.0).all()


def test_beats_the_quadratic_program_where_label_shift_holds() -> None:
    errors: dict[str, list[float]] = {"likelihood": [], "quadratic": []}
    for seed in range(12):
        source, labels = rows(150, SOURCE, seed=seed)
        target, _ = rows(300, TARGET, seed=100 + seed)
        for method, found in errors.items():
            estimate = estimate_weights(
                source, labels, target, method=method, shrink=False, draws=10
            )
            found.append(float(total_variation(estimate.prior, TARGET)))
    assert np.mean(errors["likelihood"]) < np.mean(errors["quadratic"])


def test_unknown_method_is_refused() -> None:
    source, labels = rows(10, SOURCE, seed=0)
    with pytest.raises(IsoglossError) as caught:
        estimate_weights(source, labels, source, method="guess")
    assert caught.value.code == "E409"
