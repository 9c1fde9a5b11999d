"""What a rule's choices cost, and how well scores were foretold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats

from isogloss.selection.expectation import interval_error
from selectionbench.measures import Record
from selectionbench.rules import METRIC, Records, Rule, truths

# A choice harms from so far below the zero-shot model on.
HARM = 0.005
LEVEL = 0.9


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A rule over several cases.

    Attributes:
        regret: mean distance to the best candidate, in 0..1.
        gain: mean gain over the zero-shot model.
        harmed: share of the cases that end more than `HARM` below the zero-shot model.
        surely: share of those that do so beyond the noise of the labelled rows, at 5 %.
        worst: smallest gain over the zero-shot model.
    """

    regret: float
    gain: float
    harmed: float
    surely: float
    worst: float


def outcome(cases: Sequence[Records], rule: Rule) -> Outcome:
    """What following a rule costs."""
    regrets, found, noise = [], [], []
    for case in cases:
        true, chosen = truths(case), rule(case)
        regrets.append(true.max() - true[chosen])
        found.append(true[chosen] - true[0])
        noise.append(case[chosen]["truth"][f"{METRIC}_gain_noise"])
    gains = np.array(found)
    surely = gains + scipy.stats.norm.ppf(0.95) * np.array(noise) < -HARM
    return Outcome(
        regret=float(np.mean(regrets)),
        gain=float(np.mean(gains)),
        harmed=float(np.mean(gains < -HARM)),
        surely=float(np.mean(surely)),
        worst=float(np.min(gains)),
    )


@dataclass(frozen=True, kw_only=True)
class Foretold:
    """Expected scores against true ones.

    Attributes:
        error: mean absolute.
        bias: mean of expected less true.
        covered: share of true scores inside the interval as it is given.
        covered_with_noise: the same of intervals that hold the test set's own noise too.
        width: mean, of the interval as it is given.
        count: of candidates.
    """

    error: float
    bias: float
    covered: float
    covered_with_noise: float
    width: float
    count: int


def foretold(cases: Sequence[Records], *, metric: str = METRIC, how: str = "beside") -> Foretold:
    """How well the scores of all candidates were foretold.

    Args:
        cases: at least one.
        metric: of `METRICS`.
        how: "alone" or "beside", see `measure` and `with_expected`.
    """
    records = [record for case in cases for record in case]
    numbers = [_numbers(record, metric, how) for record in records]
    value, true, noise, error = (np.array(column) for column in zip(*numbers, strict=True))
    low, high = np.array([record[how][metric]["interval"] for record in records]).T
    reach = float(scipy.stats.norm.ppf(0.5 + LEVEL / 2))
    wide = reach * np.sqrt(error**2 + noise**2)
    return Foretold(
        error=float(np.abs(value - true).mean()),
        bias=float((value - true).mean()),
        covered=float(((low <= true) & (true <= high)).mean()),
        covered_with_noise=float((np.abs(value - true) <= wide).mean()),
        width=float((high - low).mean()),
        count=len(records),
    )


def _numbers(record: Record, metric: str, how: str) -> tuple[float, float, float, float]:
    expected, truth = record[how][metric], record["truth"]
    spread = interval_error(expected["parts"])
    return expected["value"], truth[metric], truth[f"{metric}_noise"], spread
