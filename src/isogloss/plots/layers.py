"""Curves over the layers of models, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe & Ito's colours, apart for the colour-blind; dashes and marks keep them apart in print.
_STYLES = (
    ("#0072B2", "-", "o"),
    ("#D55E00", "--", "s"),
    ("#009E73", "-.", "^"),
    ("#CC79A7", ":", "D"),
    ("#56B4E9", "-", "v"),
    ("#000000", "--", "x"),
)
_NAMES = {0: "emb.", "features": "feat."}


def plot_layer_curves(
    curves: Mapping[str, Mapping[str, Sequence[Any]]],
    *,
    ylabel: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one curve a model over the layers: values, intervals as bands, floors dotted.

    Args:
        curves: by name, as `isogloss.analysis.curves.layer_curves` gives them: `layers`, `values`,
            `low`, `high` and `floors`, all of one length; None for what does not exist.
        ylabel: what the values are.
        title: above, at the left.
        ax: to draw on; by default on a figure of its own.

    Returns:
        The axes; `.figure.savefig(...)` writes them.

    Example:
        >>> curves = layer_curves(report, view="mean", scaled=True)
        >>> plot_layer_curves(curves, ylabel="shift").figure.savefig("shift.svg")
    """
    axes = _own_axes() if ax is None else ax
    order = _order(curves)
    for place, (name, curve) in enumerate(curves.items()):
        colour, dashes, mark = _STYLES[place % len(_STYLES)]
        x = [order.index(layer) for layer in curve["layers"]]
        values, low, high, floors = (
            np.array(curve[key], dtype=float) for key in ("values", "low", "high", "floors")
        )
        axes.plot(x, values, dashes, color=colour, marker=mark, ms=4, lw=1.6, label=_shown(name))
        axes.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
        note = "no shift" if place == len(curves) - 1 and np.isfinite(floors).any() else None
        axes.plot(x, floors, ":", color="#666666", lw=0.9, label=note)
    axes.set_xticks(range(len(order)), [_NAMES.get(layer, str(layer)) for layer in order])
    axes.set_xlabel("layer")
    axes.set_ylabel(ylabel)
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)
    if curves:
        axes.legend(frameon=False, fontsize=8)
    return axes


def _own_axes() -> Axes:
    figure = Figure(figsize=(5.2, 3.4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


def _order(curves: Mapping[str, Mapping[str, Sequence[Any]]]) -> list[Any]:
    """All layers there are: the numbers in order, then the features."""
    layers = {layer for curve in curves.values() for layer in curve["layers"]}
    numbers = sorted(layer for layer in layers if not isinstance(layer, str))
    return [*numbers, *sorted(layer for layer in layers if isinstance(layer, str))]


def _shown(name: str) -> str:
    """A name as it stands: matplotlib hides those that begin with "_" and reads "$" as formulas."""
    return "\u200b" + name.replace("$", r"\$") if name.startswith("_") else name.replace("$", r"\$")
