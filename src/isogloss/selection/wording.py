"""What an expected score says, in plain sentences."""

from __future__ import annotations

from isogloss.labelshift.matching import VIOLATED

ASSUMPTION = (
    "label shift: texts of a class look to the classifier on the target as they do on the source"
)
_ALIKE = "takes for granted that texts of a class look alike to the classifier on both sides"
# Without labelled target rows.
_APART = ", and the interval is at least as wide as two ways of telling it differ"
METRIC_NAMES = {"accuracy": "accuracy", "macro_f1": "macro-F1"}


def metric_name(metric: str, *, words: bool = False) -> str:
    """What people call a metric.

    Args:
        metric: "accuracy" or "macro_f1".
        words: whether rows are the words of a tagging task, whose main score is another.
    """
    return METRIC_NAMES[metric] + " (over the tags of words, not the entity F1)" * words


def expected_sentence(
    metric: str,
    value: float,
    interval: tuple[float, float],
    *,
    level: float,
    p_value: float,
    untold: bool,
    words: bool = False,
) -> str:
    """Sentences for people.

    Args:
        metric: "accuracy" or "macro_f1".
        value: in 0..1.
        interval: in 0..1.
        level: of the interval, in 0..1.
        p_value: of the test of label shift; 1 where it cannot be tested.
        untold: whether the interval is too wide to tell anything.
        words: as for `metric_name`.
    """
    low, high = (f"{100 * bound:.1f}" for bound in interval)
    name, share = metric_name(metric, words=words), f"{100 * level:g} %"
    apart = _APART if p_value < VIOLATED else ""
    granted = f"It {_ALIKE}{_standing(p_value)}{apart}."
    if untold:
        return (
            f"How good the model is on the target cannot be told without labels there: its {name} "
            f"may lie anywhere from {low} to {high} % ({share} interval, estimated). {granted}"
        )
    return (
        f"Expected {name} on the target: {100 * value:.1f} % ({share} interval {low} to {high} %), "
        f"an estimate without target labels. {granted}"
    )


def sharpened_sentence(
    metric: str,
    value: float,
    interval: tuple[float, float],
    *,
    level: float,
    p_value: float,
    untold: bool,
    rows: int,
    units: int,
    share: float,
    words: bool = False,
) -> str:
    """The same where target rows are labelled.

    Args:
        metric: as for `expected_sentence`.
        value: likewise.
        interval: likewise.
        level: likewise.
        p_value: likewise.
        untold: likewise.
        rows: how many are labelled.
        units: how many of them are independent.
        share: what they count, in 0..1.
        words: as for `metric_name`.
    """
    low, high = (f"{100 * bound:.1f}" for bound in interval)
    name, covered = metric_name(metric, words=words), f"{100 * level:g} %"
    made = (
        f"an estimate to which {counted(rows, units)} give {100 * share:.0f} %. The rest {_ALIKE}"
    )
    if untold:
        return (
            f"How good the model is on the target cannot be told yet: its {name} may lie anywhere "
            f"from {low} to {high} % ({covered} interval), {made}{_standing(p_value)}."
        )
    return (
        f"Expected {name} on the target: {100 * value:.1f} % ({covered} interval {low} to {high} "
        f"%), {made}{_standing(p_value)}."
    )


def counted(rows: int, units: int) -> str:
    """How many target rows are labelled, in words; for tagging these are words of sentences."""
    if units == rows:
        return f"{rows} labelled target rows"
    return f"{rows} labelled words of {units} target sentences"


def _standing(p_value: float) -> str:
    """What the test says of the assumption, and what is done where it refutes it."""
    if p_value >= 1.0:
        return ", which could not be tested"
    shown = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
    if p_value >= VIOLATED:
        return f"; nothing in the predictions speaks against that ({shown})"
    return (
        f"; the predictions speak against that ({shown}), so it rests on how sure the models are, "
        "lowered by what they were measured to be too sure by"
    )
