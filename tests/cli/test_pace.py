from __future__ import annotations

import pytest

from isogloss.cli.pace import Pace, describe_pace
from tests.helpers.clock import Clock


def test_the_pace_leaves_out_what_was_done_before() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.mark(400)
    assert pace.rate is None
    for step in range(1, 5):
        clock.now += 0.5
        pace.mark(400 + step)
    assert pace.rate == pytest.approx(2.0)


def test_the_pace_forgets_what_is_long_past() -> None:
    clock = Clock()
    pace = Pace(clock)
    for step in range(100):
        pace.mark(step)
        clock.now += 1.0
    for step in range(100, 140):
        pace.mark(step)
        clock.now += 4.0
    assert pace.rate == pytest.approx(0.25)


def test_pace_in_words() -> None:
    assert describe_pace(None, "steps", 3) == ""
    assert describe_pace(2.5, "steps", 100) == "2.5 steps/s, 40 s left"
    assert describe_pace(1234.5, "rows", None) == "1,234 rows/s"
