"""The paper's claims, and what finished runs say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from isogloss.labelshift.measures import total_variation
from isogloss.paper.published import published_table
from isogloss.paper.results import Units, units_of
from isogloss.paper.specification import METRICS, Part, Specification
from isogloss.paper.work import Record

# Coverage of the interval that decides.
LEVEL = 0.95
# A larger shift of the prior is one where the paper's estimates of it help.
LARGE_SHIFT = 0.8
COMBINATIONS = ("iwda+kd", "iwda+st")
OTHERS = ("keung2019", "wu2020", "kd", "st", "iwda")
SELF_TRAINING = ("st", "wu2020", "kd")

SENTENCES = {
    "iwda-above-zero-shot": "iwda scores above zero-shot",
    "combination-best": "iwda with distillation or self-training after it is the best of the "
    "methods without target labels",
    "unweighted-below-zero-shot": "alignment without importance weights scores below zero-shot",
    "ssl-negative-under-shift": "self-training or distillation alone scores below zero-shot on the "
    "third of the sets with the largest shift of the prior",
    "shift-reduction": "iwda makes the conditional feature shift smaller",
    "prior-correction": "the estimated prior is nearer to the true one than the source's is",
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What runs say of a claim.

    Attributes:
        claim: its name.
        corpus: that it was tested on.
        sentence: the claim in words.
        verdict: `"holds"`, `"contradicted"`, `"not decided"` or `"no data"`.
        mean: of the differences that the claim says are positive: points of the score, or percent.
        low: lower end of the mean's interval, None for fewer than two differences.
        high: upper end.
        units: how many differences, and of what, such as "5 languages".
        positive: how many of them are above 0.
        published: the same mean by the paper's own figures, None where it has none.
        remark: what else to know.
    """

    claim: str
    corpus: str
    sentence: str
    verdict: str
    mean: float | None
    low: float | None
    high: float | None
    units: str
    positive: int
    published: float | None
    remark: str = ""


def verdicts(spec: Specification, records: Sequence[Record]) -> list[Verdict]:
    """Every claim that the table or figure is evidence for, part by part.

    A claim holds where the 95 % t-interval of the mean difference lies above 0, and is
    contradicted where it lies below. Differences are between means over seeds, one for each
    language or set; with a single language, one for each seed.

    Args:
        spec: the table or figure.
        records: of its finished cells.
    """
    return [
        verdict(claim, spec, part, records)
        for part in spec.parts
        for claim in spec.claims
        if applies(claim, part)
    ]


def applies(claim: str, part: Part) -> bool:
    """Whether a part runs the methods that a claim compares."""
    return claim != "combination-best" or any(one in part.methods for one in COMBINATIONS)


def verdict(claim: str, spec: Specification, part: Part, records: Sequence[Record]) -> Verdict:
    """One claim."""
    own = [record for record in records if record["corpus"] == part.corpus]
    units = units_of(own, METRICS[part.metric])
    values, remark = _differences(claim, units, own)
    mean, low, high = interval(values)
    return Verdict(
        claim=claim,
        corpus=part.corpus,
        sentence=SENTENCES[claim],
        verdict=decide(mean, low, high),
        mean=mean,
        low=low,
        high=high,
        units=f"{len(values)} {units.what}",
        positive=sum(value > 0 for value in values),
        published=published_mean(claim, spec, part),
        remark=remark,
    )


