"""What all plots share: colours, sizes, axes to draw on, texts that are never markup."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Not black, which SVG leaves unsaid: a page with a dark background must find it to replace it.
INK, MUTED, PAPER = "#1b1b1e", "#6b6b6b", "#ffffff"
# Apart in lightness as well as in hue, so that they can be told in print and by everyone.
SERIES = {
    "source": "#b8c4d0",
    "predicted": "#e0a458",
    "estimate": "#2a6f97",
    "true": INK,
}
# Of classes and of stages: Okabe & Ito, "Color universal design", 2008, less yellow and black,
# which vanish on one ground or the other.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
# With every colour go a marker and a line style: six of the one and seven of the other make 42
# classes before any pair repeats.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
# Light to dark; even in lightness, so that a copy in grey reads the same.
SHADES = "Blues"

SIZE = (6.4, 3.6)
_STYLE: dict[Any, Any] = {
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "legend.fontsize": 8.0,
    "legend.frameon": False,
}
_LONGEST_NAME = 24
# Control characters but for spaces, halves of characters, and what is no character.
_UNDRAWABLE = ("Cc", "Cs", "Cn")
# Letters of names in a row that an inch has room for, on an axis and in a legend.
_TICK_LETTERS, _LEGEND_LETTERS = 10, 18
# Of a tick with its distance from a name, and some air.
_TICK_POINTS = 12.0
# Of an entry in a legend.
_LONGEST_ENTRY = 32

P = ParamSpec("P")


@contextmanager
def plot_style() -> Iterator[None]:
    """Matplotlib's settings for our plots, for as long as the body runs."""
    with mpl.rc_context(_STYLE):
        yield


def styled(plot: Callable[P, Axes]) -> Callable[P, Axes]:
    """Have a plotting function draw under `plot_style`."""

    @functools.wraps(plot)
    def within(*args: P.args, **kwargs: P.kwargs) -> Axes:
        with plot_style():
            return plot(*args, **kwargs)

    return within


def axes_or_new(ax: Axes | None, *, size: tuple[float, float] = SIZE) -> Axes:
    """The axes given, or those of a figure of their own.

    Args:
        ax: to draw on, or None.
        size: of a new figure, in inches.

    Returns:
        Axes with two spines; a new figure belongs to no window and no global list, so it goes when
        the last reference does.
    """
    if ax is None:
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        ax = figure.subplots()
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(colors=INK)
    return ax


def percent(share: float, _: Any = None) -> str:
    """A share, 0 to 1, as a tick says it."""
    return f"{100 * share:.0f} %"


def short(name: str, most: int = _LONGEST_NAME) -> str:
    """A class name on one line, cut where it is longer than `most` characters."""
    line = _drawable(" ".join(name.split()))
    return line if len(line) <= most else line[: most - 1] + "…"


def _drawable(text: str) -> str:
    """The text without what neither a font has nor an SVG file may hold."""
    return "".join("\ufffd" if unicodedata.category(c) in _UNDRAWABLE else c for c in text)


def name_ticks(ax: Axes, names: Sequence[str], *, axis: str = "x") -> None:
    """Put names at 0, 1, 2, …, slanted where they would touch.

    A name is a user's text, and a dollar sign in it is just that.

    Args:
        ax: the axes.
        names: one a tick, of any length.
        axis: "x" or "y".
    """
    cut = [short(name) for name in names]
    put = ax.set_xticks if axis == "x" else ax.set_yticks
    put(range(len(cut)), cut, parse_math=False)
    if axis == "x" and max(map(len, cut), default=0) * len(cut) > _TICK_LETTERS * _width(ax):
        ax.tick_params(axis="x", rotation=40)
        for label in ax.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")


def name_series(ax: Axes, handles: Sequence[Any], names: Sequence[str], **place: Any) -> None:
    """A legend whose names are taken as they are: no mathematics, no underscore that hides.

    Args:
        ax: the axes.
        handles: the artists.
        names: one for each.
        **place: what else `Axes.legend` takes.
    """
    cut = [short(name, _LONGEST_ENTRY) for name in names]
    if "ncols" in place:
        # Beside a name stand its mark and a gap.
        letters = max(map(len, cut), default=0) + 6
        place["ncols"] = max(1, min(place["ncols"], int(_LEGEND_LETTERS * _width(ax) / letters)))
    legend = ax.legend(handles, ["name"] * len(handles), **place)
    for text, name in zip(legend.get_texts(), cut, strict=True):
        text.set_parse_math(False)
        text.set_text(name)


def _width(ax: Axes) -> float:
    """Of the axes, in inches."""
    return float(ax.get_window_extent().width / ax.figure.dpi)


def below(entries: int, *, drop: float = 0.14, widest: int = 4) -> dict[str, Any]:
    """Where a legend stands that goes under the axes.

    Args:
        entries: in the legend; they fill even columns.
        drop: how far below, as a share of the axes' height.
        widest: columns, at most.
    """
    rows = max(1, -(-entries // widest))
    return {
        "loc": "upper center",
        "bbox_to_anchor": (0.5, -drop),
        "ncols": max(1, -(-entries // rows)),
    }


def below_ticks(ax: Axes, entries: int) -> dict[str, Any]:
    """Where a legend stands that goes under the names at the ticks, however they are slanted.

    Args:
        ax: the axes, their ticks named.
        entries: in the legend.
    """
    highest = max((label.get_window_extent().height for label in ax.get_xticklabels()), default=0)
    points = 72 * highest / ax.figure.dpi + _TICK_POINTS
    # In units of the legend's type, not of the axes: these shrink when the figure is laid out.
    pad = points / _STYLE["legend.fontsize"]
    return below(entries, drop=0.0) | {"borderaxespad": pad}


def colour(index: int) -> str:
    """Of the class or stage of a number, from 0."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """Of the class of a number, from 0."""
    return MARKERS[index % len(MARKERS)]


def line(index: int) -> Any:
    """Style of the line of a number, from 0."""
    return LINES[index % len(LINES)]
