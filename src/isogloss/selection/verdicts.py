"""From what speaks for and against candidates to the one that is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.labelshift.matching import VIOLATED
from isogloss.selection.gains import Standing


@dataclass(frozen=True, kw_only=True)
class GuardRule:
    """The constants of the guard, all in one place; docs/selection.md says how they were set.

    Attributes:
        spreads: standard deviations over resampled rows that count as a gain's uncertainty.
        least_gain: a candidate has to be expected to gain more than this, less that uncertainty,
            in 0..1: a gain that nobody would notice is no reason to leave the baseline.
        aversion: likewise more than this times the square of the share of the target rows that it
            predicts otherwise than the baseline, at least 0: what can be missed of a gain grows
            with that share, and a risk is worth as much as its variance (mean-variance utility).
        enough_gain: what is enough however many rows change, in 0..1.
        most_lost: what a candidate may lose on weighted source rows, with that uncertainty granted
            to it, in 0..1.
        jury_error: standard deviation of what the models together miss of a gain, for every 1 of
            the share of the target rows that the candidate predicts otherwise.
        source_error: likewise of what labelled source rows miss of it.
        gain_error: standard deviation, beside the uncertainty above, of what both together miss
            of a gain: against it labelled target rows are weighed.
    """

    spreads: float = 0.5
    least_gain: float = 0.005
    aversion: float = 1.0
    enough_gain: float = 0.02
    most_lost: float = 0.01
    jury_error: float = 0.2
    source_error: float = 0.3
    gain_error: float = 0.04


GUARD = GuardRule()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the guard makes of a candidate.

    Attributes:
        name: of the candidate.
        sure_gain: expected gain less its uncertainty; 0 for the baseline.
        against: what rules it out: "shift" (nothing significant to correct), "assumption" (label
            shift is refuted, so the correction is not to be trusted), "gain" (too little is
            expected), "source" (it loses on the source); empty where nothing does.
    """

    name: str
    sure_gain: float
    against: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The candidate that is taken, and the verdict on each.

    Attributes:
        name: of the candidate.
        verdicts: in the order of the candidates.
    """

    name: str
    verdicts: tuple[Verdict, ...]


def weighed(standing: Standing, rule: GuardRule = GUARD) -> Standing:
    """The same with all evidence in its gain: models, source rows, and labelled rows if any.

    Args:
        standing: as `weigh_candidates` gives it.
        rule: the constants.
    """
    joined = standing.joined(jury_error=rule.jury_error, source_error=rule.source_error)
    return joined.heard(rule.gain_error)


def decide(standings: Sequence[Standing], *, zero_shot: str, rule: GuardRule = GUARD) -> Decision:
    """Take the candidate of the greatest sure gain that nothing speaks against, or the baseline.

    The margin of a gain and what is lost on the source stand for what the models cannot see.
    Labelled target rows see it, so both count by what is left to evidence without labels; where
    labelled rows count for more than half, a test that refutes label shift rules out no correction.

    Args:
        standings: the baseline among them, each `weighed`.
        zero_shot: name of the baseline.
        rule: the constants.
    """
    verdicts = tuple(judge(each, zero_shot=zero_shot, rule=rule) for each in standings)
    open_to = [verdict for verdict in verdicts if not verdict.against]
    # Of equal ones the first; the baseline gains exactly nothing.
    best = max(open_to, key=lambda verdict: verdict.sure_gain)
    return Decision(name=best.name, verdicts=verdicts)


def judge(standing: Standing, *, zero_shot: str, rule: GuardRule = GUARD) -> Verdict:
    """The verdict on one candidate."""
    if standing.name == zero_shot:
        return Verdict(name=standing.name, sure_gain=0.0)
    gain = standing.gain - rule.spreads * standing.spread
    return Verdict(name=standing.name, sure_gain=gain, against=_against(standing, gain, rule))


def _against(standing: Standing, gain: float, rule: GuardRule) -> str:
    if standing.corrected and not standing.significant:
        return "shift"
    free = 1.0 - standing.labelled_share
    if standing.corrected and standing.p_value < VIOLATED and free >= 0.5:
        return "assumption"
    if gain <= free * _margin(standing, rule):
        return "gain"
    lost = standing.source_gain + rule.spreads * standing.source_spread
    if free * lost < -rule.most_lost:
        return "source"
    return ""


def _margin(standing: Standing, rule: GuardRule) -> float:
    """What the candidate has to be expected to gain beyond its uncertainty."""
    by_change = rule.aversion * standing.changed**2
    return max(rule.least_gain, min(by_change, rule.enough_gain))