def interval(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Mean and t-interval; no interval for fewer than two values, nothing for none."""
    if not values:
        return None, None, None
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    reach = error * float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1))
    return mean, mean - reach, mean + reach


def decide(mean: float | None, low: float | None, high: float | None) -> str:
    """The verdict of an interval."""
    if mean is None:
        return "no data"
    if low is not None and low > 0:
        return "holds"
    return "contradicted" if high is not None and high < 0 else "not decided"


def published_mean(claim: str, spec: Specification, part: Part) -> float | None:
    """The mean that the paper's own figures give."""
    if claim in part.reported:
        return part.reported[claim]
    found = {} if spec.table is None else published_table(spec.table)
    scores: dict[str, dict[str, float]] = {}
    for (method, language), value in found.items():
        if language != "en":
            scores.setdefault(language, {})[method] = value
    compare = COMPARISONS.get(claim)
    if compare is None:
        return None
    values = [compare(one) for one in scores.values()]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _differences(claim: str, units: Units, records: Sequence[Record]) -> tuple[list[float], str]:
    """The differences that a claim says are positive, and a remark."""
    if claim == "shift-reduction":
        return shift_reductions(records), "in percent of the zero-shot model's"
    if claim == "prior-correction":
        return prior_corrections(records)
    scores = units.scores
    if claim == "ssl-negative-under-shift":
        scores = largest_third(units)
    found = [COMPARISONS[claim](one) for one in scores.values()]
    return [value for value in found if value is not None], "points"


def _iwda_above(one: Mapping[str, float]) -> float | None:
    return one["iwda"] - one["zero-shot"] if {"iwda", "zero-shot"} <= set(one) else None


def _combination_above(one: Mapping[str, float]) -> float | None:
    best = [one[method] for method in COMBINATIONS if method in one]
    others = [one[method] for method in OTHERS if method in one]
    return max(best) - max(others) if best and others else None


def _unweighted_below(one: Mapping[str, float]) -> float | None:
    both = {"iwda-unweighted", "zero-shot"} <= set(one)
    return one["zero-shot"] - one["iwda-unweighted"] if both else None


def _self_training_below(one: Mapping[str, float]) -> float | None:
    found = [one[method] for method in SELF_TRAINING if method in one]
    return one["zero-shot"] - max(found) if found and "zero-shot" in one else None


COMPARISONS: dict[str, Callable[[Mapping[str, float]], float | None]] = {
    "iwda-above-zero-shot": _iwda_above,
    "combination-best": _combination_above,
    "unweighted-below-zero-shot": _unweighted_below,
    "ssl-negative-under-shift": _self_training_below,
}


def largest_third(units: Units) -> dict[Any, dict[str, float]]:
    """The units with the largest shifts of the prior, a third of all, at least one."""
    ordered = sorted(units.scores, key=lambda unit: -units.shifts.get(unit, 0.0))
    return {unit: units.scores[unit] for unit in ordered[: max(1, len(ordered) // 3)]}


def shift_reductions(records: Sequence[Record]) -> list[float]:
    """By how much `iwda` made the conditional feature shift smaller, in percent, by language.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 4.1.
    """
    by_language: dict[str, list[float]] = {}
    for record in records:
        if record["method"] == "iwda" and "shift" in record:
            before, after = record["shift"]["zero-shot"], record["shift"]["iwda"]
            by_language.setdefault(record["language"], []).append(100 * (1 - after / before))
    if len(by_language) == 1:
        return next(iter(by_language.values()))
    return [float(np.mean(values)) for values in by_language.values()]


def prior_corrections(records: Sequence[Record]) -> tuple[list[float], str]:
    """How much of the shift of the prior the weights of `iwda` corrected, in percent.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 4.2: (TV(p_S, p_T) - TV(estimate, p_T)) / TV(p_S, p_T).

    Returns:
        One value for each run: of those with a shift above 0.8 where there are any, else of all;
        and a remark that says which, with the mean of the others.
    """
    large: list[float] = []
    small: list[float] = []
    for record in records:
        prior = record["prior"]
        if record["method"] != "iwda" or prior["training"] is None:
            continue
        shift = total_variation(prior["source"], prior["true"])
        if shift > 0:
            error = total_variation(prior["training"], prior["true"])
            (large if shift > LARGE_SHIFT else small).append(100 * (shift - error) / shift)
    if not large:
        return small, "in percent of the shift"
    rest = f"; {np.mean(small):.1f} on average of {len(small)} below" if small else ""
    return large, f"in percent of the shift, of shifts above {LARGE_SHIFT}{rest}"
