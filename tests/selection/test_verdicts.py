"""From standings to a choice: one condition at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isogloss.selection import GUARD, GuardRule, LabelledEvidence, Standing, decide, weighed
from isogloss.selection.verdicts import judge

RULE = GuardRule(spreads=1.0, least_gain=0.01, aversion=0.4, enough_gain=0.027, most_lost=0.02)
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
GOOD = replace(BASE, name="iwda", model="iwda", gain=0.03, spread=0.005)
BEST = replace(BASE, name="st", model="st", gain=0.04, spread=0.01)
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
    assert chosen(GOOD, replace(BEST, spread=0.02)) == "iwda"
    assert chosen(GOOD, BEST, CORRECTED) == "iwda+prior"


def test_of_equal_ones_the_first_is_taken() -> None:
    assert chosen(GOOD, replace(GOOD, name="copy")) == "iwda"


@pytest.mark.parametrize(
    ("standing", "against"),
    [
        (GOOD, ""),
        (replace(GOOD, gain=0.0149), "gain"),
        (replace(GOOD, spread=0.021), "gain"),
        (replace(GOOD, gain=-0.5), "gain"),
        (replace(GOOD, changed=0.24), ""),
        (replace(GOOD, changed=0.26), "gain"),
        (replace(GOOD, changed=0.9), "gain"),
        (replace(GOOD, gain=0.0321, changed=0.26), ""),
        (replace(GOOD, gain=0.0321, changed=0.9), ""),
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
    assert verdict.sure_gain == pytest.approx(standing.gain - standing.spread)
    assert chosen(standing) == ("zero-shot" if against else standing.name)


def test_the_corrected_zero_shot_model_is_a_candidate_like_others() -> None:
    assert chosen(replace(CORRECTED, name="zero-shot+prior", model="zero-shot")) == (
        "zero-shot+prior"
    )


def test_the_default_asks_for_a_margin() -> None:
    assert GUARD.least_gain >= 0.005
    assert GUARD.aversion * 0.1**2 >= 0.005
    assert GUARD.spreads > 0


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
    near = replace(GOOD, gain=0.012, spread=0.0)
    refuted = replace(CORRECTED, p_value=0.001)
    loses = replace(BEST, source_gain=-0.04)

    def against(standing: Standing, share: float) -> str:
        return judge(
            replace(standing, labelled_share=share), zero_shot="zero-shot", rule=RULE
        ).against

    margin = replace(RULE, least_gain=0.015)
    assert judge(near, zero_shot="zero-shot", rule=margin).against == "gain"
    told = replace(near, labelled_share=0.5)
    assert judge(told, zero_shot="zero-shot", rule=margin).against == ""
    assert against(replace(near, changed=0.2), 0.0) == "gain"
    assert against(replace(near, changed=0.2), 0.5) == ""
    assert [against(refuted, share) for share in (0.0, 0.4, 0.6)] == ["assumption"] * 2 + [""]
    assert [against(loses, share) for share in (0.0, 0.2, 0.6)] == ["source", "source", ""]
    # What is expected to lose is left aside whoever says so.
    assert against(replace(GOOD, gain=-0.001, spread=0.0), 1.0) == "gain"
