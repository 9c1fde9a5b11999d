"""Records of cases that outlive the runs they were measured on: all that the tables need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isogloss.selection import SCORES
from isogloss.selection.expectation import RULE
from qualitybench.grid import place_of
from selectionbench.cases import NEEDED
from selectionbench.measures import VERSION, Record, read_lines, write_lines
from selectionbench.rules import Records
from selectionbench.tables import by_case

KEPT = Path(__file__).resolve().parents[1] / "results" / "selection.jsonl"
# Of every number in the file; differences between candidates are a thousand times as large.
DIGITS = 6


def keep(records: Iterable[Record], path: Path) -> None:
    """Put records into the file, in place of those of the same cases.

    Cases that are drawn from others stay out. Scores of other libraries that are not installed this
    time stay with candidates whose files have not changed.

    Args:
        records: whole cases, as `measure` and `add_outside` give them.
        path: JSON lines.
    """
    new = [_rounded(record) for record in records if not record["drawn"]]
    old = read_lines(path)
    before = {(each["candidate"], each["stamp"]): each["scores"] for each in old}
    for record in new:
        known = before.get((record["candidate"], record["stamp"]), {})
        outside = {name: value for name, value in known.items() if name not in SCORES}
        record["scores"] = outside | record["scores"]
    measured = {record["case"] for record in new}
    cases = by_case([each for each in old if each["case"] not in measured] + new)
    lines = [record for case in sorted(cases, key=_place) for record in case]
    if lines != old:
        write_lines(path, lines)


def kept_cases(path: Path) -> tuple[list[Records], list[str]]:
    """The cases of a file that every rule can be followed in, a sentence for each left out."""
    cases, left_out = [], []
    for case in by_case(read_lines(path)):
        name = case[0]["case"]
        missing = set(NEEDED) - {record["method"] for record in case}
        if any(record["version"] != VERSION for record in case):
            left_out.append(f"{name}: measured by an earlier version")
        elif missing:
            left_out.append(f"{name}: {', '.join(sorted(missing))} not there yet")
        else:
            cases.append(case)
    return cases, left_out


def foretold_by_rule(cases: Iterable[Records]) -> list[Records]:
    """The cases whose scores were foretold with the present constants."""
    # What is read back has lists where what was just measured has tuples.
    rule = _rounded(asdict(RULE))
    return [case for case in cases if all(_rounded(each["rule"]) == rule for each in case)]


def _place(case: Records) -> tuple[tuple[int, str], int]:
    first = case[0]
    return place_of(first["pair"], first["shift"]), first["seed"]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_rounded(each) for each in value]
    return value
