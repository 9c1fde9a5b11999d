"""Curves over layers, as they are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from isogloss.errors import IsoglossError
from isogloss.plots import plot_layer_curves
from isogloss.report.analysis import draw_analysis

CURVES: dict[str, dict[str, list[Any]]] = {
    "zero-shot": {
        "layers": [0, 2, "features"],
        "values": [1.0, 3.0, 2.0],
        "low": [0.5, 2.5, None],
        "high": [1.5, 3.5, None],
        "floors": [0.1, 0.2, 0.3],
    },
    "_a$b$": {
        "layers": [0, 1, 2],
        "values": [2.0, None, 1.0],
        "low": [1.0, None, 0.5],
        "high": [3.0, None, 1.5],
        "floors": [None, None, None],
    },
}


def test_curves_are_where_their_layers_are() -> None:
    axes = plot_layer_curves(CURVES, ylabel="shift", title="[CLS]")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["emb.", "1", "2", "feat."]
    # A curve and its floor for each model.
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[0, 1], [2, 3], [3, 2]])
    assert axes.get_ylabel() == "shift"
    assert axes.get_title(loc="left") == "[CLS]"
    assert len(axes.collections) == 2


def test_curves_differ_by_more_than_colour() -> None:
    many = {str(i): CURVES["zero-shot"] for i in range(4)}
    drawn = plot_layer_curves(many).lines[::2]
    assert len({(line.get_linestyle(), line.get_marker()) for line in drawn}) == 4


def test_names_are_text() -> None:
    axes = plot_layer_curves(CURVES)
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["zero-shot", "_a$b$", "no shift"]
    axes.figure.canvas.draw()


def test_given_axes_are_drawn_on() -> None:
    axes = Figure().subplots()
    assert plot_layer_curves(CURVES, ax=axes) is axes
    assert plot_layer_curves({}, ax=Figure().subplots()).get_legend() is None


def place(layer: Any, view: str, *, classes: bool = True) -> dict[str, Any]:
    measure = {"value": 1.0, "low": 0.5, "high": 1.5, "floor": 0.2, "scaled": 0.5}
    measures = dict.fromkeys(("l1", "l2", "mmd2"), measure)
    return {
        "layer": layer,
        "view": view,
        "conditional": measures if classes else None,
        "unconditioned": measures,
        "spread": {"l1": 2.0, "l2": 1.0},
    }


def report(*places: dict[str, Any]) -> dict[str, Any]:
    return {"is_estimate": True, "models": [{"name": "m", "layers": list(places)}]}


def test_an_analysis_is_drawn_as_png_and_svg(tmp_path: Path) -> None:
    given = report(place(0, "cls"), place(1, "cls"), place(0, "mean", classes=False))
    png, svg = draw_analysis(given, tmp_path / "new" / "shift.v1")
    assert (png.name, svg.name) == ("shift.v1.png", "shift.v1.svg")
    assert imread(png).std() > 0.05
    before = svg.read_bytes()
    assert b"<svg" in before
    draw_analysis(given, tmp_path / "new" / "shift.v1")
    assert svg.read_bytes() == before
    assert sorted(path.name for path in svg.parent.iterdir()) == ["shift.v1.png", "shift.v1.svg"]


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(IsoglossError, match="E121"):
        draw_analysis(report(place(0, "cls")), tmp_path / "file" / "shift")
