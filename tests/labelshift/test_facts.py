"""Known facts: the best fit against slow references, and every kind of contradiction."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest
import scipy.optimize

from isogloss.errors import IsoglossError
from isogloss.labelshift import KnownFacts


def _covariance(size: int, rng: np.random.Generator, *, rows: float = 200.0) -> np.ndarray:
    """Of an estimate from about so many rows; its rows sum to 0."""
    centring = np.eye(size) - 1.0 / size
    factor = centring @ rng.normal(size=(size, size + 2))
    return factor @ factor.T / np.trace(factor @ factor.T) / rows


def _random_facts(truth: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """Facts of random kinds that `truth` meets."""
    size, facts = truth.size, {}
    if rng.random() < 0.7:
        some = rng.choice(size, int(rng.integers(1, size)), replace=False)
        width = rng.choice([0.0, 0.02, 0.2])
        facts["bounds"] = {
            int(j): (max(0.0, truth[j] - width), min(1.0, truth[j] + width)) for j in some
        }
    if rng.random() < 0.5:
        falling = np.argsort(-truth)
        facts["order"] = tuple((int(a), int(b)) for a, b in itertools.pairwise(falling))
    if rng.random() < 0.5:
        facts |= {"belief": rng.dirichlet(np.ones(size) * 3), "strength": 10 ** rng.uniform(-1, 3)}
    if rng.random() < 0.5:
        facts["labelled"] = rng.choice(size, int(rng.integers(1, 30)), p=truth)
    return facts


def _evidence(facts: dict[str, Any], size: int) -> np.ndarray:
    counts = np.bincount(facts.get("labelled", []), minlength=size).astype(float)
    return counts + facts.get("strength", 0.0) * np.asarray(facts.get("belief", np.zeros(size)))


def _precision(covariance: np.ndarray) -> np.ndarray:
    """The pseudo-inverse, with no deviation below 1e-4 but that of the constant direction."""
    values, vectors = np.linalg.eigh(covariance)
    values = np.where(np.arange(values.size) == 0, np.inf, np.maximum(values, 1e-8))
    return np.asarray(vectors / values @ vectors.T)


def _reference(
    estimate: np.ndarray, covariance: np.ndarray, facts: dict[str, Any], start: np.ndarray
) -> np.ndarray:
    """A general solver on the plain objective with the pseudo-inverse."""
    size = estimate.size
    precision, evidence = _precision(covariance), _evidence(facts, size)
    has = evidence > 0
    scale = 1.0 / np.linalg.eigvalsh(precision)[1]

    def loss(prior: np.ndarray) -> float:
        off = prior - estimate
        logs = np.log(np.maximum(prior[has], 1e-12))
        return scale * float(0.5 * off @ precision @ off - evidence[has] @ logs)

    def slope(prior: np.ndarray) -> np.ndarray:
        pull = np.where(has, evidence / np.maximum(prior, 1e-12), 0.0)
        return scale * (precision @ (prior - estimate) - pull)

    rows = np.zeros((len(facts.get("order", ())), size))
    for row, (first, second) in zip(rows, facts.get("order", ()), strict=True):
        row[first], row[second] = 1.0, -1.0
    bounds = [facts.get("bounds", {}).get(j, (0.0, 1.0)) for j in range(size)]
    limits = [{"type": "eq", "fun": lambda p: p.sum() - 1.0, "jac": lambda p: np.ones(size)}]
    if len(rows):
        limits.append({"type": "ineq", "fun": lambda p: rows @ p, "jac": lambda p: rows})
    found = scipy.optimize.minimize(
        loss,
        start,
        jac=slope,
        method="SLSQP",
        bounds=bounds,
        constraints=limits,
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    return np.asarray(found.x)


@pytest.mark.parametrize("seed", range(60))
def test_the_fit_is_that_of_a_general_solver(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 7))
    truth, estimate = rng.dirichlet(np.ones(size) * 3, size=2)
    covariance = _covariance(size, rng)
    facts = _random_facts(truth, rng)
    found = KnownFacts(**facts).apply(estimate, covariance)
    wanted = _reference(estimate, covariance, facts, start=truth)
    np.testing.assert_allclose(found, wanted, atol=2e-6)


@pytest.mark.parametrize("seed", range(60))
def test_no_direction_leads_further_down(seed: int) -> None:
    """First order: over the feasible set, the slope at the answer is least at the answer."""
    rng = np.random.default_rng(1000 + seed)
    size = int(rng.choice([2, 5, 12, 60]))
    truth, estimate = rng.dirichlet(np.ones(size) * 2, size=2)
    covariance = _covariance(size, rng, rows=1000)
    facts = _random_facts(truth, rng)
    found = KnownFacts(**facts).apply(estimate, covariance)
    precision, evidence = _precision(covariance), _evidence(facts, size)
    pull = np.where(evidence > 0, evidence / np.where(evidence > 0, found, 1.0), 0.0)
    slope = precision @ (found - estimate) - pull
    slope /= max(1.0, np.abs(slope).max())
    order = facts.get("order", ())
    rows = np.zeros((len(order), size))
    for row, (first, second) in zip(rows, order, strict=True):
        row[first], row[second] = -1.0, 1.0
    best = scipy.optimize.linprog(
        slope,
        A_ub=rows if len(rows) else None,
        b_ub=np.zeros(len(rows)) if len(rows) else None,
        A_eq=np.ones((1, size)),
        b_eq=[1.0],
        bounds=[facts.get("bounds", {}).get(j, (0.0, 1.0)) for j in range(size)],
    )
    assert best.status == 0
    assert slope @ found - best.fun <= 2e-6


@pytest.mark.parametrize("seed", range(30))
def test_the_fit_keeps_to_the_facts_however_odd_the_covariance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.choice([2, 4, 9, 40]))
    truth = rng.dirichlet(np.ones(size) * 0.5)
    estimate = rng.dirichlet(np.ones(size) * 0.1)
    rank = int(rng.integers(0, size))
    factor = rng.normal(size=(size, rank)) * 10 ** rng.uniform(-6, 1)
    facts = _random_facts(truth, rng)
    facts.pop("belief", None), facts.pop("strength", None)
    found = KnownFacts(**facts).apply(estimate, factor @ factor.T)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    assert found.min() >= 0.0
    for class_id, (low, high) in facts.get("bounds", {}).items():
        assert low - 1e-6 <= found[class_id] <= high + 1e-6
    for first, second in facts.get("order", ()):
        assert found[first] >= found[second] - 1e-6


def test_without_facts_or_within_them_the_estimate_stays() -> None:
    rng = np.random.default_rng(0)
    estimate, covariance = rng.dirichlet(np.ones(4)), _covariance(4, rng)
    np.testing.assert_allclose(KnownFacts().apply(estimate, covariance), estimate, atol=1e-16)
    falling = np.argsort(-estimate)
    facts = KnownFacts(bounds={0: (0.0, 0.9)}, order=((int(falling[0]), int(falling[1])),))
    np.testing.assert_allclose(facts.apply(estimate, covariance), estimate, atol=1e-16)


def test_a_fixed_share_moves_the_others_as_their_covariance_says() -> None:
    """Conditioning a normal distribution, by hand."""
    estimate = np.array([0.3, 0.3, 0.4])
    covariance = 1e-4 * np.array([[4.0, -3.0, -1.0], [-3.0, 4.0, -1.0], [-1.0, -1.0, 2.0]])
    found = KnownFacts(bounds={0: (0.34, 0.34)}).apply(estimate, covariance)
    np.testing.assert_allclose(found, estimate + 0.04 * covariance[0] / covariance[0, 0], atol=1e-9)


def test_belief_and_labelled_rows_count_alike() -> None:
    rng = np.random.default_rng(1)
    estimate, covariance = rng.dirichlet(np.ones(3) * 5), _covariance(3, rng)
    labelled = KnownFacts(labelled=[0, 0, 1, 2]).apply(estimate, covariance)
    belief = KnownFacts(belief=[0.5, 0.25, 0.25], strength=4.0).apply(estimate, covariance)
    np.testing.assert_allclose(labelled, belief, atol=1e-9)


def test_more_evidence_pulls_further() -> None:
    rng = np.random.default_rng(2)
    estimate, belief = np.array([0.2, 0.3, 0.5]), np.array([0.6, 0.3, 0.1])
    covariance = _covariance(3, rng)
    distances = []
    for strength in (0.01, 1.0, 100.0, 1e4, 1e7):
        found = KnownFacts(belief=belief, strength=strength).apply(estimate, covariance)
        distances.append(float(np.abs(found - belief).sum()))
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 1e-3


def test_an_estimate_without_variance_is_kept_and_one_with_much_yields() -> None:
    estimate, facts = np.array([0.1, 0.9]), KnownFacts(labelled=[0, 0, 0, 1])
    np.testing.assert_allclose(facts.apply(estimate, np.zeros((2, 2))), estimate, atol=1e-5)
    vague = 100.0 * np.array([[1.0, -1.0], [-1.0, 1.0]])
    np.testing.assert_allclose(facts.apply(estimate, vague), [0.75, 0.25], atol=0.02)


def test_without_variance_bounds_are_met_at_the_least_distance() -> None:
    found = KnownFacts(bounds={0: (0.4, 1.0)}).apply([0.1, 0.3, 0.6], np.zeros((3, 3)))
    np.testing.assert_allclose(found, [0.4, 0.15, 0.45], atol=1e-7)


def test_equal_classes_stay_equal() -> None:
    rng = np.random.default_rng(3)
    facts = KnownFacts(order=((0, 1), (1, 0)), labelled=[2, 2, 0])
    found = facts.apply([0.5, 0.1, 0.4], _covariance(3, rng))
    assert found[0] == found[1]


def test_facts_that_leave_one_prior_give_it() -> None:
    found = KnownFacts(bounds={0: (0.2, 0.2), 1: (0.5, 0.5)}).apply(
        [0.1, 0.1, 0.8], _covariance(3, np.random.default_rng(4))
    )
    np.testing.assert_allclose(found, [0.2, 0.5, 0.3], atol=1e-9)
    one = KnownFacts(order=((0, 0),), labelled=[0]).apply([1.0], [[0.0]])
    np.testing.assert_array_equal(one, [1.0])


def test_many_are_fitted_as_one_by_one_and_quickly() -> None:
    rng = np.random.default_rng(5)
    estimates, covariance = rng.dirichlet(np.ones(10), 200), _covariance(10, rng)
    facts = KnownFacts(
        bounds={0: (0.1, 0.3), 4: (0.05, 0.05)}, order=((1, 2), (2, 3)), labelled=[0, 1, 2, 5, 5]
    )
    start = time.perf_counter()
    together = facts.apply_many(estimates, covariance)
    assert time.perf_counter() - start < 1.0
    singly = np.stack([facts.apply(row, covariance) for row in estimates[:20]])
    np.testing.assert_allclose(together[:20], singly, atol=1e-9)


def test_two_hundred_classes() -> None:
    rng = np.random.default_rng(6)
    estimate, covariance = rng.dirichlet(np.ones(200)), _covariance(200, rng, rows=1e4)
    chain = tuple((j, j + 1) for j in range(199))
    facts = KnownFacts(order=chain, belief=np.full(200, 1 / 200), strength=50.0)
    found = facts.apply(estimate, covariance)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.diff(found).max() <= 1e-9


@pytest.mark.parametrize(
    "facts",
    [
        {"bounds": {0: (0.1, 0.2)}},
        {"order": ((0, 1),)},
        {"belief": np.array([0.5, 0.5]), "strength": 1.0},
        {"labelled": np.array([0, 1])},
    ],
)
def test_facts_are_empty_only_without_any(facts: dict[str, Any]) -> None:
    assert KnownFacts().empty
    assert not KnownFacts(**facts).empty


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"bounds": {5: (0.1, 0.2)}}, "E420: A fact names class 5"),
        ({"bounds": {0: (0.5, 0.2)}}, "E421"),
        ({"bounds": {0: (0.7, 1), 1: (0.7, 1)}}, "E422"),
        ({"bounds": {0: (0.1, 0.1), 1: (0.2, 0.2)}, "order": ((0, 1),)}, "E423"),
        ({"bounds": {1: (0, 0)}, "labelled": [0, 1]}, "E424: .* class 1, which the bounds leave"),
        ({"bounds": {0: (0, 0)}, "order": ((0, 2),), "labelled": [2]}, "E424: .* class 2"),
        ({"belief": [0.5, 0.6, 0.1], "strength": 1.0}, "E402: the belief"),
        ({"belief": [0.5, 0.5], "strength": 1.0}, "E405: the belief"),
        ({"labelled": [0, 3]}, "E403: the labelled rows"),
        ({"labelled": []}, "E404: the labelled rows"),
    ],
)
def test_impossible_facts_are_refused_by_name(facts: dict[str, Any], message: str) -> None:
    known = KnownFacts(**facts)
    with pytest.raises(IsoglossError, match=message):
        known.check(3)
    with pytest.raises(IsoglossError, match=message):
        known.apply([0.2, 0.3, 0.5], np.eye(3))


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"belief": [0.5, 0.5], "strength": -1.0}, "E407"),
        ({"belief": [0.5, 0.5], "strength": float("inf")}, "E407"),
        ({"belief": [0.5, 0.5]}, "E425"),
        ({"strength": 3.0}, "E425"),
    ],
)
def test_a_belief_needs_a_strength(facts: dict[str, Any], code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        KnownFacts(**facts)


@pytest.mark.parametrize(
    ("priors", "covariance", "code"),
    [
        ([[0.5, np.nan]], np.eye(2), "E400"),
        ([[0.5, 0.4]], np.eye(2), "E402"),
        (np.zeros((0, 2)), np.eye(2), "E404"),
        ([0.5, 0.5], np.eye(2), "E405"),
        ([[0.5, 0.5]], np.eye(3), "E405"),
        ([[0.5, 0.5]], np.full((2, 2), np.inf), "E400"),
    ],
)
def test_unusable_estimates_are_refused(
    priors: np.ndarray, covariance: np.ndarray, code: str
) -> None:
    with pytest.raises(IsoglossError, match=code):
        KnownFacts().apply_many(priors, covariance)
