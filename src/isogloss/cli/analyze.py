"""`isogloss analyze`: how far apart two languages lie in every layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from isogloss.cli import options
from isogloss.cli.console import cell, json_text, one_line, stacked, stdout

CLASSES = "auto, labels, corrected, predicted"
_WHAT, _HOW = "What is measured", "How it is measured"
_TITLES = {"cls": "[CLS]", "mean": "mean of tokens", "active": "active tokens"}
_COLUMNS = ("L1", "scaled", "all", "MMD²", "means")
# Models side by side in one table, where there is room for so many columns of text.
_ABREAST, _ROOM = 2, 120


def analyze(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="Folder of a run or a model, or hub name.", show_default=False
        ),
    ],
    source: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Labelled rows of the source language, best not trained on.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="Rows of the target language, labelled or not.", show_default=False
        ),
    ],
    stage: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Stage of the run; may be repeated (default: all).",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N",
            help="Layer, 0 for embeddings, or 'features', what feeds the last linear layer; may be "
            "repeated (default: all).",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="cls ([CLS]), mean (of tokens), active (tokens with a label); may be repeated "
            "(default: cls and mean, for tagging active).",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    classes: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Classes of target rows: {CLASSES}: labels, or the model's probabilities, "
            "corrected by the run's estimated class balance or as they are; auto: the first there "
            "is.",
            rich_help_panel=_WHAT,
        ),
    ] = "auto",
    replicates: Annotated[
        int, typer.Option(help="Replicates of the bootstrap.", rich_help_panel=_HOW)
    ] = 200,
    level: Annotated[
        float, typer.Option(help="Coverage of the intervals, 0 to 1.", rich_help_panel=_HOW)
    ] = 0.95,
    sample: Annotated[
        int,
        typer.Option(
            help="Rows a side, at most, for kernel discrepancy and CKA.", rich_help_panel=_HOW
        ),
    ] = 1_000,
    seed: Annotated[int, typer.Option(help="Of sample and bootstrap.", rich_help_panel=_HOW)] = 0,
    task: Annotated[
        str,
        typer.Option(metavar=options.TASKS, help="For a model that isogloss did not make."),
    ] = "sequence",
    text: options.Text = None,
    text_pair: options.TextPair = None,
    label: options.Label = None,
    format: options.Format = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Where analysis.json and analysis.csv go (default: the run's folder; for other "
            "models the present one).",
        ),
    ] = None,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw analysis.png and analysis.svg too.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Measure feature shift between two languages in every layer, by class and overall.

    A run's stages are compared: zero-shot with what came after. Where the target has no labels, the
    shift by class is estimated from the model's own predictions.

    Example: isogloss analyze runs/de --source en.test.csv --target de.test.csv --plot
    """
    from isogloss.cli.progress import shown_progress
    from isogloss.data.atomic import check_writable
    from isogloss.recipes.analysis_report import write_analysis
    from isogloss.recipes.analyze import AnalysisSettings, analyze
    from isogloss.recipes.folder import CONFIG

    settings = AnalysisSettings(
        layers=[int(name) if name.isdecimal() else name for name in layer or ()],  # type: ignore[misc]
        views=view or (),  # type: ignore[arg-type]
        classes=classes,  # type: ignore[arg-type]
        replicates=replicates,
        level=level,
        sample=sample,
        seed=seed,
    )
    folder = output or (Path(run) if (Path(run) / CONFIG).is_file() else Path())
    check_writable(folder)
    with shown_progress() as progress:
        report = analyze(
            run,
            source,
            target,
            settings=settings,
            stages=stage or (),
            task=task,
            columns={"text": text, "text_pair": text_pair, "label": label},
            format=format,
            progress=progress,
        )
    written = [*write_analysis(report, folder)]
    if plot:
        from isogloss.report.analysis import draw_analysis

        written += draw_analysis(report, folder / "analysis")
    if as_json:
        typer.echo(json_text(report))
        return
    show_analysis(report, written)


