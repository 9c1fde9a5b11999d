from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from isogloss.cli.progress import (
    BarProgress,
    LineProgress,
    describe_figures,
    shown_progress,
)
from tests.helpers.clock import Clock


def test_figures_that_a_watcher_can_use() -> None:
    logged = {"loss": 9.0, "task_loss": 0.4123, "critic_loss": 1.0, "prior_shift": 0.3, "lr": 1e-5}
    assert describe_figures(logged) == "task loss 0.412, critic loss 1, prior shift 0.3"
    assert describe_figures({"loss": 0.5}) == "task loss 0.5"
    distilled = {"loss": 0.02, "distillation_loss": 0.02, "agreement": 0.75}
    assert describe_figures(distilled) == "distillation loss 0.02, agreement 0.75"
    assert describe_figures({"learning_rate": 1e-5}) == ""


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=140, color_system=None)


def last_line(console: Console, phase: str) -> str:
    assert isinstance(console.file, io.StringIO)
    return [line for line in console.file.getvalue().splitlines() if phase in line][-1]


def test_the_bar_shows_phase_share_pace_and_figures() -> None:
    clock, console = Clock(), terminal()
    progress = BarProgress(console, clock=clock)
    progress.start("[red]iwda", 200, "steps")
    progress.advance(100)
    for _ in range(50):
        clock.now += 0.5
        progress.advance(1, {"task_loss": 0.25})
    progress.close()
    shown = last_line(console, "iwda")
    assert "[red]iwda" in shown
    assert "━━━━━━━━━" in shown
    assert "75 %" in shown
    assert "2 steps/s, 25 s left" in shown
    assert "task loss 0.25" in shown


def test_a_finished_phase_says_how_long_it_took() -> None:
    clock, console = Clock(), terminal()
    progress = BarProgress(console, clock=clock)
    progress.start("zero-shot", 2, "steps")
    clock.now += 75.0
    progress.advance(2)
    progress.finish()
    progress.close()
    assert "100 % in 1 min 15 s" in last_line(console, "zero-shot")


def test_a_narrow_terminal_keeps_the_bar_and_every_figure() -> None:
    console = terminal()
    console.width = 70
    progress = BarProgress(console, clock=Clock())
    progress.start("iwda", 2, "steps")
    progress.advance(1, {"task_loss": 0.25, "critic_loss": 0.125, "prior_shift": 0.5})
    progress.close()
    shown = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]
    assert "━━━━━" in shown
    assert all(word in shown for word in ("0.25", "0.125", "0.5"))
    assert "…" not in shown


def test_the_bar_of_an_unknown_total_counts() -> None:
    console = terminal()
    progress = BarProgress(console)
    progress.start("predict", None, "rows")
    progress.advance(2048)
    progress.say("a [b]line")
    progress.close()
    shown = console.file.getvalue()
    assert "2,048" in shown
    assert "a [b]line" in shown


def test_work_outside_a_phase_is_ignored() -> None:
    console = terminal()
    progress = BarProgress(console)
    progress.advance(3)
    progress.finish()
    progress.close()
    assert console.file.getvalue().strip() == ""


def test_without_a_terminal_there_is_one_line_a_phase(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress() as progress:
        assert isinstance(progress, LineProgress)
        progress.start("zero-shot", 1200, "steps")
        for _ in range(1200):
            progress.advance(1, {"loss": 1.0})
        progress.finish()
        progress.start("predict", None, "rows")
        progress.say("going on\nat step 3")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "zero-shot: 1,200 steps\npredict\ngoing on at step 3\n"


def test_the_terminal_is_handed_back_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    caught: list[BarProgress] = []

    def fail() -> None:
        with shown_progress() as progress:
            assert isinstance(progress, BarProgress)
            caught.append(progress)
            progress.start("zero-shot", 10, "steps")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not caught[0].bars.live.is_started


def test_a_log_file_gets_a_line_a_minute_with_the_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    progress = LineProgress(clock=clock)
    progress.start("predict", 1_000_000, "rows")
    # What an earlier command did does not count for the pace.
    progress.advance(400_000)
    for _ in range(12):
        clock.now += 10.0
        progress.advance(2_000)
    assert capsys.readouterr().err.splitlines() == [
        "predict: 1,000,000 rows",
        "predict: 41 %, 200 rows/s, 49 min 0 s left",
        "predict: 42 %, 200 rows/s, 48 min 0 s left",
    ]
