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
        jury_error: standard deviation of what the models together miss of a gain, beside the noise
            of resampled rows, for every 1 of the share of the target rows that the candidate
            predicts otherwise than the baseline.
        source_error: likewise of what labelled source rows miss of it.
        aversion: a gain counts by so many times the variance of what is missed of it less
            (mean-variance utility), gains in 0..1.
        enough_gain: what is enough however uncertain it is, in 0..1.
        least_gain: a candidate has to be expected to gain more than this, in 0..1: a gain that
            nobody would notice is no reason to leave the baseline.
        most_lost: what a candidate may lose on weighted source rows beside its noise, in 0..1.
        gain_error: standard deviation, beside the noise of resampled rows, of what models and
            source together miss of a gain: against it labelled target rows are weighed.
    """

    jury_error: float = 0.15
    source_error: float = 0.25
    aversion: float = 80.0
    enough_gain: float = 0.03
    least_gain: float = 0.005
    most_lost: float = 0.01
    gain_error: float = 0.04


GUARD = GuardRule()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the guard makes of a candidate.

    Attributes:
        name: of the candidate.
        sure_gain: expected gain less what its uncertainty counts; 0 for the baseline.
        needed: what its expected gain has to be above, in 0..1; 0 for the baseline.
        against: what rules it out: "shift" (nothing significant to correct), "assumption" (label
            shift is refuted, so the correction is not to be trusted), "gain" (too little is
            expected), "source" (it loses on the source); empty where nothing does.
    """

    name: str
    sure_gain: float
    needed: float = 0.0
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

    The uncertainty of a gain and what is lost on the source stand for what nothing without labels
    sees. Labelled target rows see it, so both count by what is left to evidence without labels,
    and the standard error of the labelled rows takes their place; where these count for more than
    half, a test that refutes label shift rules out no correction.

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
    told = standing.gain - _told_noise(standing)
    free = 1.0 - standing.labelled_share
    return Verdict(
        name=standing.name,
        sure_gain=told - free * _risk(standing, rule),
        needed=_told_noise(standing) + free * max(rule.least_gain, _risk(standing, rule)),
        against=_against(standing, told, rule),
    )


def _against(standing: Standing, told: float, rule: GuardRule) -> str:
    if standing.corrected and not standing.significant:
        return "shift"
    free = 1.0 - standing.labelled_share
    if standing.corrected and standing.p_value < VIOLATED and free >= 0.5:
        return "assumption"
    if told <= free * max(rule.least_gain, _risk(standing, rule)):
        return "gain"
    lost = standing.source_gain + standing.source_spread
    if free * lost < -rule.most_lost:
        return "source"
    return ""


def _risk(standing: Standing, rule: GuardRule) -> float:
    """What the uncertainty of a gain counts where no target row is labelled."""
    return min(rule.aversion * standing.error**2, rule.enough_gain)


def _told_noise(standing: Standing) -> float:
    """The standard error that labelled target rows bring into a gain."""
    if standing.labelled is None:
        return 0.0
    return standing.labelled_share * standing.labelled.gain_error
