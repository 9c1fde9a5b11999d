"""The guard: the zero-shot model is kept unless evidence without labels says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from isogloss.labelshift.prior_estimation import PriorEstimate
from isogloss.selection.anchoring import anchored_score
from isogloss.selection.expectation import ExpectedScore, expected_score
from isogloss.selection.gains import Standing, weigh_candidates
from isogloss.selection.labelled import LabelledRows
from isogloss.selection.opinions import Jury
from isogloss.selection.reasons import reasons_for
from isogloss.selection.rows import CandidateRows
from isogloss.selection.sharpening import sharpened
from isogloss.selection.verdicts import GUARD, Decision, GuardRule, decide, weighed


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is chosen among candidates, and why.

    Attributes:
        name: of the chosen candidate; `CORRECTED` ends it where predictions are to be corrected.
        model: the name of its model.
        corrected: whether predictions are to be corrected by that model's own estimate.
        reasons: sentences for people, the decision first.
        expected: by name, the score to expect of each candidate on the target.
        table: a row of plain values a candidate: what `Standing` and `Verdict` say, and `expected`
            with all that `ExpectedScore.to_dict` gives.
    """

    name: str
    model: str
    corrected: bool
    reasons: list[str]
    expected: dict[str, ExpectedScore]
    table: list[dict[str, Any]]


def choose(
    candidates: Sequence[CandidateRows],
    estimates: Mapping[str, PriorEstimate],
    *,
    zero_shot: str,
    metric: str = "macro_f1",
    jury: Jury | None = None,
    labelled: LabelledRows | None = None,
    rule: GuardRule = GUARD,
    level: float = 0.9,
    words: bool = False,
    left_out: Sequence[str] = (),
    seed: int = 0,
) -> Choice:
    """Choose among models, each as it is and with corrected predictions, without target labels.

    The zero-shot model as it is stays unless all models together, and labelled source rows that
    weigh as the target, expect something else to be better by a margin (`weigh_candidates`,
    `weighed`), less the noise of resampled rows, and that loses nothing to speak of on the source.
    Predictions are corrected only where the shift is significant and label shift is not refuted. Of
    what is left, the candidate of the greatest gain is taken.

    A few labelled target rows count beside that by the inverse of its variance (`Standing.heard`):
    ten hardly move the choice, two hundred decide it.

    Args:
        candidates: of the same classes, source rows and target rows, each with a name of its own;
            none of them corrected.
        estimates: of the target's prior, from each candidate's own rows, by its name; best as
            `agreed_estimates` gives them.
        zero_shot: name of the candidate that has seen no target text.
        metric: "accuracy" or "macro_f1".
        jury: names of the candidates whose opinions count, or by these names the lineages that
            have a voice (`opinions_of`); None: all, each its own.
        labelled: random target rows with labels, seen by every candidate, or None.
        rule: the constants.
        level: coverage that the intervals of the expected scores aim at, above 0 and below 1.
        words: whether rows are the words of a tagging task; it changes the sentences alone.
        left_out: names of candidates that a budget of time left untrained, to be named.
        seed: of every draw.

    Returns:
        The choice.

    Raises:
        IsoglossError: as `weigh_candidates` and `expected_score`.

    Example:
        >>> choice = choose([zero_shot, iwda, st], estimates, zero_shot="zero-shot")
        >>> choice.name, choice.reasons, choice.expected[choice.name].sentence
    """
    found = weigh_candidates(
        candidates,
        estimates,
        zero_shot=zero_shot,
        metric=metric,
        jury=jury,
        labelled=labelled,
        level=level,
        seed=seed,
    )
    standings = [weighed(each, rule) for each in found]
    decision = decide(standings, zero_shot=zero_shot, rule=rule)
    base = next(rows for rows in candidates if rows.name == zero_shot)
    known = expected_score(
        base, estimates[zero_shot], metric=metric, level=level, words=words, seed=seed
    )
    # Labelled rows tell the level, too, so they come into the score of a candidate on their own.
    alone = [weighed(replace(each, labelled=None), rule) for each in found]
    expected = {
        each.name: sharpened(anchored_score(known, free, zero_shot=zero_shot), each.labelled)
        for each, free in zip(found, alone, strict=True)
    }
    chosen = next(each for each in standings if each.name == decision.name)
    return Choice(
        name=chosen.name,
        model=chosen.model,
        corrected=chosen.corrected,
        reasons=reasons_for(
            decision,
            standings,
            zero_shot=zero_shot,
            metric=metric,
            words=words,
            left_out=left_out,
            adapted=any(name != zero_shot for name in jury or estimates),
        ),
        expected=expected,
        table=_table(standings, decision, expected),
    )


def _table(
    standings: Sequence[Standing], decision: Decision, expected: Mapping[str, ExpectedScore]
) -> list[dict[str, Any]]:
    return [
        {**asdict(standing), **asdict(verdict), "expected": expected[standing.name].to_dict()}
        for standing, verdict in zip(standings, decision.verdicts, strict=True)
    ]
