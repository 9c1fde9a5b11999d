"""Why the guard chose as it did, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.labelshift.matching import VIOLATED
from isogloss.selection.gains import Standing
from isogloss.selection.verdicts import Decision, Verdict
from isogloss.selection.wording import METRIC_NAMES, counted

_ONE = {
    "": "{name} is expected to gain less, or less surely: {size}.",
    "source": "{name} is left aside: on labelled source rows that weigh as the target it loses "
    "{size} of {metric}.",
    "loss": "{name} is left aside: it is expected to lose {size}.",
    "gain": "{name} is left aside: it is expected to gain {size}, too little to rely upon.",
}
_SEVERAL = {
    "": "{names} are expected to gain less, or less surely.",
    "source": "{names} are left aside: so much {metric} they lose on labelled source rows that "
    "weigh as the target.",
    "loss": "{names} are left aside: so much they are expected to lose.",
    "gain": "{names} are left aside: what they are expected to gain is too little to rely upon.",
}


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
    others = [e for e in standings if e.name != zero_shot and e.model != chosen.model]
    kinds = [_kind(each, verdicts[each.name]) for each in others]
    for kind in (kind for kind in dict.fromkeys(kinds) if kind in _ONE):
        alike = [each for each, own in zip(others, kinds, strict=True) if own == kind]
        found.append(_left_aside(alike, kind, METRIC_NAMES[metric]))
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
    judges = "all candidates and the source's labels together expect"
    if chosen.labelled is not None:
        judges = "all candidates, the source's labels and the labelled rows together expect"
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


def _kind(standing: Standing, verdict: Verdict) -> str:
    """What there is to say of a candidate that is not chosen; "shift" and "assumption" are not."""
    return "loss" if verdict.against == "gain" and standing.gain <= 0 else verdict.against


def _left_aside(alike: Sequence[Standing], kind: str, metric: str) -> str:
    """One sentence for all candidates of a kind, at least one."""
    changes = [each.source_gain if kind == "source" else each.gain for each in alike]
    sizes = [_points(abs(change)) for change in changes]
    if len(alike) > 1:
        named = [f"{each.name} ({size})" for each, size in zip(alike, sizes, strict=True)]
        return _SEVERAL[kind].format(names=_listed(named), metric=metric)
    return _ONE[kind].format(name=alike[0].name, size=sizes[0], metric=metric)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _points(value: float) -> str:
    shown = f"{100 * value:.1f}"
    return f"{shown} point" + "s" * (shown != "1.0")
