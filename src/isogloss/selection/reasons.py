"""Why the guard chose as it did, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.labelshift.matching import VIOLATED
from isogloss.selection.gains import Standing
from isogloss.selection.verdicts import Decision, Verdict
from isogloss.selection.wording import METRIC_NAMES, counted


def reasons_for(
    decision: Decision, standings: Sequence[Standing], *, zero_shot: str, metric: str
) -> list[str]:
    """Sentences for people: what is chosen, why it is (not) corrected, why others are left aside.

    Args:
        decision: of these standings.
        standings: as the decision was made from.
        zero_shot: name of the baseline.
        metric: "accuracy" or "macro_f1".
    """
    verdicts = {each.name: each for each in decision.verdicts}
    chosen = next(each for each in standings if each.name == decision.name)
    found = [_chosen(chosen, zero_shot, METRIC_NAMES[metric])]
    found.append(_balance(chosen, standings, verdicts))
    for standing in standings:
        if standing.name != zero_shot and standing.model != chosen.model:
            found += _left_aside(standing, verdicts[standing.name], METRIC_NAMES[metric])
    return [*found, _labels(standings)]


def _labels(standings: Sequence[Standing]) -> str:
    evidence = standings[0].labelled
    if evidence is None:
        return "No target label was seen for any of this."
    rows = counted(evidence.rows, evidence.units)
    shares = [each.labelled_share for each in standings if each.labelled_share > 0]
    if not shares:
        return f"{rows} were there to check; no candidate was trained on them."
    weight = f"{100 * sum(shares) / len(shares):.0f} %"
    return f"In these gains {rows} count {weight}; no candidate was trained on them."


def _chosen(chosen: Standing, zero_shot: str, metric: str) -> str:
    if chosen.name == zero_shot:
        return "Adapting is not expected to help here: the zero-shot model is kept."
    judges = "all candidates together expect"
    if chosen.labelled is not None:
        judges = "all candidates and the labelled rows together expect"
    expected = f"{judges} it to gain {_points(chosen.gain)} of {metric}"
    if chosen.model == zero_shot:
        return f"The zero-shot model is kept, its predictions corrected: {expected}."
    return f"{chosen.name} is chosen: {expected} over the zero-shot model."


def _balance(chosen: Standing, standings: Sequence[Standing], verdicts: dict[str, Verdict]) -> str:
    if chosen.corrected and chosen.p_value < VIOLATED:
        return (
            "Its predictions are corrected for the target's class balance: the test refutes label "
            "shift, but on the labelled rows the correction gains."
        )
    if chosen.corrected:
        return (
            "Its predictions are corrected for the target's class balance: the shift that it "
            "estimates is significant, and nothing speaks against label shift."
        )
    twins = [each.name for each in standings if each.model == chosen.model and each.corrected]
    against = [verdicts[name].against for name in twins]
    if "assumption" in against:
        return (
            "Its predictions are not corrected for the class balance: the test refutes label "
            "shift, so the estimate is not to be relied upon."
        )
    if not twins or "shift" in against:
        return "Its predictions are not corrected: no shift of the class balance is significant."
    return "Its predictions are not corrected for the class balance: that is not expected to help."


def _left_aside(standing: Standing, verdict: Verdict, metric: str) -> list[str]:
    if verdict.against in ("shift", "assumption"):
        return []
    name = standing.name
    if not verdict.against:
        return [f"{name} is expected to gain less, {_points(standing.gain)}."]
    if verdict.against == "source":
        lost = f"{_points(-standing.source_gain)} of {metric}"
        where = "on labelled source rows that weigh as the target"
        return [f"{name} is left aside: {where} it loses {lost}."]
    if standing.gain <= 0:
        return [f"{name} is left aside: it is expected to lose {_points(-standing.gain)}."]
    gain = _points(standing.gain)
    return [f"{name} is left aside: it is expected to gain {gain}, too little to rely upon."]


def _points(value: float) -> str:
    shown = f"{100 * value:.1f}"
    return f"{shown} point" + "s" * (shown != "1.0")
