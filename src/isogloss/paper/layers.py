"""Figures of the feature shift in every layer: of finished cells, as tables and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from isogloss.analysis.curves import Curve
from isogloss.paper.grid import SOURCE
from isogloss.paper.specification import METRICS, Part, Specification
from isogloss.paper.tables import Table, number
from isogloss.paper.work import Record
from isogloss.plots.layers import plot_layer_curves
from isogloss.plots.panels import save_panels
from isogloss.plots.study import plot_score_by_shift
from isogloss.report.analysis import VIEWS

# A measured language under a method: its score, and view -> curve.
Measured = dict[str, Any]
_LAYER_VIEWS = {0: "emb.", "features": "features"}
_PANEL = (5.6, 3.8)


def make_layer_figures(
    spec: Specification, records: Sequence[Record], folder: Path
) -> list[dict[str, Any]]:
    """Draw the conditional feature shift of every layer, language by language.

    Args:
        spec: of a figure that has such curves.
        records: of its finished cells.
        folder: for the pictures, one folder a corpus.

    Returns:
        For each part that something was measured of: `corpus`, `metric`, `curves` (method ->
        language -> `score` and view -> curve, means over seeds) and `files`.

    References:
        Xian, Ji & Zhao, ICLR 2022, figures 2, 5 and 8.
    """
    found = []
    for part in spec.parts:
        curves = curves_of(part, records)
        if curves:
            paths = draw_curves(curves, part.metric, folder / part.corpus)
            files = [str(path) for path in paths]
            found.append(
                {"corpus": part.corpus, "metric": part.metric, "curves": curves, "files": files}
            )
    return found


def curves_of(part: Part, records: Sequence[Record]) -> dict[str, dict[str, Measured]]:
    """method -> language -> `score` (in percent) and view -> curve, means over the seeds."""
    found: dict[str, dict[str, Measured]] = {}
    for method in part.methods:
        for language in part.languages:
            own = measured_on_targets(records, (part.corpus, method, language), "layers")
            if own:
                scores = [record["scores"]["target"][METRICS[part.metric]] for record in own]
                views = {
                    view: mean_curve([record["layers"][view] for record in own])
                    for view in own[0]["layers"]
                }
                measured = {"score": 100 * mean(scores), "views": views}
                found.setdefault(method, {})[language] = measured
    return found


def measured_on_targets(
    records: Sequence[Record], place: tuple[str, str, str], measure: str
) -> list[Record]:
    """The records of a corpus, method and target language that have a measure, one a seed."""
    return [
        record
        for record in records
        if (record["corpus"], record["method"], record["language"]) == place
        and record["language"] != SOURCE
        and measure in record
    ]


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """The mean of curves over the same layers; None where one of them has nothing."""
    layers = curves[0]["layers"]
    out: Curve = {"layers": layers}
    for name in ("values", "low", "high", "floors"):
        columns = zip(*(curve[name] for curve in curves), strict=True)
        out[name] = [None if None in column else mean(column) for column in columns]
    return out


def layer_tables(figure: Mapping[str, Any]) -> list[Table]:
    """One table a view: a row for every language and method, a column for every layer."""
    views = dict.fromkeys(
        view for by in figure["curves"].values() for one in by.values() for view in one["views"]
    )
    return [_view_table(figure, view) for view in views]


def _view_table(figure: Mapping[str, Any], view: str) -> Table:
    rows: list[list[str]] = []
    layers: list[int | str] = []
    for method, by_language in figure["curves"].items():
        for language, measured in by_language.items():
            curve = measured["views"].get(view)
            if curve is not None:
                # The features feed the classifier, and are there in one view only.
                layers = max(layers, curve["layers"], key=len)
                values = map(number, curve["values"])
                rows.append([language, method, number(measured["score"]), *values])
    columns = ["target", "method", figure["metric"], *(layer_name(layer) for layer in layers)]
    return Table(
        title=f"{figure['corpus']}, {VIEWS[view]}: {figure['metric']} in percent, and conditional "
        "feature shift of every layer",
        columns=columns,
        rows=rows,
    )


def layer_name(layer: int | str) -> str:
    """What a column is called."""
    return _LAYER_VIEWS.get(layer, str(layer))


def draw_curves(
    curves: Mapping[str, Mapping[str, Measured]], metric: str, folder: Path
) -> list[Path]:
    """Draw `layers.png` and `layers.svg`: a column of panels a method, a row a view.

    The last row has the scores against the shift of what feeds the classifier.

    Args:
        curves: as `curves_of` gives them.
        metric: of the scores.
        folder: made where it is missing.
    """
    rows = [
        [_view_panel(method, view, by) for method, by in curves.items()]
        for view in VIEWS
        if any(view in one["views"] for by in curves.values() for one in by.values())
    ]
    rows.append([_score_panel(metric, by) for by in curves.values()])
    return save_panels(rows, folder / "layers", panel=_PANEL)


def _view_panel(method: str, view: str, by_language: Mapping[str, Measured]) -> partial[Any]:
    chosen = {lang: one["views"][view] for lang, one in by_language.items() if view in one["views"]}
    title = f"{method}, {VIEWS[view]}"
    return partial(plot_layer_curves, chosen, ylabel="conditional feature shift", title=title)


def _score_panel(metric: str, by_language: Mapping[str, Measured]) -> partial[Any]:
    shift = {language: [_features(one)] for language, one in by_language.items()}
    score = {language: [one["score"] / 100] for language, one in by_language.items()}
    name = "conditional feature shift of the features"
    return partial(plot_score_by_shift, shift, score, shift_name=name, score_name=metric)


def _features(measured: Measured) -> float:
    """The shift of what feeds the classifier."""
    for curve in measured["views"].values():
        if curve["layers"][-1] == "features" and curve["values"][-1] is not None:
            return float(curve["values"][-1])
    return float("nan")
