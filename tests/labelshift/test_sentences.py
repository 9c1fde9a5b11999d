"""What an estimate says: one sentence for the shift, one for facts, one for the assumption."""

from __future__ import annotations

from typing import Any

import pytest

from isogloss.labelshift.sentences import describe


def said(**changes: Any) -> list[str]:
    settings: dict[str, Any] = {
        "shift_is_significant": True,
        "assumption_p_value": 0.4,
        "shrinkage": 1.0,
        "level": 0.95,
    }
    return describe(**(settings | changes))


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, "The class balance has shifted (significant at 95 %)."),
        ({"shrinkage": 0.996}, "The class balance has shifted (significant at 95 %)."),
        (
            {"shrinkage": 0.8, "level": 0.9},
            "The class balance has shifted (significant at 90 %); 80 % of the measured shift is "
            "kept, the rest may be noise.",
        ),
        (
            {"shift_is_significant": False, "shrinkage": 0.0},
            "No shift of the class balance is significant at 95 %: the source's is kept.",
        ),
        (
            {"shift_is_significant": False, "shrinkage": 0.0, "facts_heard": True},
            "No shift of the class balance is significant at 95 %: the facts correct the source's "
            "balance.",
        ),
        (
            {"shift_is_significant": False, "level": 0.999},
            "The shift of the class balance is not significant at 99.9 %.",
        ),
    ],
)
def test_the_shift_comes_first(changes: dict[str, Any], first: str) -> None:
    assert said(**changes)[0] == first


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (1.0, "Whether label shift holds could not be tested"),
        (0.9999, "Nothing speaks against label shift (p = 1.000)"),
        (0.05, "Nothing speaks against label shift (p = 0.050)"),
        (0.049, "No class balance explains the target's predictions (p = 0.049)"),
        (0.0004, "No class balance explains the target's predictions (p < 0.001)"),
    ],
)
def test_the_assumption_comes_last(p_value: float, words: str) -> None:
    found = said(assumption_p_value=p_value)
    assert len(found) == 2
    assert found[-1].startswith(words)


def test_facts_that_were_heard_are_told() -> None:
    found = said(facts_heard=True)
    assert len(found) == 3
    assert "known facts" in found[1]


def test_every_sentence_is_one() -> None:
    for significant in (True, False):
        for shrinkage in (0.0, 0.5, 1.0):
            for p_value in (0.0, 1.0):
                found = said(
                    shift_is_significant=significant,
                    shrinkage=shrinkage,
                    assumption_p_value=p_value,
                    facts_heard=True,
                )
                assert all(text[0].isupper() and text.endswith(".") for text in found)
