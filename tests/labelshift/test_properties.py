"""What holds for any numbers: weights on the constraint set, and no regard for order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.labelshift import METHODS, estimate_prior, gather_statistics
from isogloss.labelshift.interval import IntervalWeights
from isogloss.labelshift.online import OnlineWeights
from isogloss.labelshift.projection import clamp_and_rescale, project_weights
from isogloss.labelshift.quadratic import solve_weights
from isogloss.labelshift.statistics import source_statistics, target_statistics
from tests.helpers.shift import draw_rows

few = settings(max_examples=30, deadline=None, derandomize=True)
fewer = settings(max_examples=6, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)
sizes = st.integers(2, 9)


def prior_of(rng: np.random.Generator, size: int, *, gaps: bool = False) -> np.ndarray:
    """A prior, spiky or even; with `gaps` some classes may have no share."""
    shares = rng.dirichlet(np.full(size, rng.choice([0.05, 1.0, 50.0])))
    if gaps and rng.random() < 0.5:
        shares[rng.integers(size)] = 0.0
    shares = np.maximum(shares, 0.0 if gaps else 1e-6)
    return shares / shares.sum()


def rows_of(rng: np.random.Generator, count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, k), sharp or flat, and labels (n,) with every class among them."""
    labels = np.concatenate([np.arange(size), rng.integers(size, size=count - size)])
    logits = rng.normal(size=(count, size)) * rng.choice([0.1, 1.0, 8.0])
    logits[np.arange(count), labels] += rng.choice([0.0, 2.0])
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True), labels


def on_the_set(weights: np.ndarray, prior: np.ndarray) -> None:
    assert np.isfinite(weights).all()
    assert weights.min() >= 0.0
    assert prior @ weights == pytest.approx(1.0, abs=1e-9)


