"""The table that a terminal shows while a run trains: its stages, their figures, the balance."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from isogloss.cli.console import bar, cell, duration, one_line, percent
from isogloss.cli.pace import Pace, describe_pace
from isogloss.progress import PRIOR_FIGURE, Progress

# What a trainer logs -> the column that shows it; what it adds up, before its sum.
LOSSES = ("task_loss", "distillation_loss", "loss")
CRITICS = ("critic_loss", "discriminator_loss")
OTHERS = {"agreement": "agreement", "pseudo_loss": "pseudo", "prior_shift": "shift"}
BALANCE = "Class balance of the target that the weights stand for now"
MOST_CLASSES = 12
_BAR = 10
_BALANCE_BAR = 32


@dataclass
class Row:
    """A stage as the table shows it.

    Attributes:
        name: of the stage.
        doing: what goes on in it, such as "measuring"; empty while it trains.
        unit: of `done` and `total`.
        done: so far in what goes on.
        total: of it; None: unknown.
        figures: the latest measurements; replaced as a whole, since another thread draws.
        trained: the steps made, in words, once the stage has trained.
        pace: of what goes on; None before and after.
        seconds: that its finished parts took.
        began: when what goes on began.
    """

    name: str
    doing: str = ""
    unit: str = ""
    done: int = 0
    total: int | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    trained: str = ""
    pace: Pace | None = None
    seconds: float = 0.0
    began: float = 0.0


class LiveProgress(Progress):
    """A row for each stage with step, losses and time left; below, the class balance as bars.

    Args:
        console: where to draw.
        clock: seconds, rising.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rows: dict[str, Row] = {}
        self._row: Row | None = None
        self._ascii = console.options.ascii_only
        self.live = Live(
            console=console, get_renderable=self.render, refresh_per_second=4, transient=False
        )

    def plan(self, phases: Sequence[str]) -> None:
        """List the stages that are to come."""
        for name in phases:
            self._rows.setdefault(one_line(name), Row(one_line(name)))

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """Show that a part of a stage has begun."""
        self.finish()
        name, _, doing = one_line(phase).partition(": ")
        row = self._rows.setdefault(name, Row(name))
        row.doing, row.unit, row.total, row.done = doing, unit, total, 0
        row.pace, row.began = Pace(self._clock), self._clock()
        self._row = row
        if not self.live.is_started:
            self.live.start()

    def advance(self, amount: int, figures: Mapping[str, float] | None = None) -> None:
        """Count on, and show the figures."""
        row = self._row
        if row is None or row.pace is None:
            return
        if amount or not row.done:
            row.pace.mark(row.done + amount)
        row.done += amount
        # A trainer's last entry sums the run up and has none of them.
        if any(name in (figures or {}) for name in (*LOSSES, *CRITICS)):
            row.figures = dict(figures or {})

    def finish(self) -> None:
        """Leave the row as it stands."""
        row, self._row = self._row, None
        if row is not None:
            row.seconds += self._clock() - row.began
            row.trained = row.trained if row.doing else step_of(row)
            row.pace = None

    def skip(self, phase: str, why: str) -> None:
        """Say in the stage's row why it is not carried out."""
        name = one_line(phase)
        self._rows.setdefault(name, Row(name)).doing = one_line(why)

    def say(self, text: str) -> None:
        """Print a line above the table."""
        self.live.console.print(Text(one_line(text)))

    def close(self) -> None:
        """Leave the last state on the screen and hand the terminal back."""
        self.finish()
        if self.live.is_started:
            self.live.refresh()
            self.live.stop()

    def render(self) -> RenderableType:
        """What the screen shows now."""
        rows, present = list(self._rows.values()), self._row
        parts: list[RenderableType] = [stage_table(rows, present, ascii_only=self._ascii)]
        balance = {} if present is None else balance_of(present.figures)
        if balance:
            parts += [Text(""), Text(BALANCE, style="bold")]
            parts.append(balance_bars(balance, ascii_only=self._ascii))
        return Group(*parts)


def stage_table(rows: Sequence[Row], present: Row | None, *, ascii_only: bool) -> Table:
    """The stages with what they have come to.

    Args:
        rows: in their order.
        present: the one that goes on.
        ascii_only: for a terminal without block characters.
    """
    out = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("stage", "", "step", "loss", "critic", "also", "time"):
        numeric = name in ("step", "loss", "critic")
        out.add_column(name, justify="right" if numeric else "left", no_wrap=name in ("", "step"))
    for row in rows:
        style = "bold" if row is present else "" if row.seconds else "dim"
        out.add_row(
            cell(row.name, style),
            drawn_share(row, ascii_only=ascii_only),
            step_of(row),
            first_of(row.figures, LOSSES),
            first_of(row.figures, CRITICS),
            Text(others_of(row.figures), style="dim"),
            time_of(row),
        )
    return out


def drawn_share(row: Row, *, ascii_only: bool) -> Text:
    """The share that is done of what goes on, as a bar; a finished stage's is full."""
    if row.total is None or not row.total:
        return Text(" " * _BAR)
    drawn = bar(row.done / row.total, width=_BAR, ascii_only=ascii_only)
    return Text(f"{drawn:<{_BAR}}", style="cyan" if row.pace else "green")


def step_of(row: Row) -> str:
    """Such as "97 of 196"; between parts of a stage its steps; a dash before it begins."""
    if row.pace is None and row.trained:
        return row.trained
    if not row.unit:
        return "–"
    return f"{row.done:,}" if row.total is None else f"{row.done:,} of {row.total:,}"


def time_of(row: Row) -> str:
    """Rate and time left of what goes on, or the time that the stage took."""
    if row.pace is not None:
        left = None if row.total is None else max(row.total - row.done, 0)
        pace = describe_pace(row.pace.rate, row.unit, left)
        return f"{row.doing}: {pace}" if row.doing and pace else row.doing or pace
    return f"in {duration(row.seconds)}" if row.seconds else row.doing or "waiting"


def first_of(figures: Mapping[str, float], names: Sequence[str]) -> str:
    """The first of the figures that is there, in three digits; else empty."""
    return next((f"{figures[name]:.3g}" for name in names if name in figures), "")


def others_of(figures: Mapping[str, float]) -> str:
    """Further figures in words, such as "shift 0.31"."""
    return ", ".join(f"{name} {figures[k]:.2g}" for k, name in OTHERS.items() if k in figures)


def balance_of(figures: Mapping[str, float]) -> dict[str, float]:
    """The class shares among the figures, by class."""
    return {
        name.removeprefix(PRIOR_FIGURE): share
        for name, share in figures.items()
        if name.startswith(PRIOR_FIGURE)
    }


def balance_bars(balance: Mapping[str, float], *, ascii_only: bool) -> Table:
    """The class balance that the present weights stand for; the largest classes of many."""
    out = Table(box=None, pad_edge=False, show_header=False)
    shown = sorted(balance, key=lambda name: -balance[name])[:MOST_CLASSES]
    for name in (name for name in balance if name in shown):
        drawn = bar(balance[name], width=_BALANCE_BAR, ascii_only=ascii_only)
        out.add_row(
            cell(name), f"{percent(balance[name]):>7}", Text(f"{drawn:<{_BALANCE_BAR}}", "cyan")
        )
    if len(shown) < len(balance):
        out.add_row(Text(f"and {len(balance) - len(shown)} smaller", style="dim"))
    return out
