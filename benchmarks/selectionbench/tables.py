"""Markdown: what each rule costs, how well scores are foretold, what the guard chose."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from qualitybench.grid import NATURAL, PAIRS
from selectionbench.measures import Record
from selectionbench.outcomes import HARM, foretold, outcome
from selectionbench.outside import outside_names
from selectionbench.rules import (
    GUARD_NAME,
    METRIC,
    ORACLE,
    Records,
    Rule,
    rank_correlation,
    rankings,
    truths,
)

# The pairs that rules and constants are set on; all others are only reported.
SET_ON = ("tweets", "wikiann")
SET_ON_NAME, REPORTED = "set on", "reported"
# A choice counts as wrong where it harms, or leaves more than this on the table.
LEFT = 0.01


def by_case(records: Iterable[Record]) -> list[Records]:
    """Records that belong together, in order."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record["case"], []).append(record)
    return list(found.values())


def is_set_on(case: Records) -> bool:
    """Whether constants are set on this case's pair."""
    return str(case[0]["pair"]).startswith(SET_ON)


def groups(cases: Sequence[Records]) -> dict[str, list[Records]]:
    """Cases that are told apart: set on or reported, as they are or drawn anew.

    Where there are both, all that are as they are, and of these the natural balances, come last.
    """
    found: dict[str, list[Records]] = {}
    for drawn, how in ((False, ""), (True, ", other balances")):
        for own, name in ((True, SET_ON_NAME), (False, REPORTED)):
            some = [c for c in cases if is_set_on(c) == own and c[0]["drawn"] == drawn]
            if some:
                found[name + how] = some
    if {SET_ON_NAME, REPORTED} <= set(found):
        found["all"] = found[SET_ON_NAME] + found[REPORTED]
        found["all, natural"] = [c for c in found["all"] if c[0]["shift"] == NATURAL]
    return found


def by_nature(cases: Sequence[Records]) -> dict[str, list[Records]]:
    """Cases that scores are foretold for: by their pairs, and where their balance comes from.

    All natural ones, set on or reported, come last: pairs whose own balance is another than the
    source's, and balanced ones.
    """
    kinds = {
        "natural": lambda case: not case[0]["drawn"] and case[0]["shift"] == NATURAL,
        "trained on another balance": lambda case: case[0]["shift"] != NATURAL,
        "drawn anew": lambda case: case[0]["drawn"],
    }
    found = {}
    for (how, belongs), own in itertools.product(kinds.items(), (True, False)):
        some = [case for case in cases if belongs(case) and is_set_on(case) == own]
        if some:
            found[f"{SET_ON_NAME if own else REPORTED}, {how}"] = some
    for balanced, name in ((False, "naturally shifted"), (True, "naturally even")):
        some = [case for case in cases if kinds["natural"](case)]
        some = [case for case in some if PAIRS[str(case[0]["pair"])].balanced == balanced]
        if some:
            found[name] = some
    return found


def rules_table(cases: Sequence[Records], rules: Mapping[str, Rule]) -> str:
    """Rules from the smallest regret to the largest."""
    ranked = rankings(outside_names(cases))
    rows = []
    for name, rule in rules.items():
        found = outcome(cases, rule)
        correlation = ""
        if name in ranked:
            values = [rank_correlation(case, ranked[name](case)) for case in cases]
            correlation = f"{np.mean(values):+.2f}"
        cells = [name, points(found.regret), signed(found.gain), f"{100 * found.harmed:.0f} %"]
        cells.append(f"{100 * found.surely:.0f} %")
        rows.append((found.regret, name != GUARD_NAME, [*cells, signed(found.worst), correlation]))
    rows.sort(key=lambda row: row[:2])
    heads = ["rule", "regret", "gain over zero-shot", "harmed", "beyond noise", "worst"]
    heads.append("rank correlation")
    return markdown(heads, [row[2] for row in rows])


def expectation_table(named: Mapping[str, Sequence[Records]]) -> str:
    """Expected scores against true ones, by group of cases and metric."""
    heads = ["cases", "metric", "estimate", "candidates", "mean absolute error", "bias", "covered"]
    heads += ["covered, test noise counted", "width"]
    rows = []
    for name, cases in named.items():
        for metric, how in itertools.product(("accuracy", METRIC), ("alone", "beside")):
            found = foretold(cases, metric=metric, how=how)
            cells = [name, metric.replace("macro_f1", "macro-F1"), how, str(found.count)]
            cells += [points(found.error), signed(found.bias), f"{100 * found.covered:.0f} %"]
            rows.append([*cells, f"{100 * found.covered_with_noise:.0f} %", points(found.width)])
    return markdown(heads, rows)


def choices_table(cases: Sequence[Records], rules: Mapping[str, Rule]) -> str:
    """What the guard chose in each case, beside what would have been best."""
    heads = ["case", "zero-shot", "guard chose", "gain", "best", "its gain", "noise of that", ""]
    rows = []
    for case in cases:
        true, chosen, best = truths(case), rules[GUARD_NAME](case), rules[ORACLE](case)
        noise = case[best]["truth"][f"{METRIC}_gain_noise"]
        cells = [case[0]["case"], points(true[0]), case[chosen]["candidate"]]
        cells += [signed(true[chosen] - true[0]), case[best]["candidate"]]
        cells += [signed(true[best] - true[0]), points(noise), verdict(true, chosen)]
        rows.append(cells)
    return markdown(heads, rows)


def verdict(true: np.ndarray, chosen: int) -> str:
    """Whether and how a choice was wrong."""
    if true[chosen] - true[0] < -HARM:
        return "**harms**"
    return "leaves gain" if true.max() - true[chosen] > LEFT else ""


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def points(value: float) -> str:
    """A score or a difference in percentage points."""
    return f"{100 * value:.1f}"


def signed(value: float) -> str:
    """The same with its sign."""
    return f"{100 * value:+.1f}"
