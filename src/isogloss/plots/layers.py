"""Curves over the layers of models, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from isogloss.plots.style import MUTED, axes_or_new, colour, line, marker, name_series, styled

_NAMES = {0: "emb.", "features": "feat."}


@styled
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
    axes, order = axes_or_new(ax, size=(5.2, 3.4)), _order(curves)
    lines, dotted = [], []
    for place, curve in enumerate(curves.values()):
        x = [order.index(layer) for layer in curve["layers"]]
        values, low, high, floors = (
            np.array(curve[key], dtype=float) for key in ("values", "low", "high", "floors")
        )
        look: dict[str, Any] = {"color": colour(place), "ls": line(place), "marker": marker(place)}
        lines += axes.plot(x, values, ms=4, lw=1.6, **look)
        axes.fill_between(x, low, high, color=colour(place), alpha=0.18, lw=0)
        drawn = axes.plot(x, floors, ":", color=MUTED, lw=0.9)
        dotted += drawn if np.isfinite(floors).any() else []
    axes.set_xticks(range(len(order)), [_NAMES.get(layer, str(layer)) for layer in order])
    axes.set_xlabel("layer")
    axes.set_ylabel(ylabel)
    axes.set_title(title, parse_math=False)
    axes.grid(axis="y", color=MUTED, alpha=0.25, lw=0.6)
    axes.set_axisbelow(True)
    if curves:
        name_series(axes, [*lines, *dotted[:1]], [*curves, *["no shift"][: len(dotted)]])
    return axes


def _order(curves: Mapping[str, Mapping[str, Sequence[Any]]]) -> list[Any]:
    """All layers there are: the numbers in order, then the features."""
    layers = {layer for curve in curves.values() for layer in curve["layers"]}
    numbers = sorted(layer for layer in layers if not isinstance(layer, str))
    return [*numbers, *sorted(layer for layer in layers if isinstance(layer, str))]
