"""What an expected score says."""

from __future__ import annotations

from isogloss.selection.wording import counted, expected_sentence, sharpened_sentence


def test_the_sentence_names_the_estimate_its_interval_and_its_assumption() -> None:
    found = expected_sentence(
        "macro_f1", 0.7123, (0.6, 0.8049), level=0.9, p_value=0.4, untold=False
    )
    assert found == (
        "Expected macro-F1 on the target: 71.2 % (90 % interval 60.0 to 80.5 %), an estimate "
        "without target labels. It takes for granted that texts of a class look alike to the "
        "classifier on both sides; nothing in the predictions speaks against that (p = 0.400)."
    )


def test_a_wide_interval_says_that_nothing_can_be_told() -> None:
    found = expected_sentence("accuracy", 0.5, (0.1, 0.9), level=0.9, p_value=0.01, untold=True)
    assert found == (
        "How good the model is on the target cannot be told without labels there: its accuracy may "
        "lie anywhere from 10.0 to 90.0 % (90 % interval, estimated). It takes for granted that "
        "texts of a class look alike to the classifier on both sides; the predictions speak "
        "against that (p = 0.010), so it rests on how sure the models are, lowered by what they "
        "were measured to be too sure by, and the interval is at least as wide as two ways of "
        "telling it differ."
    )


def test_labelled_rows_are_named_with_what_they_count() -> None:
    found = sharpened_sentence(
        "macro_f1",
        0.612,
        (0.55, 0.671),
        level=0.9,
        p_value=0.4,
        untold=False,
        rows=100,
        units=100,
        share=0.82,
    )
    assert found == (
        "Expected macro-F1 on the target: 61.2 % (90 % interval 55.0 to 67.1 %), an estimate to "
        "which 100 labelled target rows give 82 %. The rest takes for granted that texts of a "
        "class look alike to the classifier on both sides; nothing in the predictions speaks "
        "against that (p = 0.400)."
    )


def test_labelled_rows_that_a_refuted_assumption_stands_beside() -> None:
    given = {"level": 0.9, "untold": False, "rows": 50, "units": 50, "share": 0.5}
    found = sharpened_sentence("accuracy", 0.5, (0.4, 0.6), p_value=0.01, **given)
    # Intervals with labelled rows covered about as often as they say.
    assert found.endswith(
        "both sides; the predictions speak against that (p = 0.010), so it rests on how sure the "
        "models are, lowered by what they were measured to be too sure by."
    )


def test_a_few_labelled_rows_may_not_tell_yet() -> None:
    given = {"level": 0.9, "p_value": 1.0, "untold": True, "rows": 40, "units": 5, "share": 0.2}
    found = sharpened_sentence("accuracy", 0.5, (0.2, 0.8), **given)
    assert found.startswith(
        "How good the model is on the target cannot be told yet: its accuracy may lie anywhere "
        "from 20.0 to 80.0 % (90 % interval), an estimate to which 40 labelled words of 5 target "
        "sentences give 20 %. "
    )
    assert counted(40, 40) == "40 labelled target rows"
