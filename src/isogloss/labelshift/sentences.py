"""What an estimate says, in plain sentences."""

from __future__ import annotations

from isogloss.labelshift.matching import VIOLATED


def describe(
    *,
    shift_is_significant: bool,
    assumption_p_value: float,
    shrinkage: float,
    level: float,
    facts_heard: bool = False,
) -> list[str]:
    """Sentences for people.

    Args:
        shift_is_significant: whether a shift was found.
        assumption_p_value: of the test of label shift.
        shrinkage: share of the measured shift that is kept, in 0..1.
        level: confidence of the significance, in 0..1.
        facts_heard: whether known facts corrected the estimate.
    """
    found = [_shift(shift_is_significant, shrinkage, f"{100 * level:g} %", facts_heard)]
    if facts_heard:
        found.append("The estimate is what the predictions and the known facts say together.")
    return [*found, _assumption(assumption_p_value)]


def _shift(significant: bool, shrinkage: float, level: str, facts_heard: bool) -> str:
    if not significant and shrinkage == 0.0:
        balance = (
            "the facts correct the source's balance" if facts_heard else "the source's is kept"
        )
        return f"No shift of the class balance is significant at {level}: {balance}."
    if not significant:
        return f"The shift of the class balance is not significant at {level}."
    if shrinkage >= 0.995:
        return f"The class balance has shifted (significant at {level})."
    return (
        f"The class balance has shifted (significant at {level}); {100 * shrinkage:.0f} % of the "
        "measured shift is kept, the rest may be noise."
    )


def _assumption(p_value: float) -> str:
    if p_value >= 1.0:
        return "Whether label shift holds could not be tested: these predictions fit any balance."
    shown = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
    if p_value >= VIOLATED:
        return (
            f"Nothing speaks against label shift ({shown}): some class balance explains the "
            "target's predictions."
        )
    return (
        f"No class balance explains the target's predictions ({shown}): texts of a class look "
        "different to the classifier there. The estimate and its interval are rough; a few "
        "labelled target rows would tell."
    )