def show_analysis(report: Mapping[str, Any], written: Sequence[Path]) -> None:
    """Print the tables, what to mind, and where the files are."""
    console = stdout()
    abreast = _ABREAST if console.width >= _ROOM else 1
    console.print(stacked(*tables(report, abreast=abreast)))
    console.print()
    notes = [*report["sentences"], *notes_on(report)]
    for note in notes:
        console.print(Text(one_line(note)), soft_wrap=True)
    for path in written:
        console.print(Text(one_line(f"written  {path}")), soft_wrap=True)


def tables(report: Mapping[str, Any], *, abreast: int) -> list[Table]:
    """A table for each view and each `abreast` models: layers by measures."""
    models = report["models"]
    views = [v for v in _TITLES if any(e["view"] == v for m in models for e in m["layers"])]
    return [
        _table(view, models[start : start + abreast])
        for view in views
        for start in range(0, len(models), abreast)
    ]


def notes_on(report: Mapping[str, Any]) -> list[str]:
    """What the columns mean."""
    level = f"{100 * report['settings']['level']:g} %"
    notes = [
        f"L1: distance of the class means, averaged over classes, ± half its {level} interval; in "
        "brackets where the interval reaches down to what no shift would show with so few rows. "
        "scaled: in units of the spread of the source's classes. all: scaled, of all rows, class "
        "balance included. MMD²: kernel discrepancy by class. means: CKA of the class means, 0 "
        "to 1: how alike the two sides arrange their classes."
    ]
    if len(report["models"]) > 1:
        first = report["models"][0]["name"]
        notes.append(f"CKA: similarity to {first} on the same source and target rows, 0 to 1.")
    return notes


def _table(view: str, models: Sequence[Mapping[str, Any]]) -> Table:
    out = Table(
        title=Text(f"Feature shift, {_TITLES[view]}", style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    out.add_column(cell("layer"), no_wrap=True)
    found = [{e["layer"]: e for e in model["layers"] if e["view"] == view} for model in models]
    compared = [any(e["similarity"] for e in layers.values()) for layers in found]
    for model, is_later in zip(models, compared, strict=True):
        names = [*_COLUMNS, *(["CKA"] if is_later else [])]
        for place, name in enumerate(names):
            above = one_line(model["name"]) if place == 0 else ""
            out.add_column(Text(f"{above}\n{name}"), justify="right", no_wrap=True)
    for layer in dict.fromkeys(layer for layers in found for layer in layers):
        row = [cell("embeddings" if layer == 0 else layer)]
        for layers, is_later in zip(found, compared, strict=True):
            row += _cells(layers.get(layer), is_later=is_later)
        out.add_row(*row)
    return out


def _cells(place: Mapping[str, Any] | None, *, is_later: bool) -> list[Text]:
    """One model's cells of a row."""
    if place is None:
        return [Text("–")] * (len(_COLUMNS) + is_later)
    own, overall = place["conditional"] or {}, place["unconditioned"]
    cells = [
        Text(_with_reach(own.get("l1"))),
        Text(_number(own.get("l1", {}).get("scaled"))),
        Text(_number(overall["l1"]["scaled"])),
        Text(_number(own.get("mmd2", {}).get("value"))),
        Text(_number(own.get("class_mean_cka", {}).get("value"), 2)),
    ]
    if is_later:
        sides = (place["similarity"] or {}).values()
        cells.append(Text("/".join(_number(side["value"], 2) for side in sides)))
    return cells


def _with_reach(measure: Mapping[str, Any] | None) -> str:
    """A value with half of its interval, such as "12.3 ±0.8"."""
    if measure is None or measure["value"] is None:
        return "–"
    if measure["low"] is None:
        return _number(measure["value"])
    reach = (measure["high"] - measure["low"]) / 2
    if measure["value"] == 0 and reach == 0:
        return "0"
    text = f"{_number(measure['value'])} ±{_number(reach, 2)}"
    hidden = measure["floor"] is not None and measure["low"] <= measure["floor"]
    return f"({text})" if hidden else text


def _number(value: float | None, digits: int = 3) -> str:
    """So many significant digits; a dash for None."""
    if value is None:
        return "–"
    if abs(value) < 5e-4:
        return f"{value:.0e}" if value else "0"
    return f"{value:.{digits}g}" if abs(value) < 1_000 else f"{value:,.0f}"
