"""What is expected of each candidate beside the zero-shot model, with the present constants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from isogloss.selection import ExpectedScore, Standing, weighed
from isogloss.selection.anchoring import anchored_score
from isogloss.selection.expectation import METRICS
from selectionbench.cases import ZERO_SHOT
from selectionbench.measures import Record, plain
from selectionbench.outcomes import LEVEL
from selectionbench.rules import Records


def with_expected(cases: Iterable[Records]) -> Iterator[Records]:
    """The cases, each record with `beside`: what is expected from the zero-shot model's own rows.

    It comes of what the records hold, so that other constants of the guard need no run.

    Args:
        cases: as `measure` gives them, the zero-shot model as it is first.
    """
    for case in cases:
        base = {metric: _expected(case[0], metric) for metric in METRICS}
        yield [record | {"beside": _beside(record, base)} for record in case]


def _beside(record: Record, base: dict[str, ExpectedScore]) -> Record:
    standings = {metric: weighed(Standing(**record["standing"][metric])) for metric in METRICS}
    return plain(
        {
            metric: anchored_score(base[metric], standing, zero_shot=ZERO_SHOT)
            for metric, standing in standings.items()
        }
    )


def _expected(record: Record, metric: str) -> ExpectedScore:
    """What a record says is expected from the candidate's own rows; only what tables need."""
    kept = record["alone"][metric]
    return ExpectedScore(
        metric=metric,
        value=kept["value"],
        interval=tuple(kept["interval"]),
        level=LEVEL,
        assumption="",
        sentence="",
        parts=kept["parts"],
    )
