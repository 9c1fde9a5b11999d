"""Label-free scores of other libraries, where they are installed.

All are scores of which the highest is best. skada's scorers follow scikit-learn's convention and
turn the sign of a loss themselves ("the scorer object will sign-flip the outcome"); of
pytorch-adapt's validators `ScoreHistory.best_score` is the largest.
"""

from __future__ import annotations

import importlib
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss.selection import SCORES, CandidateRows
from isogloss.selection.rows import sample_rows
from selectionbench.candidates import candidates_of
from selectionbench.cases import Case

# Of what a record holds: a change makes files of before be measured anew.
VERSION = 1
# Module with the `SCORERS` of a library, by what its rows in tables begin with.
LIBRARIES = {
    "skada": "selectionbench.outside_skada",
    "pytorch-adapt": "selectionbench.outside_pytorch_adapt",
}
# Scores that compare rows with each other get no more of a side.
MOST_ROWS = 2_000


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a scorer is shown of a candidate, the same rows for all scorers.

    Attributes:
        source_features: (n, d), float32.
        source_logits: (n, k), after the candidate's correction for the class balance.
        source_labels: (n,) classes in 0..k-1.
        target_features: (m, d).
        target_logits: (m, k).
        seed: of every draw.
    """

    source_features: np.ndarray
    source_logits: np.ndarray
    source_labels: np.ndarray
    target_features: np.ndarray
    target_logits: np.ndarray
    seed: int


Scorer = Callable[[Shown], float]


def shown_of(rows: CandidateRows, seed: int) -> Shown:
    """The rows of a candidate with features, as it predicts them in use."""
    assert rows.source_features is not None
    assert rows.target_features is not None
    source = sample_rows(len(rows.source_labels), MOST_ROWS, seed=seed)
    target = sample_rows(rows.num_target_rows, MOST_ROWS, seed=seed)
    return Shown(
        source_features=rows.source_features[source].astype(np.float32),
        source_logits=_served_logits(rows, rows.source_logits[source]),
        source_labels=np.asarray(rows.source_labels[source], dtype=np.int64),
        target_features=rows.target_features[target].astype(np.float32),
        target_logits=_served_logits(rows, rows.target_logits[target]),
        seed=seed,
    )


def _served_logits(rows: CandidateRows, logits: np.ndarray) -> np.ndarray:
    """Logits whose softmax is what the candidate gives in use."""
    found = logits.astype(np.float64)
    if rows.correction is not None:
        # A class that is ruled out stays so, by a finite number.
        found = found + np.log(np.maximum(rows.correction, 1e-30))
    return found.astype(np.float32)


def load_scorers() -> tuple[dict[str, Scorer], list[str]]:
    """Scorers by the names that they have in tables, and a sentence for each library without."""
    found: dict[str, Scorer] = {}
    left_out = []
    for library, module in LIBRARIES.items():
        try:
            scorers = importlib.import_module(module).SCORERS
        except ImportError as error:
            left_out.append(f"the scores of {library}, which cannot be imported: {error}")
            continue
        found |= {f"{library}: {name}": scorer for name, scorer in scorers.items()}
    return found, left_out


def version_of(scorers: Iterable[str]) -> str:
    """Changes with the scorers that there are, so that all cases have the same."""
    return f"{VERSION}-{zlib.crc32(repr(sorted(scorers)).encode()):08x}"


def measure_outside(case: Case, stamp: str, scorers: dict[str, Scorer]) -> list[dict[str, Any]]:
    """The outside scores of a case, one record a candidate.

    Returns:
        Each has the case, `stamp`, `candidate` and `scores` by name; without those that a scorer
        refused to give, which are named on stderr.
    """
    records = []
    for each in candidates_of(case):
        shown = shown_of(each.rows, case.seed)
        scores = {}
        for name, scorer in scorers.items():
            value = _score(scorer, shown, f"{name} for {each.name} of {case.key}")
            if np.isfinite(value):
                scores[name] = value
        records.append({"case": case.key, "stamp": stamp, "candidate": each.name, "scores": scores})
    return records


def _score(scorer: Scorer, shown: Shown, what: str) -> float:
    # Some take from numpy's own generator, which nothing else here does.
    state = np.random.get_state()
    np.random.seed(shown.seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(scorer(shown))
    except (ValueError, IndexError, RuntimeError) as error:
        print(f"left out: {what}: {error}", file=sys.stderr)
        return float("nan")
    finally:
        np.random.set_state(state)


def add_outside(
    records: Iterable[dict[str, Any]], outside: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Records with the outside scores of their candidates among their own."""
    found = {(each["case"], each["candidate"]): each["scores"] for each in outside}
    return [
        record | {"scores": record["scores"] | found.get((record["case"], record["candidate"]), {})}
        for record in records
    ]


def outside_names(cases: Iterable[Sequence[dict[str, Any]]]) -> list[str]:
    """Names of the scores of other libraries that cases have, in their order."""
    names = dict.fromkeys(name for case in cases for record in case for name in record["scores"])
    return [name for name in names if name not in SCORES]
