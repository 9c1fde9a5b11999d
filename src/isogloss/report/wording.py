"""What a report says in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from isogloss.plots.scores import MEASURES
from isogloss.report.disagreement import Disagreement
from isogloss.report.shift import FeatureShift

TASKS = {
    "sequence": "text classification",
    "pair": "classification of pairs of texts",
    "token": "tagging of words",
}
BY = {
    "recipe": "the recipe's last stage is served",
    "guard": "chosen among the candidates without target labels",
    "you": "chosen by hand",
}


def percent(share: float | None, digits: int = 1) -> str:
    """A share, 0 to 1, as a percentage; a dash for None."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def measure_name(measure: str) -> str:
    """What people call a measure."""
    return MEASURES.get(measure, measure)


def data_checks(facts: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """What was looked for in the data: the check, what came out, and whether it needs a thought.

    Args:
        facts: `data` of `metrics.json`; runs of earlier versions know fewer.
    """
    found = [
        (f"Rows of the {side}", f"{facts[f'{side}_rows']:,}", False)
        for side in ("source", "target", "test")
        if f"{side}_rows" in facts
    ]
    shares = {
        "source_rows_repeated": ("Source rows that repeat an earlier one", "source_rows"),
        "target_rows_repeated": ("Target rows that repeat an earlier one", "target_rows"),
        "target_rows_also_in_source": ("Target rows whose text is in the source", "target_rows"),
        "test_rows_also_in_target": ("Test rows whose text is in the target", "test_rows"),
        "test_rows_also_in_source": ("Test rows whose text is in the source", "test_rows"),
    }
    for key, (name, of) in shares.items():
        if key in facts:
            count, rows = facts[key], max(1, facts[of])
            said = f"{count:,} ({percent(count / rows)})" if count else "none"
            found.append((name, said, bool(count)))
    return found


def data_sentence(facts: Mapping[str, Any]) -> str:
    """The data checks in one sentence."""
    parts = [f"{name[0].lower()}{name[1:]}: {said}" for name, said, _ in data_checks(facts)]
    return f"Data: {'; '.join(parts)}."


def shift_sentences(shifts: Sequence[FeatureShift], served: str | None = None) -> list[str]:
    """How far apart the features lie, in the first stage and in the served one.

    Args:
        shifts: of the stages in their order.
        served: the stage to compare with the first; by default, and for the first, the last.
    """
    if len(shifts) < 2:
        return []
    first, *others = shifts
    last = next((each for each in others if each.stage == served), others[-1])
    if last.scaled == first.scaled:
        change = "as far apart as"
    else:
        change = "nearer than" if last.scaled < first.scaled else "farther apart than"
    return [
        f"Measured in spreads of a class, the two sides' features lie {last.scaled:.2f} apart "
        f"after {last.stage}, {change} the {first.scaled:.2f} after {first.stage} "
        "(estimated, the target having no labels)."
    ]


def disagreement_sentence(found: Disagreement, before: str, after: str, *, words: bool) -> str:
    """How often two models differ on the target."""
    unit = "words" if words else "rows"
    return (
        f"{before} and {after} differ on {found.differing:,} of the {found.rows:,} {unit} of the "
        f"target that were looked at ({percent(found.differing / max(1, found.rows))})."
    )


def warning_text(text: str) -> tuple[str, str]:
    """A warning's sentence and its code."""
    code, colon, sentence = text.partition(": ")
    return (sentence, code) if colon else (text, "")
