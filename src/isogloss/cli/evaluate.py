"""`isogloss evaluate`: measure a trained model on labelled data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from isogloss.cli import options
from isogloss.cli.console import cell, json_text, percent, stacked, stdout, table


def evaluate(
    model: options.ModelFolder,
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Labelled file or hub data set.", show_default=False),
    ],
    text: options.Text = None,
    text_pair: options.TextPair = None,
    label: options.Label = None,
    format: options.Format = None,
    as_json: options.Json = False,
) -> None:
    """Compare the model's predictions on FILE with its labels.

    Example: isogloss evaluate runs/de test.csv
    """
    from isogloss.cli.progress import shown_progress
    from isogloss.recipes.evaluate import evaluate_file

    with shown_progress() as progress:
        report = evaluate_file(
            model,
            file,
            format=format,
            columns={"text": text, "text_pair": text_pair, "label": label},
            progress=progress,
        )
    if as_json:
        typer.echo(json_text(report))
        return
    stdout().print(stacked(metrics_table(report), per_class_table(report["per_class"])))


def metrics_table(report: Mapping[str, Any]) -> Table:
    """The metrics of the whole file."""
    out = table(f"{report['rows']:,} rows", ["metric", "value"])
    for name, value in report["metrics"].items():
        out.add_row(cell(name.replace("_", " ")), percent(value))
    return out


def per_class_table(per_class: Mapping[str, Mapping[str, float]]) -> Table:
    """Scores and numbers of rows by class."""
    names = list(next(iter(per_class.values()), {}))
    out = table("By class", ["class", *(name.replace("_", " ") for name in names)])
    for label, scores in per_class.items():
        out.add_row(cell(label), *(number(scores[name]) for name in names))
    return out


def number(value: float) -> str:
    """Counts as they are, shares as percentages."""
    return f"{value:,}" if isinstance(value, int) else percent(value)
