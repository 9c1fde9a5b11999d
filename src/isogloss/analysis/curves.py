"""An analysis as curves over layers, for pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

Curve: TypeAlias = dict[str, list[Any]]
Kind: TypeAlias = Literal["conditional", "unconditioned"]


def layer_curves(
    report: Mapping[str, Any],
    *,
    view: str,
    measure: str = "l1",
    kind: Kind = "conditional",
    scaled: bool = False,
) -> dict[str, Curve]:
    """One measure over the layers of every model.

    Args:
        report: as `analyze` returns it, or `analysis.json` holds it.
        view: `"cls"`, `"mean"` or `"active"`.
        measure: `"l1"`, `"l2"`, `"mmd2"` or `"class_mean_cka"`.
        kind: by class, or of all rows.
        scaled: in units of the spread of the source's classes; for `l1` and `l2`.

    Returns:
        By the model's name: `layers`, `values`, `low`, `high` and `floors`, lists as long as
        there are layers in that view, the features last; None for what does not exist. Models
        without that measure there are left out.
    """
    curves = {}
    for model in report["models"]:
        found = [each for each in model["layers"] if each["view"] == view and each[kind]]
        points = [(each, each[kind][measure]) for each in found if measure in each[kind]]
        if points:
            curves[model["name"]] = _curve(points, measure, scaled=scaled)
    return curves


def _curve(points: list[tuple[Any, Any]], measure: str, *, scaled: bool) -> Curve:
    curve: Curve = {"layers": [each["layer"] for each, _ in points]}
    units = [each["spread"][measure] if scaled else 1.0 for each, _ in points]
    for name, key in (("values", "value"), ("low", "low"), ("high", "high"), ("floors", "floor")):
        numbers = [found[key] for _, found in points]
        curve[name] = [
            None if number is None or not unit else number / unit
            for number, unit in zip(numbers, units, strict=True)
        ]
    return curve
