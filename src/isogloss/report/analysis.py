"""The picture of an analysis: shift over layers, a panel for every view and measure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from isogloss.analysis.curves import Kind, layer_curves
from isogloss.plots.layers import plot_layer_curves
from isogloss.plots.panels import FORMATS
from isogloss.plots.saving import save_plot

VIEWS = {"cls": "[CLS]", "mean": "mean of tokens", "active": "active tokens"}


def draw_analysis(report: Mapping[str, Any], stem: Path) -> tuple[Path, ...]:
    """Draw L1 shift, in units of the source's spread, and kernel discrepancy over the layers.

    The conditional shift where there are classes, as for sentences in tagging there are not;
    there the unconditioned one.

    Args:
        report: as `analyze` returns it.
        stem: path of the pictures without their ending.

    Returns:
        The PNG and the SVG file.

    Raises:
        IsoglossError: E121 where they cannot be written.
    """
    views = [v for v in VIEWS if any(e["view"] == v for m in report["models"] for e in m["layers"])]
    figure = Figure(figsize=(4.6 * len(views), 6.0), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, len(views), squeeze=False)
    estimated = ", estimated classes" if report["is_estimate"] else ""
    for column, view in enumerate(views):
        by_class = layer_curves(report, view=view)
        kind: Kind = "conditional" if by_class else "unconditioned"
        note = estimated if by_class else ""
        for row, (measure, label) in enumerate(
            (("l1", f"{kind} shift (L1 / spread)"), ("mmd2", f"{kind} MMD²"))
        ):
            curves = layer_curves(
                report, view=view, measure=measure, kind=kind, scaled=measure == "l1"
            )
            title = f"{VIEWS[view]}{note}" if row == 0 else ""
            plot_layer_curves(curves, ylabel=label, title=title, ax=panels[row][column])
    paths = tuple(stem.with_name(f"{stem.name}.{ending}") for ending in FORMATS)
    for path in paths:
        save_plot(figure, path)
    return paths
