"""From standings to a choice: one condition at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isogloss.selection import GUARD, GuardRule, LabelledEvidence, Standing, decide, weighed
from isogloss.selection.verdicts import judge

RULE = GuardRule(least_gain=0.01, aversion=40.0, enough_gain=0.02, most_lost=0.02)
BASE = Standing(
    name="zero-shot",
    model="zero-shot",
    corrected=False,
    significant=True,
    p_value=0.5,
    changed=0.0,
    gain=0.0,
    spread=0.0,
    source_gain=0.0,
    source_spread=0.0,
)
GOOD = replace(BASE, name="iwda", model="iwda", gain=0.03, error=0.01)
BEST = replace(BASE, name="st", model="st", gain=0.04, error=0.015)
TOLD = LabelledEvidence(
    rows=50, units=50, scores={}, value=0.6, error=0.05, gain=0.1, gain_error=0.03
)
CORRECTED = replace(GOOD, name="iwda+prior", corrected=True, gain=0.06)


def chosen(*others: Standing) -> str:
    return decide([BASE, *others], zero_shot="zero-shot", rule=RULE).name


def test_the_greatest_sure_gain_is_taken() -> None:
    assert chosen() == "zero-shot"
    assert chosen(GOOD) == "iwda"
    assert chosen(GOOD, BEST) == "st"
    assert chosen(GOOD, replace(BEST, error=0.02)) == "iwda"
    assert chosen(GOOD, BEST, CORRECTED) == "iwda+prior"


def test_of_equal_ones_the_first_is_taken() -> None:
    assert chosen(GOOD, replace(GOOD, name="copy")) == "iwda"


@pytest.mark.parametrize(
    ("standing", "against"),
    [
        (GOOD, ""),
        (replace(GOOD, gain=0.0099, error=0.0), "gain"),
        (replace(GOOD, gain=0.0101, error=0.0), ""),
        (replace(GOOD, gain=0.0099, error=0.0158), "gain"),
        (replace(GOOD, gain=0.0101, error=0.0158), ""),
        (replace(GOOD, gain=0.0101, error=0.016), "gain"),
        (replace(GOOD, gain=-0.5), "gain"),
        (replace(GOOD, gain=0.0199, error=0.3), "gain"),
        (replace(GOOD, gain=0.0201, error=0.3), ""),
        (replace(GOOD, source_gain=-0.019), ""),
        (replace(GOOD, source_gain=-0.03), "source"),
        (replace(GOOD, source_gain=-0.03, source_spread=0.02), ""),
        (CORRECTED, ""),
        (replace(CORRECTED, significant=False), "shift"),
        (replace(CORRECTED, p_value=0.04), "assumption"),
        (replace(GOOD, significant=False, p_value=0.0), ""),
    ],
)
def test_what_speaks_against_a_candidate(standing: Standing, against: str) -> None:
    verdict = judge(standing, zero_shot="zero-shot", rule=RULE)
    assert verdict.against == against
    risk = min(RULE.aversion * standing.error**2, RULE.enough_gain)
    assert verdict.sure_gain == pytest.approx(standing.gain - risk)
    assert verdict.needed == max(RULE.least_gain, risk)
    assert chosen(standing) == ("zero-shot" if against else standing.name)


def test_the_corrected_zero_shot_model_is_a_candidate_like_others() -> None:
    assert chosen(replace(CORRECTED, name="zero-shot+prior", model="zero-shot")) == (
        "zero-shot+prior"
    )


def test_the_default_asks_for_a_margin() -> None:
    assert GUARD.least_gain >= 0.005
    # One that changes a tenth of the rows, however many rows there are to say what it gains.
    seen = replace(BASE, changed=0.1, gain=0.0065, source_gain=0.0065, name="iwda", model="iwda")
    assert judge(weighed(seen), zero_shot="zero-shot").against == "gain"
    assert judge(weighed(replace(seen, changed=0.05)), zero_shot="zero-shot").against == ""


def test_source_rows_speak_for_a_candidate_and_against_it() -> None:
    """What the models expect is not enough, or enough, until the source is heard."""
    rule = replace(RULE, jury_error=0.2, source_error=0.2, least_gain=0.0)
    seen = replace(BASE, name="iwda", model="iwda", changed=0.2, source_spread=0.001)
    small, large = replace(seen, gain=0.01), replace(seen, gain=0.03)
    helped, hindered = replace(small, source_gain=0.09), replace(large, source_gain=-0.01)
    for standing, against in ((small, "gain"), (large, ""), (helped, ""), (hindered, "gain")):
        gain = weighed(replace(standing, source_gain=standing.source_gain or standing.gain), rule)
        assert judge(gain, zero_shot="zero-shot", rule=rule).against == against


def test_labelled_rows_come_after_the_source() -> None:
    standing = replace(GOOD, changed=0.2, source_gain=0.08, source_spread=0.01, labelled=TOLD)
    joined = standing.joined(jury_error=RULE.jury_error, source_error=RULE.source_error)
    assert weighed(standing, RULE) == joined.heard(RULE.gain_error)
    assert joined.source_share > 0 < weighed(standing, RULE).labelled_share
    assert weighed(BASE, RULE) == BASE


def test_labelled_rows_take_the_place_of_what_stands_for_them() -> None:
    few = replace(TOLD, gain_error=0.0)
    near = replace(GOOD, gain=0.012, error=0.02, labelled=few)
    refuted = replace(CORRECTED, p_value=0.001, labelled=few)
    loses = replace(BEST, source_gain=-0.04, labelled=few)

    def against(standing: Standing, share: float) -> str:
        told = replace(standing, labelled_share=share)
        return judge(told, zero_shot="zero-shot", rule=RULE).against

    assert [against(near, share) for share in (0.0, 0.2, 0.5)] == ["gain", "gain", ""]
    assert [against(refuted, share) for share in (0.0, 0.4, 0.6)] == ["assumption"] * 2 + [""]
    assert [against(loses, share) for share in (0.0, 0.2, 0.6)] == ["source", "source", ""]
    # Their own noise counts, and what is expected to lose is left aside whoever says so.
    noisy = replace(near, labelled=replace(TOLD, gain_error=0.02))
    assert [against(noisy, share) for share in (0.5, 1.0)] == ["gain", "gain"]
    assert against(replace(GOOD, gain=-0.001, labelled=few), 1.0) == "gain"
