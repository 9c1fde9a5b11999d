"""Every contestant on every draw of a problem, with what each got wrong."""

from __future__ import annotations

import itertools
import json
import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.labelshift import PriorEstimator
from shiftbench.contestants import SLOW, Quantifier, others, ours
from shiftbench.outputs import Outputs
from shiftbench.problems import (
    EDGES,
    TARGET_ROWS,
    Problem,
    largest_shift,
    shifted_prior,
)


def measure(
    problem: Problem, path: Path, *, draws: int, slow_draws: int, splits: int, seed: int
) -> list[dict[str, Any]]:
    """The records of a problem, one a draw, kept in a file.

    Args:
        problem: what to measure on.
        path: JSON file; read where it is there.
        draws: by bin of shift.
        slow_draws: the first of them, on which the slow contestants are measured too.
        splits: source samples that the draws are shared among.
        seed: of everything.

    Returns:
        Each record has `bin`, `shift`, `rows`, `p_value`, `inside` (share of classes whose true
        share the 95 % interval holds), `significant`, and by contestant `error` (mean absolute),
        `distance` (total variation) and `seconds`.
    """
    if path.is_file():
        kept: list[dict[str, Any]] = json.loads(path.read_text())
        return kept
    os.environ["OMP_NUM_THREADS"] = "1"
    warnings.simplefilter("ignore")
    records = []
    each = -(-draws // splits)
    for number in range(splits):
        rng = np.random.default_rng((seed, number, *problem.name.encode()))
        slow = max(0, slow_draws - number * each)
        records += _measure_split(problem, rng, each, slow=slow)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(records))
    temporary.replace(path)
    return records


def _measure_split(
    problem: Problem, rng: np.random.Generator, draws: int, *, slow: int
) -> list[dict[str, Any]]:
    split = problem.split(rng)
    source = split.source
    prior = np.bincount(source.labels, minlength=source.probabilities.shape[1]) / len(source.labels)
    own = ours(source, grouped=split.grouped)
    quantifiers = others(source)
    records = []
    for number, (low, high) in enumerate(itertools.pairwise(EDGES)):
        most = largest_shift(prior) - 0.005
        for draw in range(draws if most > low else 0):
            shift = float(rng.uniform(low, min(high, most)))
            truth = shifted_prior(prior, shift, rng)
            target = split.draw(truth, int(rng.choice(TARGET_ROWS)), rng)
            facts = {"bin": number, "shift": shift, "rows": len(target.labels)}
            records.append(facts | _score(own, quantifiers, target, prior, truth, draw < slow))
    return records


def _score(
    own: dict[str, PriorEstimator],
    quantifiers: dict[str, Quantifier],
    target: Outputs,
    prior: np.ndarray,
    truth: np.ndarray,
    slow: bool,
) -> dict[str, Any]:
    error = {"none": float(np.abs(prior - truth).mean())}
    distance = {"none": float(0.5 * np.abs(prior - truth).sum())}
    seconds: dict[str, float] = {}
    record: dict[str, Any] = {}
    for name in (*own, *quantifiers):
        if name in SLOW and not slow:
            continue
        began = time.perf_counter()
        if name in own:
            estimate = own[name].estimate(target.probabilities, groups=target.groups)
            found = estimate.prior
            if name == "auto":
                low, high = estimate.interval.T
                inside = (low - 1e-9 <= truth) & (truth <= high + 1e-9)
                record |= {
                    "p_value": estimate.assumption_p_value,
                    "inside": float(inside.mean()),
                    "significant": estimate.shift_is_significant,
                }
        else:
            found = quantifiers[name](target)
        seconds[name] = time.perf_counter() - began
        error[name] = float(np.abs(found - truth).mean())
        distance[name] = float(0.5 * np.abs(found - truth).sum())
    return record | {"error": error, "distance": distance, "seconds": seconds}
