"""Why the guard chose as it did, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isogloss.labelshift.matching import VIOLATED
from isogloss.selection.gains import Standing
from isogloss.selection.verdicts import Decision, Verdict
from isogloss.selection.wording import METRIC_NAMES, counted, metric_name

# What is said of one candidate of a kind, and of several; see `_kind`.
_ONE = {
    "": "{name} is expected to gain less, or less surely: {size}.",
    "same": "{name} predicts the same as the zero-shot model.",
    "even": "{name} is left aside: what it is expected to change is less than 0.1 points.",
    "source": "{name} is left aside: on labelled source rows that weigh as the target it loses "
    "{size} of {metric}.",
    "loss": "{name} is left aside: it is expected to lose {size}.",
    "gain": "{name} is left aside: it is expected to gain {size}.",
}
_SEVERAL = {
    "": "{names} are expected to gain less, or less surely.",
    "same": "{names} predict the same as the zero-shot model.",
    "even": "{names} are left aside: what they are expected to change is less than 0.1 points.",
    "source": "On labelled source rows that weigh as the target these lose {metric}, and are left "
    "aside: {names}.",
    "loss": "These are expected to lose, and are left aside: {names}.",
    "gain": "What these are expected to gain is too little or too unsure: {names}.",
}
# Kinds of which no size is worth saying.
_SIZELESS = ("same", "even")
# Below this a gain or loss is shown as 0.0 points.
_NOTHING = 0.0005


def reasons_for(
    decision: Decision,
    standings: Sequence[Standing],
    *,
    zero_shot: str,
    metric: str,
    words: bool = False,
    left_out: Sequence[str] = (),
    adapted: bool = True,
) -> list[str]:
    """Sentences for people: what is chosen, why it is (not) corrected, why others are left aside.

    Args:
        decision: of these standings.
        standings: as the decision was made from.
        zero_shot: name of the baseline.
        metric: "accuracy" or "macro_f1".
        words: whether rows are the words of a tagging task.
        left_out: names of candidates that a budget of time left untrained.
        adapted: whether any other model than the baseline and averages of it was trained.
    """
    verdicts = {each.name: each for each in decision.verdicts}
    unit = "words" if words else "rows"
    chosen = next(each for each in standings if each.name == decision.name)
    others = [e for e in standings if e.name != zero_shot and e.model != chosen.model]
    kinds = [_kind(each, verdicts[each.name]) for each in others]
    if chosen.name == zero_shot:
        found = [_kept(kinds, left_out, adapted=adapted)]
    else:
        found = [_chosen(chosen, zero_shot, metric_name(metric, words=words))]
    found.append(_balance(chosen, standings, verdicts, unit))
    for kind in (kind for kind in dict.fromkeys(kinds) if kind in _ONE):
        alike = [each for each, own in zip(others, kinds, strict=True) if own == kind]
        sizes = {each.name: _size(each, kind, verdicts[each.name], unit) for each in alike}
        found.append(_left_aside(sizes, kind, METRIC_NAMES[metric]))
    # Where nothing else was trained and the baseline stays, the first sentence says so.
    if left_out and (adapted or chosen.name != zero_shot):
        found.append(f"The budget left no time for {_listed(left_out)}.")
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


def _kept(kinds: Sequence[str], left_out: Sequence[str], *, adapted: bool) -> str:
    """Why the baseline stays as it is."""
    kept = "the zero-shot model is kept"
    if left_out and not adapted:
        return (
            "No further candidate was trained, as the budget left no time for "
            f"{_listed(left_out)}: {kept}."
        )
    if "gain" in kinds:
        return f"No candidate's expected gain is sure enough: {kept}."
    return f"Adapting is not expected to help here: {kept}."


def _chosen(chosen: Standing, zero_shot: str, metric: str) -> str:
    judges = "the stages' models and the source's labels"
    if chosen.labelled is not None:
        judges = "the stages' models, the source's labels and the labelled rows"
    if chosen.model == zero_shot:
        taken, over = "The zero-shot model is kept, its predictions corrected", ""
    else:
        taken, over = f"{chosen.name} is chosen", " over the zero-shot model"
    gained = f"{_points(chosen.gain)} of {metric}{over}"
    return f"{taken}: by {judges} together, it is expected to gain {gained}."


def _balance(
    chosen: Standing, standings: Sequence[Standing], verdicts: dict[str, Verdict], unit: str
) -> str:
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
    twins = [each for each in standings if each.model == chosen.model and each.corrected]
    against = [_kind(each, verdicts[each.name]) for each in twins]
    if "assumption" in against:
        return (
            "Its predictions are not corrected for the class balance: the test refutes label "
            "shift, so the estimate is not to be relied upon."
        )
    if not twins or "shift" in against:
        return "Its predictions are not corrected: no shift of the class balance is significant."
    if "gain" in against:
        size = _size(twins[0], "gain", verdicts[twins[0].name], unit)
        return (
            "Its predictions are not corrected for the class balance: so corrected, it is expected "
            f"to gain {size}."
        )
    return "Its predictions are not corrected for the class balance: that is not expected to help."


def _kind(standing: Standing, verdict: Verdict) -> str:
    """What there is to say of a candidate that is not chosen; "shift" and "assumption" are not."""
    if verdict.against != "gain":
        return verdict.against
    if abs(standing.gain) < _NOTHING:
        return "same" if standing.changed == 0.0 else "even"
    return "loss" if standing.gain < 0 else "gain"


def _size(standing: Standing, kind: str, verdict: Verdict, unit: str) -> str:
    """What a candidate gains or loses; of too small a gain also what it would have to be."""
    change = standing.source_gain if kind == "source" else standing.gain
    size = _points(abs(change))
    if kind != "gain":
        return size
    changed = f"{100 * standing.changed:.0f} % of the {unit} change"
    return f"{size}; more than {100 * verdict.needed:.1f} are needed, as {changed}"


def _left_aside(sizes: Mapping[str, str], kind: str, metric: str) -> str:
    """One sentence for all candidates of a kind, at least one, by name with what they gain."""
    if len(sizes) == 1:
        ((name, size),) = sizes.items()
        return _ONE[kind].format(name=name, size=size, metric=metric)
    named = [name if kind in _SIZELESS else f"{name} ({size})" for name, size in sizes.items()]
    return _SEVERAL[kind].format(names=_listed(named), metric=metric)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _points(value: float) -> str:
    shown = f"{100 * value:.1f}"
    return f"{shown} point" + "s" * (shown != "1.0")
