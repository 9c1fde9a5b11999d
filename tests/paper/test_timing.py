from __future__ import annotations

import pytest

from isogloss.paper.timing import Pace
from isogloss.progress import Progress
from tests.helpers.clock import Clock


def test_the_pace_leaves_out_what_comes_before_the_first_step_ends() -> None:
    clock = Clock()
    pace = Pace(Progress(), clock=clock)
    for stage, first, each in (("zero-shot", 50.0, 2.0), ("iwda", 9.0, 3.0)):
        pace.start(stage, 4, "steps")
        pace.advance(0)
        for seconds in (first, each, each, each):
            clock.now += seconds
            pace.advance(1)
            # Figures are heard of between the steps.
            pace.advance(0, {"loss": 1.0})
        pace.finish()
        pace.start(f"{stage}: measuring", 10, "rows")
        clock.now += 100.0
        pace.advance(10)
    assert pace.seconds("zero-shot") == pytest.approx(2.0)
    assert pace.seconds("iwda") == pytest.approx(3.0)
