"""Several plots in one picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from isogloss.plots.saving import save_plot
from isogloss.plots.style import plot_style

FORMATS = ("png", "svg")


def save_panels(
    rows: Sequence[Sequence[Callable[..., Any]]], stem: Path, *, panel: tuple[float, float]
) -> list[Path]:
    """Draw plots side by side and below each other, as PNG and as SVG.

    Args:
        rows: of functions that draw on the axes given as `ax`; a row may be shorter.
        stem: path of the files without their ending; its folder is made.
        panel: width and height of one plot, in inches.

    Returns:
        The files, each written whole or not at all.

    Raises:
        IsoglossError: E121 where they cannot be written.
    """
    across = max(map(len, rows))
    with plot_style():
        size = (panel[0] * across, panel[1] * len(rows))
        figure = Figure(figsize=size, dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        for down, row in enumerate(rows):
            for place, draw in enumerate(row, start=1):
                draw(ax=figure.add_subplot(len(rows), across, down * across + place))
    paths = [stem.with_name(f"{stem.name}.{ending}") for ending in FORMATS]
    for path in paths:
        save_plot(figure, path)
    return paths
