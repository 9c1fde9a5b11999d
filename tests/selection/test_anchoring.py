"""A candidate is expected to do as the zero-shot model does, and what is gained on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isogloss.selection import ExpectedScore, Rule
from isogloss.selection.anchoring import anchored_score
from tests.selection.test_verdicts import BASE, GOOD

KNOWN = ExpectedScore(
    metric="macro_f1",
    value=0.6,
    interval=(0.5, 0.7),
    level=0.9,
    assumption="label shift",
    sentence="As it is.",
    parts={"standard_error": 0.06, "disagreement": 0.0, "assumption_p_value": 0.2},
)


def test_the_baseline_is_left_as_it_is() -> None:
    assert anchored_score(KNOWN, BASE, zero_shot="zero-shot") is KNOWN


def test_value_and_error_add_up() -> None:
    found = anchored_score(
        KNOWN, replace(GOOD, spread=0.03), zero_shot="zero-shot", rule=Rule(gain_error=0.02)
    )
    assert found.value == pytest.approx(0.63)
    error = np.sqrt(0.06**2 + 0.03**2 + 0.02**2)
    assert found.parts["standard_error"] == pytest.approx(error)
    assert found.interval == pytest.approx((0.63 - 1.6449 * error, 0.63 + 1.6449 * error), abs=1e-4)
    assert found.parts["zero_shot"] + found.parts["gain"] == pytest.approx(found.value)
    assert found.sentence.startswith("Expected macro-F1 on the target: 63.0 %")
    assert "p = 0.200" in found.sentence


def test_what_the_baseline_s_estimates_differ_by_widens_the_interval() -> None:
    parts = {"standard_error": 0.06, "disagreement": 0.1, "assumption_p_value": 0.01}
    found = anchored_score(
        replace(KNOWN, parts=parts),
        replace(GOOD, spread=0.03),
        zero_shot="zero-shot",
        rule=Rule(gain_error=0.02),
    )
    error = np.sqrt(0.1**2 + 0.03**2 + 0.02**2)
    assert found.interval == pytest.approx((0.63 - 1.6449 * error, 0.63 + 1.6449 * error), abs=1e-4)
    assert found.parts["standard_error"] == pytest.approx(np.sqrt(0.06**2 + 0.03**2 + 0.02**2))


def test_bounds_are_kept_and_a_wide_interval_tells_nothing() -> None:
    found = anchored_score(KNOWN, replace(GOOD, gain=0.9), zero_shot="zero-shot")
    assert found.value == found.interval[1] == 1.0
    wide = anchored_score(
        KNOWN, GOOD, zero_shot="zero-shot", rule=Rule(gain_error=0.2, untold_width=0.4)
    )
    assert wide.sentence.startswith("How good the model is on the target cannot be told")
