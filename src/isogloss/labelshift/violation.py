"""How a change of language moves the statistics, beside any shift of the classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from isogloss.labelshift.calibration import log_probabilities, softmax
from isogloss.labelshift.checks import Floats
from isogloss.labelshift.moments import Statistic
from isogloss.labelshift.rows import SourceRows

# Size of the offset of a logit, and of the relative change of all, whose effect is measured.
_OFFSET = 0.5
# What no change of logits explains: the standard deviation of any statistic beside it.
_REST = 0.1
# Rows that the effects are measured on.
_MOST_ROWS = 2_000


def violation_directions(
    source: SourceRows, statistic: Statistic, basis: Floats, *, prior: Floats, seed: int = 0
) -> Floats:
    """Covariance (d, d) of the statistics' means if each class's logits move at random.

    In the other language the texts of each class get logits that are offset and scaled by amounts
    of their own. To first order the mean of the statistics moves by `Σ_jl prior_j D_jl a_jl` with
    independent `a_jl`, where `D_jl` is the effect of moving logit l (or of scaling all) of the rows
    of class j.

    Args:
        source: labelled rows.
        statistic: of the moments.
        basis: of the moments.
        prior: (k,) a guess at the target's prior.
        seed: of the choice of rows, where there are very many.
    """
    chosen = _sample(source, seed)
    labels, size = source.labels[chosen], len(prior)
    members = np.eye(size)[labels]
    shares = members * (prior / np.maximum(members.sum(axis=0), 1.0))
    raw = log_probabilities(source.probabilities[chosen])
    calibrated = log_probabilities(source.calibrated[chosen])
    effects = []
    for change in _changes(size):
        moved = [
            shares.T @ statistic(softmax(change(calibrated, sign)), softmax(change(raw, sign)))
            for sign in (1.0, -1.0)
        ]
        effects.append((moved[0] - moved[1]) @ basis / (2.0 * _OFFSET))
    directions = np.concatenate(effects)
    return directions.T @ directions + _REST**2 * np.eye(basis.shape[1])


def _changes(size: int) -> Iterator[Callable[[Floats, float], Floats]]:
    """Scale all logits, then offset each: functions of logits (n, k) and of a sign."""
    yield lambda logs, sign: logs * (1.0 + sign * _OFFSET)
    for label in range(size):
        offset = np.zeros(size)
        offset[label] = _OFFSET
        yield partial(_offset, offset)


def _offset(offset: Floats, logs: Floats, sign: float) -> Floats:
    return logs + sign * offset


def _sample(source: SourceRows, seed: int) -> np.ndarray:
    rows = len(source.labels)
    if rows <= _MOST_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).permutation(rows)[:_MOST_ROWS])
