"""Feature shift by layer, as `isogloss analyze` left it in the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isogloss.analysis.curves import Curve, layer_curves
from isogloss.plots.layers import plot_layer_curves
from isogloss.plots.style import axes_or_new
from isogloss.report.figures import SIZE, Picture
from isogloss.report.svg import inline_svg

VIEWS = {"cls": "[CLS]", "mean": "mean of tokens", "active": "active tokens"}


@dataclass(frozen=True, kw_only=True)
class LayerShift:
    """Conditional feature shift over the layers, of several models, in one view of a text.

    Attributes:
        view: "cls", "mean" or "active".
        curves: model -> its shift (L1) in spreads of the source's classes, see `layer_curves`.
    """

    view: str
    curves: dict[str, Curve]


def layer_shifts(analysis: Mapping[str, Any]) -> list[LayerShift]:
    """The shift by layer, view by view.

    Args:
        analysis: `analysis.json`.

    Returns:
        One a view that has a shift by class; empty where the analysis has none.
    """
    views = ((view, layer_curves(analysis, view=view, scaled=True)) for view in VIEWS)
    return [LayerShift(view=view, curves=curves) for view, curves in views if curves]


def draw_layers(number: int, shift: LayerShift) -> Picture:
    """The shift of one view over the layers.

    Args:
        number: of the picture within the page.
        shift: what to draw.
    """
    view = VIEWS[shift.view]
    axes = plot_layer_curves(
        shift.curves, title=f"Feature shift by layer, {view}", ax=axes_or_new(None, size=SIZE)
    )
    ends = [f"{name} {_ends(curve)}" for name, curve in shift.curves.items()]
    title = f"Line chart of feature shift over the layers: {', '.join(ends)}."
    caption = (
        f"Distance of the sides' class means, in spreads of a class, by layer ({view}); bands: "
        "intervals; dotted: what no shift would show."
    )
    return Picture(inline_svg(axes, name=f"plot-layers-{number}", title=title), caption)


def _ends(curve: Curve) -> str:
    there = [value for value in curve["values"] if value is not None]
    return f"from {there[0]:.2f} to {there[-1]:.2f}" if there else "has none"
