"""Feature shift by layer, as `isogloss analyze` left it in the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss.plots.style import axes_or_new, below, colour, line, marker, name_series, plot_style
from isogloss.report.figures import SIZE, Picture
from isogloss.report.svg import inline_svg

# Of what the analysis measured: the distance of class means, in spreads of the source's classes.
MEASURE = "l1"
FEATURES = "features"


@dataclass(frozen=True, kw_only=True)
class LayerShift:
    """Conditional feature shift over the layers, of several models, in one view of a text.

    Attributes:
        view: "cls", "mean" or "active".
        layers: their names, the encoder's in order, the final features last.
        curves: model -> (layers,) shift in spreads of a class; nan where it does not exist.
    """

    view: str
    layers: list[str]
    curves: dict[str, np.ndarray]


def layer_shifts(analysis: Mapping[str, Any]) -> list[LayerShift]:
    """The shift by layer, view by view.

    Args:
        analysis: `analysis.json`.

    Returns:
        One a view that has a shift by class; empty where the analysis has none.
    """
    found: dict[str, dict[str, dict[Any, float]]] = {}
    for model in analysis["models"]:
        for place in model["layers"]:
            scaled = (place["conditional"] or {}).get(MEASURE, {}).get("scaled")
            if scaled is not None:
                of_view = found.setdefault(str(place["view"]), {})
                of_view.setdefault(str(model["name"]), {})[place["layer"]] = float(scaled)
    return [_of_view(view, models) for view, models in found.items()]


def draw_layers(number: int, shift: LayerShift) -> Picture:
    """The shift of one view over the layers.

    Args:
        number: of the picture within the page.
        shift: what to draw.
    """
    with plot_style():
        ax, lines = axes_or_new(None, size=SIZE), []
        for index, values in enumerate(shift.curves.values()):
            look = {"color": colour(index), "ls": line(index), "marker": marker(index)}
            (drawn,) = ax.plot(range(len(values)), values, lw=1.4, ms=4, **look)
            lines.append(drawn)
        step = max(1, len(shift.layers) // 8)
        ax.set_xticks(range(0, len(shift.layers), step), shift.layers[::step])
        ax.set(xlabel="layer", ylim=(0, None))
        ax.set_title(f"Feature shift by layer ({shift.view})", parse_math=False)
        name_series(ax, lines, list(shift.curves), **below(len(lines), drop=0.2))
    ends = [f"{name} from {v[0]:.2f} to {v[-1]:.2f}" for name, v in shift.curves.items()]
    title = f"Line chart of feature shift over the layers: {', '.join(ends)}."
    caption = f"Distance of the sides' class means, in spreads of a class, by layer ({shift.view})."
    return Picture(inline_svg(ax, name=f"plot-layers-{number}", title=title), caption)


def _of_view(view: str, models: Mapping[str, Mapping[Any, float]]) -> LayerShift:
    there = {layer for curve in models.values() for layer in curve}
    numbered = sorted(layer for layer in there if layer != FEATURES)
    order = [*numbered, *(layer for layer in there if layer == FEATURES)]
    curves = {
        name: np.array([curve.get(layer, np.nan) for layer in order])
        for name, curve in models.items()
    }
    return LayerShift(view=view, layers=[str(layer) for layer in order], curves=curves)
