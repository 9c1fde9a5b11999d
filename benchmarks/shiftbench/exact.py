"""What needs no data: exact statistics, and the time of the two solvers."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from isogloss.labelshift import mixture_weights, solve_weights, total_variation


def exact_errors(problems: int = 1000) -> dict[str, float]:
    """Largest errors of the quadratic program on exact statistics of random problems.

    Returns:
        `shifted`: total variation between the true and the solved prior; `unshifted`: largest
        distance of a weight from 1 where nothing has shifted.
    """
    rng = np.random.default_rng(0)
    worst = {"shifted": 0.0, "unshifted": 0.0}
    for _ in range(problems):
        size = int(rng.integers(2, 41))
        source, target = rng.dirichlet(np.full(size, 2.0)), rng.dirichlet(np.ones(size))
        # A classifier that is right more often than by chance, as an estimate needs it.
        given_class = 0.6 * np.eye(size) + 0.4 * rng.dirichlet(np.ones(size), size).T
        weights = solve_weights(given_class * source, given_class @ target, source)
        error = total_variation(weights * source, target)
        worst["shifted"] = max(worst["shifted"], error)
        unshifted = solve_weights(given_class * source, given_class @ source, source)
        worst["unshifted"] = max(worst["unshifted"], float(np.abs(unshifted - 1.0).max()))
    return worst


def solver_times(turns: int = 5) -> dict[str, Any]:
    """Seconds of greatest likelihood on 1,000,000 x 40 and of a program with 200 classes.

    Returns:
        `ours` and `quapy` (lists, in turns), `gain` (our mean log-likelihood less QuaPy's), `qp`
        (list).
    """
    from quapy.method.aggregative import EMQ

    rng = np.random.default_rng(0)
    size = 40
    source = rng.dirichlet(np.full(size, 5.0))
    truth = rng.dirichlet(np.ones(size))
    labels = rng.choice(size, 1_000_000, p=truth)
    logits = rng.normal(0, 1, (len(labels), size)).astype(np.float64)
    logits[np.arange(len(labels)), labels] += 2.5
    probabilities = np.exp(logits) * source
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    times: dict[str, Any] = {"ours": [], "quapy": [], "qp": []}
    for _ in range(turns):
        began = time.perf_counter()
        found = mixture_weights(probabilities / source, source)
        times["ours"].append(time.perf_counter() - began)
        began = time.perf_counter()
        other, _ = EMQ.EM(source, probabilities)
        times["quapy"].append(time.perf_counter() - began)
    ratios = probabilities[:100_000] / source
    times["gain"] = float(np.log(ratios @ found).mean() - np.log(ratios @ other).mean())
    many = 200
    for _ in range(20):
        prior = rng.dirichlet(np.full(many, 2.0))
        given_class = 0.6 * np.eye(many) + 0.4 * rng.dirichlet(np.ones(many), many).T
        mean = rng.multinomial(5000, given_class @ rng.dirichlet(np.full(many, 0.3))) / 5000
        began = time.perf_counter()
        solve_weights(given_class * prior, mean, prior)
        times["qp"].append(time.perf_counter() - began)
    return times
