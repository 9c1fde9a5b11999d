"""Rules of choice, each a candidate of every case, all from the same records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import scipy.stats

from isogloss.selection import GUARD, SCORES, GuardRule, Standing, decide, weighed
from selectionbench.cases import ALIGNED, LAST, ZERO_SHOT
from selectionbench.measures import Record

METRIC = "macro_f1"
GUARD_NAME, ORACLE, VALIDATION = "guard", "oracle", "source validation"
FIXED = {"always zero-shot": ZERO_SHOT, "always iwda": ALIGNED, "always the last stage": LAST}
# One case: the records of its candidates, the zero-shot model as it is first.
Records = Sequence[Record]
Rule = Callable[[Records], int]


def rules(
    constants: GuardRule = GUARD,
    *,
    ours: Iterable[str] = tuple(SCORES),
    outside: Iterable[str] = (),
) -> dict[str, Rule]:
    """Every rule by name: from a case's records to the place of the chosen one.

    Args:
        constants: of the guard.
        ours: names of our own scores, see `shared_scores`.
        outside: names of other libraries' scores, each a rule as our own scores are.
    """
    found: dict[str, Rule] = {GUARD_NAME: lambda case: guarded(case, constants)}
    found |= {name: _always(method) for name, method in FIXED.items()}
    found[VALIDATION] = _best_by("source-macro-f1")
    found |= {name: _best_by(name) for name in ours if name != "source-macro-f1"}
    found |= {name: _best_by(name) for name in outside}
    return found | {ORACLE: lambda case: int(np.argmax(truths(case)))}


def shared_scores(cases: Sequence[Records]) -> tuple[list[str], dict[str, list[Records]]]:
    """Our scores that all cases have, and of each other one the cases that have it.

    A score that is newer than a kept case is not in its records.
    """
    having = {
        name: [case for case in cases if all(name in record["scores"] for record in case)]
        for name in SCORES
    }
    shared = [name for name, some in having.items() if len(some) == len(cases)]
    return shared, {name: some for name, some in having.items() if name not in shared}


def guarded(case: Records, constants: GuardRule = GUARD) -> int:
    """What the guard chooses."""
    chosen = decide(standings(case, constants), zero_shot=ZERO_SHOT, rule=constants).name
    return [record["candidate"] for record in case].index(chosen)


def standings(case: Records, constants: GuardRule = GUARD) -> list[Standing]:
    """What the guard goes by."""
    return [weighed(Standing(**record["standing"][METRIC]), constants) for record in case]


def truths(case: Records) -> np.ndarray:
    """True scores (c,) on the test set."""
    return np.array([record["truth"][METRIC] for record in case])


def values(case: Records, name: str) -> np.ndarray:
    """A score (c,), turned so that higher is better; nan where it was not to be had."""
    # Those of other libraries are best where they are highest.
    sign = 1.0 if name not in SCORES or SCORES[name].higher_is_better else -1.0
    return sign * np.array([record["scores"].get(name, np.nan) for record in case])


def rank_correlation(case: Records, found: np.ndarray) -> float:
    """Spearman's correlation with the true scores; 0 where a rule ranks all alike."""
    true = truths(case)
    if len(case) < 2 or np.ptp(true) == 0 or not np.ptp(found) > 0:
        return 0.0
    return float(scipy.stats.spearmanr(found, true).statistic)


def rankings(outside: Iterable[str] = ()) -> Mapping[str, Callable[[Records], np.ndarray]]:
    """What the rules that rank candidates rank them by, higher for better; see `rules`."""
    found = {name: _values_of(name) for name in (*SCORES, *outside)}
    found[VALIDATION] = found.pop("source-macro-f1")
    return {GUARD_NAME: guard_values} | found


def guard_values(case: Records) -> np.ndarray:
    """What the guard ranks candidates by (c,)."""
    decision = decide(standings(case), zero_shot=ZERO_SHOT)
    return np.array([verdict.sure_gain for verdict in decision.verdicts])


def _values_of(name: str) -> Callable[[Records], np.ndarray]:
    return lambda case: values(case, name)


def _always(method: str) -> Rule:
    return lambda case: [r["candidate"] for r in case].index(method)


def _best_by(name: str) -> Rule:
    # Of equal ones the first: the zero-shot model comes before all others.
    # One without the score is not chosen.
    return lambda case: int(np.nan_to_num(values(case, name), nan=-np.inf).argmax())
