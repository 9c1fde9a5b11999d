"""Everything that is known of a case's candidates, as one record each, kept in a file."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isogloss.labelshift.measures import total_variation
from isogloss.selection import (
    ExpectedScore,
    Standing,
    available_scores,
    expected_score,
    score_candidates,
    weigh_candidates,
)
from isogloss.selection.expectation import METRICS, RULE
from isogloss.selection.gains import mean_weights
from selectionbench.candidates import Candidate, candidates_of
from selectionbench.cases import ZERO_SHOT, Case
from selectionbench.truth import summary, true_scores

# Of what a record holds: a change makes files of before be measured anew.
VERSION = 9
Record = dict[str, Any]


def measure_all(cases: Iterable[Case], path: Path) -> list[Record]:
    """The records of all cases, see `measure` and `kept_or_measured`."""
    # What to expect comes of the rule's constants; those of the guard play no part in a record.
    rule = hashlib.sha256(repr(RULE).encode()).hexdigest()[:8]
    return kept_or_measured(cases, path, measure, version=f"{VERSION}-{rule}")


def kept_or_measured(
    cases: Iterable[Case],
    path: Path,
    measure_one: Callable[[Case, str], list[Record]],
    *,
    version: str,
) -> list[Record]:
    """The records of all cases; those whose files have not changed are read back.

    Args:
        cases: to measure.
        path: JSON lines, rewritten after every case that is measured.
        measure_one: from a case and its stamp to its records, which have `case` and `stamp`.
        version: of what a record holds.
    """
    kept: dict[str, list[Record]] = {}
    for record in read_lines(path):
        kept.setdefault(record["stamp"], []).append(record)
    found: list[Record] = []
    for case in cases:
        stamp = f"{version}-{case.stamp}"
        if stamp not in kept:
            # What was measured of the case before is of other files.
            kept = {name: some for name, some in kept.items() if some[0]["case"] != case.key}
            kept[stamp] = measure_one(case, stamp)
            write_lines(path, [record for records in kept.values() for record in records])
        found += kept[stamp]
    return found


def measure(case: Case, stamp: str) -> list[Record]:
    """One record a candidate, the zero-shot model as it is first.

    Returns:
        Each has the case, `stamp`, `version`, `candidate`, `method`, `corrected`; `truths` by set,
        "test" and "both" (with the target rows' own labels), see `summary`; `scores` by name; by
        metric what to expect from the candidate's own rows, `alone` (`value`, `interval`, `parts`);
        `standing`, what the guard goes by, models and source rows apart; `prior` (`significant`,
        `p_value`, `shift` in total variation); `rule` of what to expect.

        Scores share one estimate of the prior, the mean of all models' estimates.
    """
    candidates = candidates_of(case)
    rows = [each.rows for each in candidates]
    weights = mean_weights([each.estimate for each in candidates if each.name in case.jury])
    given = {"weights": weights, "zero_shot": ZERO_SHOT}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = score_candidates(rows, available_scores(rows, **given), **given, seed=case.seed)
        standings = {metric: _standings(candidates, metric, case) for metric in METRICS}
    truths = _truths(candidates)
    records = []
    for place, each in enumerate(candidates):
        record = {"case": case.key, "pair": case.pair, "shift": case.shift, "seed": case.seed}
        record |= {"drawn": case.draw is not None, "stamp": stamp, "version": VERSION}
        record |= {"candidate": each.name, "method": each.method}
        record |= {"corrected": each.rows.correction is not None, "truths": truths[place]}
        record |= {"scores": {name: float(values[place]) for name, values in scores.items()}}
        own = {metric: standings[metric][each.name] for metric in METRICS}
        record |= {"alone": plain(_expected(each, case.seed))}
        record |= {"prior": _prior(each)}
        record |= {"standing": {metric: asdict(standing) for metric, standing in own.items()}}
        records.append(record | {"rule": asdict(RULE)})
    return records


def _truths(candidates: list[Candidate]) -> list[dict[str, dict[str, float]]]:
    found: list[dict[str, dict[str, float]]] = [{} for _ in candidates]
    for name in ("test", "both"):
        scores = [true_scores(getattr(each, name)) for each in candidates]
        for place, each in enumerate(scores):
            found[place][name] = summary(each, scores[0])
    return found


def _standings(candidates: list[Candidate], metric: str, case: Case) -> dict[str, Standing]:
    found = weigh_candidates(
        [each.rows for each in candidates if each.rows.correction is None],
        {each.method: each.estimate for each in candidates},
        zero_shot=ZERO_SHOT,
        metric=metric,
        jury=case.jury,
        seed=case.seed,
    )
    return {standing.name: standing for standing in found}


def _expected(candidate: Candidate, seed: int) -> dict[str, ExpectedScore]:
    rows, estimate = candidate.rows, candidate.estimate
    return {name: expected_score(rows, estimate, metric=name, seed=seed) for name in METRICS}


def plain(expected: dict[str, ExpectedScore]) -> Record:
    """What a record keeps of expected scores, by metric."""
    return {
        metric: {"value": each.value, "interval": each.interval, "parts": each.parts}
        for metric, each in expected.items()
    }


def _prior(candidate: Candidate) -> Record:
    estimate = candidate.estimate
    return {
        "significant": estimate.shift_is_significant,
        "p_value": estimate.assumption_p_value,
        "shift": total_variation(estimate.prior, estimate.source_prior),
    }


def read_lines(path: Path) -> list[Record]:
    """JSON lines; one that was cut off in the middle does not count."""
    records = []
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def write_lines(path: Path, records: list[Record]) -> None:
    """Records as JSON lines, all of them or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    temporary.replace(path)
