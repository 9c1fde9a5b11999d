"""Progress on stderr: a bar or a table on a terminal, else lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console
from rich.table import Column
from rich.text import Text

from isogloss.cli.console import duration, one_line
from isogloss.cli.live import LiveProgress
from isogloss.cli.pace import Pace, describe_pace
from isogloss.progress import Progress

# Between two lines about a phase in a log file.
LINE_SECONDS = 60.0
# What a trainer logs -> what it is called on the screen.
FIGURES = {
    "task_loss": "task loss",
    "distillation_loss": "distillation loss",
    "agreement": "agreement",
    "critic_loss": "critic loss",
    "pseudo_loss": "pseudo loss",
    "discriminator_loss": "discriminator loss",
    "prior_shift": "prior shift",
}


class BarProgress(Progress):
    """One bar a phase: share, rate, time left and the latest figures.

    Args:
        console: where to draw.
        clock: seconds, rising.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._task: bars.TaskID | None = None
        self._unit, self._began = "", 0.0
        self._pace = Pace(clock)
        self.bars = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            # On a narrow terminal the figures are wrapped and the bar stays.
            bars.BarColumn(bar_width=12, table_column=Column(no_wrap=True, min_width=12)),
            bars.TextColumn("{task.fields[share]:>5}", markup=False),
            bars.TextColumn("{task.fields[pace]}", markup=False),
            bars.TextColumn(
                "{task.fields[figures]}", style="dim", markup=False, table_column=Column()
            ),
            console=console,
        )

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """Draw a new bar."""
        self.finish()
        self._unit, self._pace, self._began = unit, Pace(self._clock), self._clock()
        self._task = self.bars.add_task(one_line(phase), total=total, share="", pace="", figures="")
        self.bars.start()

    def advance(self, amount: int, figures: Mapping[str, float] | None = None) -> None:
        """Move the bar on and show the figures."""
        if self._task is None:
            return
        task = self.bars.tasks[self._task]
        if amount or not task.completed:
            self._pace.mark(task.completed + amount)
        shown = describe_figures(figures or {}) or task.fields["figures"]
        done = task.completed + amount
        left = None if task.total is None else max(task.total - done, 0)
        share = f"{100 * done / task.total:.0f} %" if task.total else f"{done:,.0f}"
        pace = describe_pace(self._pace.rate, self._unit, left)
        self.bars.update(self._task, advance=amount, share=share, pace=pace, figures=shown)

    def finish(self) -> None:
        """Leave the bar as it stands, with the time it took."""
        if self._task is not None:
            took = duration(self._clock() - self._began)
            self.bars.update(self._task, pace=f"in {took}")
            self.bars.stop_task(self._task)
            self._task = None

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self.bars.console.print(Text(one_line(text)))

    def close(self) -> None:
        """Hand the terminal back."""
        self.bars.stop()


class LineProgress(Progress):
    """One line a phase, for log files and pipes; for a long one a line a minute, with its pace.

    Args:
        clock: seconds, rising.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._phase, self._unit, self._total, self._done = "", "", 0, 0
        self._pace, self._said = Pace(clock), clock()

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """Name the phase."""
        self._phase, self._unit, self._total, self._done = phase, unit, total or 0, 0
        self._pace, self._said = Pace(self._clock), self._clock()
        self.say(phase if total is None else f"{phase}: {total:,} {unit}")

    def advance(self, amount: int, figures: Mapping[str, float] | None = None) -> None:
        """Say how far it is, where a minute has gone by."""
        self._done += amount
        if amount or not self._done:
            self._pace.mark(self._done)
        if not self._total or self._clock() - self._said < LINE_SECONDS:
            return
        self._said = self._clock()
        pace = describe_pace(self._pace.rate, self._unit, max(self._total - self._done, 0))
        parts = [f"{self._phase}: {100 * self._done / self._total:.0f} %", pace]
        self.say(", ".join(filter(None, parts)))

    def say(self, text: str) -> None:
        """Write one line."""
        sys.stderr.write(one_line(text) + "\n")


@contextmanager
def shown_progress(*, live: bool = False) -> Iterator[Progress]:
    """The progress that suits stderr, put away in the end whatever happens.

    Args:
        live: on a terminal, a table of the stages in place of a bar for each phase.
    """
    if not sys.stderr.isatty():
        yield LineProgress()
        return
    console = Console(stderr=True, highlight=False)
    progress = LiveProgress(console) if live else BarProgress(console)
    try:
        yield progress
    finally:
        progress.close()


def describe_figures(figures: Mapping[str, float]) -> str:
    """The figures that a watcher can use, such as "task loss 0.412, prior shift 0.31"."""
    named = {name: figures[key] for key, name in FIGURES.items() if key in figures}
    if not named and "loss" in figures:
        # Nothing was added to it.
        named["task loss"] = figures["loss"]
    return ", ".join(f"{name} {value:.3g}" for name, value in named.items())