@few
@given(seeds, sizes, st.floats(0.0, 1e6))
def test_projections_end_on_the_constraint_set(seed: int, size: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    prior, values = prior_of(rng, size, gaps=True), rng.normal(size=size) * scale
    for project in (project_weights, clamp_and_rescale):
        found = np.asarray(project(values, prior))
        on_the_set(found, prior)
        np.testing.assert_allclose(project(found, prior), found, atol=1e-6)


@few
@given(seeds, sizes, st.booleans())
def test_solved_weights_are_on_the_set_and_follow_the_classes(
    seed: int, size: int, hard: bool
) -> None:
    rng = np.random.default_rng(seed)
    rows, labels = rows_of(rng, 60, size)
    others, _ = rows_of(rng, 40, size)
    found = gather_statistics(rows, labels, others, hard=hard)
    prior = found.source_prior
    weights = solve_weights(found.confusion, found.target_mean, prior)
    on_the_set(weights, prior)
    order = rng.permutation(size)
    turned = found.confusion[np.ix_(order, order)], found.target_mean[order], prior[order]
    np.testing.assert_allclose(solve_weights(*turned), weights[order], atol=1e-5, rtol=1e-5)


@few
@given(seeds, sizes, st.integers(1, 12))
def test_online_weights_stay_on_the_set(seed: int, size: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    prior = prior_of(rng, size)
    holder = OnlineWeights(
        size,
        rate=float(rng.uniform(0.001, 1.0)),
        per_row=bool(rng.integers(2)),
        learning_rate=float(10.0 ** rng.integers(-3, 3)),
        projection=str(rng.choice(["euclidean", "rescale"])),
    )
    holder.start(np.ones(size), prior)
    for step in range(steps):
        own, labels = rows_of(rng, size + int(rng.integers(20)), size)
        others, _ = rows_of(rng, size, size)
        some = int(rng.integers(size + 1))
        holder.observe(torch.tensor(own), torch.tensor(labels), torch.tensor(others[:some]))
        holder.step(step / steps)
        on_the_set(holder.weights.numpy(), prior)


@few
@given(seeds, sizes, st.integers(1, 12))
def test_weights_within_an_interval_stay_on_the_set_and_inside(
    seed: int, size: int, steps: int
) -> None:
    rng = np.random.default_rng(seed)
    prior = prior_of(rng, size)
    holder = IntervalWeights(size, rate=float(rng.uniform(0.0, 1.0)), cost_rate=0.5)
    centre = prior_of(rng, size)
    width = rng.uniform(0.0, 1.0, size)
    holder.start(np.ones(size), prior, np.stack([centre - width, centre + width], axis=1))
    low, high = holder.bounds.numpy().T
    for _ in range(steps):
        count = int(rng.integers(0, 30))
        costs = torch.tensor(rng.normal(size=count) * 100.0)
        holder.observe(costs, torch.tensor(rng.integers(size, size=count)))
        holder.step()
        on_the_set(holder.weights.numpy(), prior)
        balance = prior * holder.weights.numpy()
        assert (balance >= low - 1e-9).all()
        assert (balance <= high + 1e-9).all()


@few
@given(seeds, sizes, st.booleans())
def test_statistics_are_the_same_however_rows_fall_into_batches(
    seed: int, size: int, hard: bool
) -> None:
    rng = np.random.default_rng(seed)
    rows, labels = rows_of(rng, 50, size)
    whole = source_statistics(rows, labels, hard=hard), target_statistics(rows, hard=hard)
    order = rng.permutation(50)
    cuts = np.sort(rng.choice(np.arange(1, 50), size=int(rng.integers(1, 8)), replace=False))
    batches = np.split(order, cuts)
    shares = np.array([len(batch) / 50 for batch in batches])
    parts = [
        (source_statistics(rows[b], labels[b], hard=hard), target_statistics(rows[b], hard=hard))
        for b in batches
    ]
    for number, expected in enumerate(whole):
        mean = sum(share * part[number] for share, part in zip(shares, parts, strict=True))
        np.testing.assert_allclose(mean, expected, atol=1e-12)


@few
@given(seeds, sizes)
def test_interval_statistics_are_the_same_however_rows_fall_into_batches(
    seed: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    prior = prior_of(rng, size)
    costs = torch.tensor(rng.normal(size=40))
    labels = torch.tensor(rng.integers(size, size=40))
    holders = [IntervalWeights(size, rate=0.5, cost_rate=0.5) for _ in range(2)]
    for holder in holders:
        holder.start(np.ones(size), prior, np.tile([0.0, 1.0], (size, 1)))
    holders[0].observe(costs, labels)
    order = torch.tensor(rng.permutation(40))
    for part in order.split(int(rng.integers(1, 20))):
        holders[1].observe(costs[part], labels[part])
    for holder in holders:
        holder.step()
    torch.testing.assert_close(holders[0].weights, holders[1].weights, atol=1e-9, rtol=0)


def problem(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    source = np.array([0.5, 0.3, 0.2])
    rows, labels = draw_rows(200, source, seed=seed, separation=1.5)
    others, _ = draw_rows(
        150, np.array([0.2, 0.3, 0.5]), seed=seed + 9, source_prior=source, separation=1.5
    )
    return rows, labels, others


def assert_same(found: Any, other: Any, order: Any = slice(None)) -> None:
    np.testing.assert_allclose(other.prior, found.prior[order], atol=1e-4)
    np.testing.assert_allclose(other.weights, found.weights[order], atol=1e-3)
    on_the_set(found.weights, found.source_prior)


# Cross-validation and the kernel's sample draw by place, so the general methods only.
@pytest.mark.parametrize("method", ["bbse", "bbse-hard", "mlls"])
@fewer
@given(seed=seeds)
def test_estimates_have_no_regard_for_the_order_of_rows(method: str, seed: int) -> None:
    rng, (rows, labels, others) = np.random.default_rng(seed), problem(seed)
    one, two = rng.permutation(len(rows)), rng.permutation(len(others))
    options: dict[str, Any] = {"method": method, "shrink": False}
    found = estimate_prior(rows, labels, others, **options)
    assert_same(found, estimate_prior(rows[one], labels[one], others[two], **options))


@pytest.mark.parametrize("method", [m for m in METHODS if m != "matching"])
@fewer
@given(seed=seeds)
def test_estimates_follow_a_permutation_of_the_classes(method: str, seed: int) -> None:
    rng, (rows, labels, others) = np.random.default_rng(seed), problem(seed)
    order = rng.permutation(3)
    options: dict[str, Any] = {"method": method, "shrink": False}
    found = estimate_prior(rows, labels, others, **options)
    inverse = np.argsort(order)
    other = estimate_prior(rows[:, order], inverse[labels], others[:, order], **options)
    assert_same(found, other, order)


@fewer
@given(seeds, sizes, st.sampled_from(METHODS))
def test_the_interval_holds_the_estimate(seed: int, size: int, method: str) -> None:
    rng = np.random.default_rng(seed)
    source, labels = rows_of(rng, int(rng.integers(size + 20, 90)), size)
    target, _ = rows_of(rng, int(rng.integers(size, 300)), size)
    features = {}
    if method == "matching":
        features = {"source_features": source, "target_features": target}
    found = estimate_prior(source, labels, target, method=method, seed=seed, **features)
    assert (found.interval[:, 0] <= found.prior + 1e-12).all()
    assert (found.prior <= found.interval[:, 1] + 1e-12).all()
