"""What other constants would do, on the pairs that constants are set on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import scipy.stats

from isogloss.labelshift.matching import VIOLATED
from isogloss.selection import GUARD, GuardRule, Rule
from isogloss.selection.expectation import METRICS, interval_error, lowered, odds_slope
from selectionbench.measures import Record
from selectionbench.missed import evidence_table
from selectionbench.outcomes import LEVEL, outcome
from selectionbench.rules import Records, guarded
from selectionbench.tables import is_set_on, markdown, points, signed

AVERSIONS = (0.0, 20.0, 30.0, 36.0, 42.0, 48.0, 54.0, 60.0, 70.0, 80.0, 120.0)
GAINS, ENOUGH = (0.0, 0.005, 0.01), (0.01, 0.02, 0.03, 0.04, 1.0)
# Of the logarithms of the odds, as in `Rule`.
CONFIDENCE_ERRORS, WEIGHTED_ERRORS = (0.02, 0.04, 0.06, 0.08, 0.10, 0.15, 0.25), (0.04, 0.25, 1.5)


def tuning_tables(cases: Sequence[Records]) -> str:
    """All grids, on the pairs that constants are set on alone."""
    own = [case for case in cases if is_set_on(case)]
    natural = [case for case in own if not case[0]["drawn"]]
    parts = ["## What the guard's evidence misses", evidence_table(natural)]
    parts += ["## Constants of the guard", guard_grid(own)]
    whose = {"the zero-shot model": [case[:1] for case in own], "all candidates": own}
    for (who, some), violated in itertools.product(whose.items(), (False, True)):
        how = "refuted" if violated else "not refuted"
        parts += [f"## Constants of what to expect of {who}, label shift {how}"]
        parts += [expectation_grid(some, violated=violated)]
    return "\n\n".join(parts)


def guard_grid(cases: Sequence[Records]) -> str:
    """Regret, gain and harm of the guard by its constants, as it is and drawn anew."""
    heads = [*asdict(GUARD), "regret", "gain", "harmed", "worst"]
    heads += ["other balances: regret", "gain", "harmed", "worst"]
    rows = []
    for gain, aversion, enough in itertools.product(GAINS, AVERSIONS, ENOUGH):
        rule = GuardRule(least_gain=gain, aversion=aversion, enough_gain=enough)
        cells = [f"{value:g}" for value in asdict(rule).values()]
        for drawn in (False, True):
            some = [case for case in cases if case[0]["drawn"] == drawn]
            cells += _costs(some, rule)
        rows.append(cells)
    return markdown(heads, rows)


def _costs(cases: Sequence[Records], rule: GuardRule) -> list[str]:
    if not cases:
        return [""] * 4
    found = outcome(cases, lambda case: guarded(case, rule))
    harmed = f"{100 * found.harmed:.0f} %"
    return [points(found.regret), signed(found.gain), harmed, signed(found.worst)]


def expectation_grid(cases: Sequence[Records], *, violated: bool) -> str:
    """Error and coverage by the two errors of their own, over candidates and both metrics."""
    records = [each for case in cases for each in case if is_violated(each) == violated]
    records = [each for each in records if not each["drawn"]]
    if not records:
        return "no candidate"
    heads = ["confidence error", "weighted error", "mean absolute error", "bias"]
    heads += ["covered, test noise counted", "width"]
    rows = []
    for own in itertools.product(CONFIDENCE_ERRORS, WEIGHTED_ERRORS):
        found = np.array([each for record in records for each in _missed(record, own)])
        error, sd, noise = found.T
        reach = float(scipy.stats.norm.ppf(0.5 + LEVEL / 2))
        covered = (np.abs(error) <= reach * np.sqrt(sd**2 + noise**2)).mean()
        cells = [f"{value:g}" for value in own] + [points(np.abs(error).mean())]
        cells += [signed(error.mean()), f"{100 * covered:.0f} %", points(2 * reach * sd.mean())]
        rows.append(cells)
    return markdown(heads, rows)


def is_violated(record: Record) -> bool:
    """Whether the candidate's own rows refute label shift."""
    return bool(record["prior"]["p_value"] < VIOLATED)


def _missed(record: Record, own: tuple[float, float]) -> Iterator[tuple[float, float, float]]:
    for metric in METRICS:
        value, spread = expected_with(record, metric, own)
        truth = record["truth"]
        yield value - truth[metric], spread, truth[f"{metric}_noise"]


def expected_with(record: Record, metric: str, own: tuple[float, float]) -> tuple[float, float]:
    """The expected score and the error of its interval, had the estimates these of their own.

    What the draws of both estimates have in common is taken from the standard error that is kept.

    Args:
        record: of a candidate.
        metric: of `METRICS`.
        own: of the confidences and of the weighted source rows.
    """
    parts = record["alone"][metric]["parts"]
    values = np.array([parts["confidence"], parts["weighted"]])
    variances = np.array([parts["confidence_spread"], parts["weighted_spread"]]) ** 2
    kept = Rule(**{name: _pair(value) for name, value in record["rule"].items()})
    place = is_violated(record)
    before = np.array([kept.confidence_error[place], kept.weighted_error[place]])
    slopes = odds_slope(values)
    share = parts["confidence_share"]
    rest = parts["standard_error"] ** 2 - _beside(share, values, before * slopes)
    both = np.array([share, 1.0 - share])
    covariance = (rest - both**2 @ variances) / (2.0 * both.prod())
    total = variances + (np.array(own) * slopes) ** 2
    share = total[1] / total.sum()
    both = np.array([share, 1.0 - share])
    drawn = both**2 @ variances + 2.0 * both.prod() * covariance
    value = float(lowered(float(both @ values), by=kept.optimism[place]))
    error = float(np.sqrt(drawn + _beside(share, values, np.array(own) * slopes)))
    return value, interval_error({**parts, "standard_error": error})


def _beside(share: float, values: np.ndarray, own: np.ndarray) -> float:
    """What is added to the variance of the draws; see `expected_score`."""
    apart = share * (1.0 - share) * (values[0] - values[1]) ** 2
    return float(apart + (share * own[0] + (1.0 - share) * own[1]) ** 2)


def _pair(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
