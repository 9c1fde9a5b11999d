"""What is said of a refitted head, and of one that was not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from isogloss.recipes.refit_report import Refit, refit_report, refit_sentence
from isogloss.selection.refit import RefitGain

GAIN = RefitGain(value=0.032, error=0.0101)


@pytest.mark.parametrize(
    ("refused", "gain", "said"),
    [
        (
            None,
            GAIN,
            "The head of iwda was refitted on them (iwda+rows): refitted to four fifths of them, "
            "it gains +3.2 points of macro-F1 over iwda+prior on the rest (standard error 1.0).",
        ),
        (
            "gain",
            RefitGain(value=-0.001, error=0.0101),
            "The head of iwda was not refitted on them: refitted to four fifths of them, it gains "
            "-0.1 points of macro-F1 over iwda+prior on the rest, which is not above the standard "
            "error of 1.0.",
        ),
        ("no change", GAIN, "but to all of them cross-validation prefers it as it is"),
        ("rows", None, "that takes at least 200 of different texts, and there are 120."),
        ("setting", None, "train_on_labelled is off"),
        ("task", None, "was not measured for tagging"),
        ("no bias", None, "its last layer has no bias"),
    ],
)
def test_one_sentence_says_what_came_of_it(refused: Any, gain: RefitGain | None, said: str) -> None:
    refit = Refit(before="iwda+prior", stage="iwda", rows=120, gain=gain, refused=refused)
    assert said in refit_sentence(refit)
    told = json.loads(json.dumps(refit_report(refit)))
    assert told["served"] == ("iwda+rows" if refused is None else None)
    assert (told["before"], told["refused"], told["rows"]) == ("iwda+prior", refused, 120)
    assert (told["gain"] is None) == (gain is None)
