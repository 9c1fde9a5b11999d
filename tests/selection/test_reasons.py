"""What the guard says of its choice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from isogloss.selection import GuardRule, Standing, decide
from isogloss.selection.reasons import reasons_for
from tests.selection.test_verdicts import BASE, BEST, CORRECTED, GOOD, TOLD

RULE = GuardRule(least_gain=0.0101, aversion=0.0, most_lost=0.02)
JUDGES = "by the stages' models and the source's labels together, it is expected to gain"
LAST = "No target label was seen for any of this."


def said(*standings: Standing, metric: str = "macro_f1", **more: Any) -> list[str]:
    decision = decide(standings, zero_shot="zero-shot", rule=RULE)
    found = reasons_for(decision, standings, zero_shot="zero-shot", metric=metric, **more)
    assert found[-1] == LAST
    return found[:-1]


def test_keeping_the_zero_shot_model_is_a_normal_answer() -> None:
    same = replace(BEST, name="kd", model="kd", gain=0.0)
    even = replace(same, name="a", model="a", gain=-0.0004, changed=0.1)
    assert said(BASE, replace(GOOD, gain=-0.02), same, even) == [
        "Adapting is not expected to help here: the zero-shot model is kept.",
        "Its predictions are not corrected: no shift of the class balance is significant.",
        "iwda is left aside: it is expected to lose 2.0 points.",
        "kd predicts the same as the zero-shot model.",
        "a is left aside: what it is expected to change is less than 0.1 points.",
    ]
    others = [replace(each, name=f"{each.name}-b", model="b") for each in (same, even)]
    assert said(BASE, same, even, *others)[2:] == [
        "kd and kd-b predict the same as the zero-shot model.",
        "a and a-b are left aside: what they are expected to change is less than 0.1 points.",
    ]


def test_a_gain_that_is_not_sure_enough_is_said_with_what_it_takes() -> None:
    unsure = replace(BEST, gain=0.0295, changed=0.2, error=0.2)
    rule = replace(RULE, aversion=60.0, enough_gain=0.03)
    decision = decide([BASE, unsure], zero_shot="zero-shot", rule=rule)
    found = reasons_for(decision, [BASE, unsure], zero_shot="zero-shot", metric="macro_f1")
    assert found[0] == "No candidate's expected gain is sure enough: the zero-shot model is kept."
    assert found[2] == (
        "st is left aside: it is expected to gain 2.9 points; more than 3.0 are needed, as 20 % of "
        "the rows change."
    )
    words = reasons_for(
        decision, [BASE, unsure], zero_shot="zero-shot", metric="macro_f1", words=True
    )
    assert words[2].endswith("as 20 % of the words change.")


def test_a_budget_that_ran_out_is_no_evidence() -> None:
    left = ["iwda", "iwda+kd"]
    assert said(BASE, left_out=left, adapted=False) == [
        "No further candidate was trained, as the budget left no time for iwda and iwda+kd: the "
        "zero-shot model is kept.",
        "Its predictions are not corrected: no shift of the class balance is significant.",
    ]
    own = replace(CORRECTED, name="zero-shot+prior", model="zero-shot")
    corrected = said(BASE, own, left_out=left, adapted=False)
    assert corrected[0].startswith("The zero-shot model is kept, its predictions corrected: by ")
    assert corrected[-1] == "The budget left no time for iwda and iwda+kd."
    assert said(BASE, GOOD, left_out=["st"])[-1] == "The budget left no time for st."
    assert not any("budget" in sentence for sentence in said(BASE, GOOD))


def test_a_choice_says_what_it_expects_and_what_of_the_others() -> None:
    lost = replace(BEST, source_gain=-0.05)
    assert said(BASE, GOOD, lost, replace(GOOD, name="kd", model="kd", gain=0.02)) == [
        f"iwda is chosen: {JUDGES} 3.0 points of macro-F1 over the zero-shot model.",
        "Its predictions are not corrected: no shift of the class balance is significant.",
        "st is left aside: on labelled source rows that weigh as the target it loses 5.0 points of "
        "macro-F1.",
        "kd is expected to gain less, or less surely: 2.0 points.",
    ]


def test_for_tagging_the_metric_is_named_as_what_it_is() -> None:
    assert said(BASE, GOOD, words=True)[0] == (
        f"iwda is chosen: {JUDGES} 3.0 points of macro-F1 (over the tags of words, not the entity "
        "F1) over the zero-shot model."
    )


def test_the_correction_is_explained() -> None:
    assert said(BASE, GOOD, CORRECTED, metric="accuracy")[:2] == [
        f"iwda+prior is chosen: {JUDGES} 6.0 points of accuracy over the zero-shot model.",
        "Its predictions are corrected for the target's class balance: the shift that it estimates "
        "is significant, and nothing speaks against label shift.",
    ]
    refuted = said(BASE, GOOD, replace(CORRECTED, p_value=0.001))
    assert refuted[1].endswith("refutes label shift, so the estimate is not to be relied upon.")
    little = said(BASE, GOOD, replace(CORRECTED, gain=0.004, changed=0.02))
    assert little[1].endswith(
        "balance: so corrected, it is expected to gain 0.4 points; more than 1.0 are needed, as 2 "
        "% of the rows change."
    )
    worse = said(BASE, GOOD, replace(CORRECTED, gain=0.0))
    assert worse[1].endswith("class balance: that is not expected to help.")
    assert len(worse) == 2
    own = replace(CORRECTED, name="zero-shot+prior", model="zero-shot")
    assert said(BASE, own)[0] == (
        f"The zero-shot model is kept, its predictions corrected: {JUDGES} 6.0 points of macro-F1."
    )


def test_what_is_left_aside_alike_is_said_in_one_sentence() -> None:
    others = [("kd", 0.004), ("st", 0.009), ("a", -0.02), ("b", -0.1), ("c", -0.003), ("d", 0.02)]
    standings = [
        replace(GOOD, name=name, model=name, gain=gain, changed=0.1) for name, gain in others
    ]
    standings += [replace(BEST, name=name, model=name, source_gain=-0.05) for name in "xy"]
    assert said(BASE, GOOD, *standings)[2:] == [
        "What these are expected to gain is too little or too unsure: kd (0.4 points; more than "
        "1.0 are needed, as 10 % of the rows change) and st (0.9 points; more than 1.0 are needed, "
        "as 10 % of the rows change).",
        "These are expected to lose, and are left aside: a (2.0 points), b (10.0 points) and c "
        "(0.3 points).",
        "d is expected to gain less, or less surely: 2.0 points.",
        "On labelled source rows that weigh as the target these lose macro-F1, and are left aside: "
        "x (5.0 points) and y (5.0 points).",
    ]


def test_labelled_rows_are_named() -> None:
    base = replace(BASE, labelled=replace(TOLD, gain=0.0, gain_error=0.0))
    good = replace(GOOD, labelled=TOLD).heard(0.05)
    decision = decide([base, good], zero_shot="zero-shot", rule=RULE)
    found = reasons_for(decision, [base, good], zero_shot="zero-shot", metric="macro_f1")
    assert found[0].startswith("iwda is chosen: by the stages' models, the source's labels")
    share = f"{100 * good.labelled_share:.0f} %"
    assert found[-1] == (
        f"In these gains 50 labelled target rows count {share}; no candidate was trained on them."
    )
    alone = decide([base], zero_shot="zero-shot", rule=RULE)
    assert reasons_for(alone, [base], zero_shot="zero-shot", metric="macro_f1")[-1] == (
        "50 labelled target rows were there to check; no candidate was trained on them."
    )
    kept = replace(CORRECTED, p_value=0.001, labelled=TOLD, labelled_share=0.8)
    decision = decide([base, kept], zero_shot="zero-shot", rule=RULE)
    found = reasons_for(decision, [base, kept], zero_shot="zero-shot", metric="macro_f1")
    assert found[1].endswith("refutes label shift, but on the labelled rows the correction gains.")
