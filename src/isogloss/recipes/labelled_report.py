"""What a run says of its labelled target rows: scores, and what the labels were used for."""

from __future__ import annotations

from typing import Any

import numpy as np

from isogloss.recipes.folder import RunFolder
from isogloss.recipes.labelled_rows import read_labelled
from isogloss.recipes.methods import AUTO, JUDGED_BY
from isogloss.recipes.refit_report import Refit, refit_report, refit_sentence
from isogloss.selection.labelled import LabelledRows, LabelledScore, score_labelled
from isogloss.selection.wording import counted, metric_name

LEVEL = 0.9


def labelled_report(
    folder: RunFolder, stages: list[str], *, recipe: str, tagging: bool, refit: Refit
) -> dict[str, Any]:
    """The part `labelled` of `metrics.json`.

    Args:
        folder: of the run.
        stages: finished ones that were asked about the labelled rows; a refitted one is not.
        recipe: of the run.
        tagging: whether rows are words of sentences.
        refit: what came of refitting the served model's head.

    Returns:
        `rows`, `units` (sentences, for tagging), `used_for` (of "check", "choose", "prior",
        "train"), `trained_on` (whether the head was refitted), `refit` (see `refit_report`),
        `level`, `scores`: stage -> `accuracy` and `macro_f1` -> `value` and `interval`, of a
        refitted model by heads that had not seen the row, and `sentences` for people.
    """
    asked = [*stages, refit.name] if refit.refused is None else stages
    rows = read_labelled(folder, asked)
    assert rows is not None
    scores = {stage: scores_of(rows, stage) for stage in asked}
    used = ["check", *(["choose"] if recipe == AUTO and len(stages) > 1 else []), "prior"]
    used += ["train"] if refit.refused is None else []
    units = len(np.unique(rows.groups)) if rows.groups is not None else len(rows.labels)
    return {
        "rows": len(rows.labels),
        "units": units,
        "used_for": used,
        "trained_on": "train" in used,
        "refit": refit_report(refit),
        "level": LEVEL,
        "scores": {stage: _plain(found) for stage, found in scores.items()},
        "sentences": [
            _scores_sentence(
                counted(len(rows.labels), units),
                {name: scores[name] for name in stages},
                metric_name(JUDGED_BY, words=tagging),
            ),
            _use_sentence(used, refit.stage),
            refit_sentence(refit),
        ],
    }


def scores_of(rows: LabelledRows, stage: str) -> dict[str, LabelledScore]:
    """Both metrics of a stage's model on the labelled rows alone."""
    logits = rows.logits[stage]
    units = np.arange(len(logits)) if rows.groups is None else np.asarray(rows.groups)
    return score_labelled(
        logits.argmax(axis=1), rows.labels, units, num_classes=logits.shape[1], level=LEVEL
    )


def told_by_labels(
    rows: LabelledRows, stage: str, *, tagging: bool, because: str
) -> dict[str, Any]:
    """The score to expect where labelled rows are all there is to tell it; see `expect`.

    Args:
        rows: what stages say of them.
        stage: whose score.
        tagging: whether rows are words of sentences.
        because: why they are, or how they were asked: the end of the sentence.
    """
    found = scores_of(rows, stage)[JUDGED_BY]
    low, high = found.interval
    units = len(np.unique(rows.groups)) if rows.groups is not None else len(rows.labels)
    name = metric_name(JUDGED_BY, words=tagging)
    sentence = (
        f"Expected {name} on the target: {100 * found.value:.1f} % "
        f"({100 * LEVEL:g} % interval {100 * low:.1f} to {100 * high:.1f} %), by "
        f"{counted(len(rows.labels), units)} alone{because}."
    )
    return {
        "metric": JUDGED_BY,
        "value": found.value,
        "interval": [low, high],
        "level": LEVEL,
        "sentence": sentence,
        "words": tagging,
    }


def _plain(scores: dict[str, LabelledScore]) -> dict[str, Any]:
    return {
        metric: {"value": each.value, "interval": list(each.interval)}
        for metric, each in scores.items()
    }


def _scores_sentence(rows: str, scores: dict[str, dict[str, LabelledScore]], name: str) -> str:
    parts = []
    for stage, found in scores.items():
        low, high = (f"{100 * bound:.1f}" for bound in found[JUDGED_BY].interval)
        parts.append(f"{stage} {100 * found[JUDGED_BY].value:.1f} % ({low} to {high})")
    named = f"{name[0].upper()}{name[1:]} on {rows}, with {100 * LEVEL:g} % intervals"
    return f"{named}: {', '.join(parts)}."


def _use_sentence(used: list[str], stage: str) -> str:
    uses = {
        "check": "to check what to expect",
        "choose": "to choose among the candidates",
        "prior": "to estimate the class balance",
        "train": f"to refit the head of {stage} last",
    }
    parts = [uses[name] for name in used]
    listed = f"{', '.join(parts[:-1])} and {parts[-1]}"
    other = "other weight" if "train" in used else "weight"
    return f"Their labels were used {listed}; no {other} was trained on them."
