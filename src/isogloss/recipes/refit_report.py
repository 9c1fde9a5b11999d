"""What came of refitting the served model's head on labelled target rows, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from isogloss.recipes.methods import JUDGED_BY
from isogloss.selection.refit import REFITTED, RefitGain
from isogloss.selection.wording import METRIC_NAMES

# Labelled rows, of different texts, below which refitting did harm where it was measured
# (docs/selection.md, "Training last"). From here on it harmed in none of the draws in which the
# gain on rows held out was above its standard error.
LEAST_ROWS = 200

Refusal = Literal["setting", "task", "rows", "no bias", "gain", "no change"]


@dataclass(frozen=True, kw_only=True)
class Refit:
    """What came of refitting the head of the model that a run would serve.

    Attributes:
        before: the candidate that is served without it, such as "iwda" or "iwda+prior".
        stage: whose head it is.
        rows: labelled rows of different texts.
        gain: of heads refitted to four fifths of them over `before`, on the other fifths; None
            where none was refitted.
        refused: why nothing was changed; None where the refitted model is served.
    """

    before: str
    stage: str
    rows: int
    gain: RefitGain | None = None
    refused: Refusal | None = None

    @property
    def name(self) -> str:
        """Of the refitted candidate, which is kept as a stage."""
        return self.stage + REFITTED


def refit_report(refit: Refit) -> dict[str, Any]:
    """The part `refit` of what `metrics.json` says of labelled rows.

    Args:
        refit: what came of it.

    Returns:
        `before`, the candidate that was to be served; `served`, the refitted one's name, or None;
        `refused`, why not, or None; `rows`, of different texts; `metric`; `gain` and its standard
        `error`, in -1..1, on rows that the refitted heads had not seen, or None where none was
        refitted.
    """
    return {
        "before": refit.before,
        "served": refit.name if refit.refused is None else None,
        "refused": refit.refused,
        "rows": refit.rows,
        "metric": JUDGED_BY,
        "gain": None if refit.gain is None else refit.gain.value,
        "error": None if refit.gain is None else refit.gain.error,
    }


def refit_sentence(refit: Refit) -> str:
    """The same for people."""
    kept = f"The head of {refit.stage} was not refitted on them"
    if refit.refused == "setting":
        return f"{kept}: train_on_labelled is off."
    if refit.refused == "task":
        return f"{kept}: what that is worth was not measured for tagging."
    if refit.refused == "rows":
        return (
            f"{kept}: that takes at least {LEAST_ROWS} of different texts, and there are "
            f"{refit.rows}."
        )
    if refit.refused == "no bias":
        return f"{kept}: its last layer has no bias."
    assert refit.gain is not None
    name, error = METRIC_NAMES[JUDGED_BY], f"{100 * refit.gain.error:.1f}"
    gained = f"{100 * refit.gain.value:+.1f} points of {name} over {refit.before}"
    tried = f"refitted to four fifths of them, it gains {gained} on the rest"
    if refit.refused == "gain":
        return f"{kept}: {tried}, which is not above the standard error of {error}."
    if refit.refused == "no change":
        return f"{kept}: {tried}, but to all of them cross-validation prefers it as it is."
    return (
        f"The head of {refit.stage} was refitted on them ({refit.name}): {tried} "
        f"(standard error {error})."
    )
