"""Plots as files: whole or not at all, the same bytes for the same plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isogloss.data.atomic import naming, replacing
from isogloss.errors import IsoglossError

# Endings of pictures -> what matplotlib calls the format.
PICTURES = {".png": "png", ".pdf": "pdf", ".svg": "svg"}
# Else an SVG's ids are drawn anew and a date goes into SVG and PDF.
_SALT: dict[Any, Any] = {"svg.hashsalt": "isogloss"}
_UNDATED: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


def check_picture(path: Path) -> None:
    """Refuse a picture of another format than those in `PICTURES`.

    Raises:
        IsoglossError: E650.
    """
    if path.suffix.lower() not in PICTURES:
        raise IsoglossError("E650", path=path, known=", ".join(PICTURES))


def save_plot(plot: Axes | Figure, path: str | Path) -> None:
    """Write a plot as PNG, PDF or SVG, as the path ends.

    Args:
        plot: the axes that a plotting function returned (their whole figure is written), or a
            figure.
        path: the file; it appears whole or not at all.

    Raises:
        IsoglossError: E650 for another ending, E121 where it cannot be written.

    Example:
        >>> save_plot(plot_scores({"zero-shot": 0.5, "iwda": 0.6}), "scores.pdf")
    """
    path = Path(path)
    check_picture(path)
    found = plot if isinstance(plot, Figure) else plot.get_figure(root=True)
    assert found is not None
    kind = PICTURES[path.suffix.lower()]
    with replacing(path) as temporary, naming(path), mpl.rc_context(_SALT):
        found.savefig(temporary, format=kind, metadata=_UNDATED[kind])
