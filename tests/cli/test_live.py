from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from isogloss.cli.live import LiveProgress
from isogloss.cli.progress import BarProgress, LineProgress, shown_progress
from tests.helpers.clock import Clock

ALIGNING = {
    "task_loss": 0.4123,
    "critic_loss": -0.025,
    "prior_shift": 0.31,
    "prior/neg [b]": 0.75,
    "prior/pos": 0.25,
}


def console(width: int = 120) -> Console:
    return Console(file=io.StringIO(), width=width, color_system=None)


def screen(progress: LiveProgress, width: int = 120) -> str:
    out = console(width)
    out.print(progress.render())
    return out.file.getvalue()  # type: ignore[attr-defined]


def row(progress: LiveProgress, stage: str) -> str:
    return next(line.rstrip() for line in screen(progress).splitlines() if line.startswith(stage))


def watched(clock: Clock | None = None) -> LiveProgress:
    progress = LiveProgress(console(), clock=clock or Clock())
    progress.plan(["zero-shot", "iwda"])
    return progress


def test_every_stage_has_a_row_from_the_beginning() -> None:
    progress = watched()
    assert "waiting" in row(progress, "zero-shot")
    assert "waiting" in row(progress, "iwda")


def test_a_stage_that_trains_shows_step_losses_pace_and_balance() -> None:
    clock = Clock()
    progress = watched(clock)
    progress.start("iwda", 200, "steps")
    progress.advance(100)
    for _ in range(50):
        clock.now += 0.5
        progress.advance(1, ALIGNING)
    shown = row(progress, "iwda")
    progress.close()
    for part in ("150 of 200", "0.412", "-0.025", "shift 0.31", "2 steps/s, 25 s left", "███████▌"):
        assert part in shown


def test_the_balance_is_drawn_in_bars_of_its_shares() -> None:
    progress = watched()
    progress.start("iwda", 200, "steps")
    progress.advance(1, ALIGNING)
    lines = screen(progress).splitlines()
    progress.close()
    bars = {name: next(line for line in lines if line.startswith(name)) for name in ("neg", "pos")}
    assert bars["neg"].startswith("neg [b]")
    assert "75.0 %" in bars["neg"]
    assert bars["neg"].count("█") == 3 * bars["pos"].count("█") == 24


def test_the_largest_of_many_classes_are_drawn() -> None:
    progress = watched()
    progress.start("iwda", 2, "steps")
    many = {f"prior/class-{i:02}": (i + 1) / 210 for i in range(20)}
    progress.advance(1, {"task_loss": 1.0} | many)
    shown = screen(progress)
    progress.close()
    assert "class-19" in shown
    assert "class-08" in shown
    assert "class-07" not in shown
    assert "and 8 smaller" in shown


def test_a_finished_stage_keeps_its_figures_and_its_time() -> None:
    clock = Clock()
    progress = watched(clock)
    progress.start("iwda", 2, "steps")
    progress.advance(2, ALIGNING)
    progress.advance(0, {"train_runtime": 3.0})
    clock.now += 60.0
    progress.start("iwda: measuring", 10, "rows")
    progress.advance(4)
    assert "4 of 10" in row(progress, "iwda")
    clock.now += 15.0
    progress.advance(6)
    assert "measuring: 0.4 rows/s, 0 s left" in row(progress, "iwda")
    progress.finish()
    shown = row(progress, "iwda")
    progress.close()
    assert "2 of 2 " in shown
    assert "in 1 min 15 s" in shown
    assert "0.412" in shown


def test_a_stage_that_is_left_out_says_why() -> None:
    progress = watched()
    progress.skip("zero-shot", "finished before")
    assert row(progress, "zero-shot").endswith("finished before")


def test_an_unknown_total_counts() -> None:
    progress = watched()
    progress.start("classify", None, "rows")
    progress.advance(2048)
    shown = row(progress, "classify")
    progress.close()
    assert "2,048" in shown


def test_a_narrow_terminal_keeps_every_figure() -> None:
    progress = watched()
    progress.start("iwda", 200, "steps")
    progress.advance(100, ALIGNING)
    shown = screen(progress, width=70)
    progress.close()
    assert all(part in shown for part in ("100 of 200", "0.412", "-0.025", "0.31"))


def test_lines_are_said_above_the_table() -> None:
    out = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    progress = LiveProgress(out, clock=Clock())
    progress.start("zero-shot", 10, "steps")
    progress.say("going on\nat [b]step 3")
    progress.close()
    assert "going on at [b]step 3" in out.file.getvalue()  # type: ignore[attr-defined]


def test_work_outside_a_phase_is_ignored() -> None:
    progress = watched()
    before = screen(progress)
    progress.advance(3)
    progress.finish()
    progress.close()
    assert screen(progress) == before


def test_the_live_table_is_for_terminals_and_for_whoever_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with shown_progress(live=True) as progress:
        assert isinstance(progress, LineProgress)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with shown_progress() as progress:
        assert isinstance(progress, BarProgress)
    caught: list[LiveProgress] = []

    def fail() -> None:
        with shown_progress(live=True) as progress:
            assert isinstance(progress, LiveProgress)
            caught.append(progress)
            progress.start("zero-shot", 10, "steps")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not caught[0].live.is_started
