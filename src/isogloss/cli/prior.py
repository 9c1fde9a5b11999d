"""`isogloss prior`: the class balance of an unlabelled file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from isogloss.cli import options
from isogloss.cli.console import json_text, one_line, say, stdout
from isogloss.cli.facts import read_facts

METHODS = "auto, bbse, bbse-hard, rlls, mlls, matching"
CALIBRATIONS = "none, temperature, bcts, vector"
_ESTIMATE, _FACTS = "Estimate", "What you know beforehand"


def prior(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)
    ],
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Unlabelled file or hub data set.", show_default=False),
    ],
    method: Annotated[
        str, typer.Option(metavar="NAME", help=METHODS, rich_help_panel=_ESTIMATE)
    ] = "auto",
    calibration: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Of the probabilities: {CALIBRATIONS}",
            rich_help_panel=_ESTIMATE,
        ),
    ] = "bcts",
    level: Annotated[
        float, typer.Option(help="Coverage of the intervals, 0 to 1.", rich_help_panel=_ESTIMATE)
    ] = 0.95,
    bound: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=LOW:HIGH",
            help="Bounds of a share, or LABEL=SHARE; may be repeated.",
            rich_help_panel=_FACTS,
        ),
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'A>=B'",
            help="A is at least as frequent as B; may be repeated.",
            rich_help_panel=_FACTS,
        ),
    ] = None,
    belief: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL=SHARE,…",
            help="Shares thought likely, of all labels; or a JSON file.",
            rich_help_panel=_FACTS,
        ),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            metavar="ROWS", help="What the belief weighs, in labelled rows.", rich_help_panel=_FACTS
        ),
    ] = None,
    labelled: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A few labelled random target rows.", rich_help_panel=_FACTS
        ),
    ] = None,
    text: options.Text = None,
    text_pair: options.TextPair = None,
    label: options.Label = None,
    format: options.Format = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PICTURE", help="Chart: .png, .pdf or .svg."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Estimate the share of each class in FILE, with intervals, without labels.

    Counting predictions passes the classifier's errors on. This corrects for them by what the
    run's held-out source rows tell of those errors, and says how sure it is.

    Example: isogloss prior runs/de new.csv --output balance.png
    """
    facts = read_facts(
        bounds=bound or [], order=order or [], belief=belief, strength=strength, labelled=labelled
    )
    from isogloss.cli.progress import shown_progress
    from isogloss.plots.saving import check_picture
    from isogloss.recipes.prior import estimate_file_prior
    from isogloss.report.charts import draw_prior

    if output is not None:
        check_picture(output)
    with shown_progress() as progress:
        report = estimate_file_prior(
            run,
            file,
            method=method,
            calibration=calibration,
            level=level,
            facts=facts,
            columns={"text": text, "text_pair": text_pair, "label": label},
            format=format,
            progress=progress,
        )
    if output is not None:
        draw_prior(report, output)
    if as_json:
        typer.echo(json_text(report))
        return
    show_prior(report, output)


def show_prior(report: Mapping[str, Any], picture: Path | None) -> None:
    """Print the table, the sentences below it, and where the picture is."""
    from isogloss.cli.summary import balance_table, shift_sentences

    console = stdout()
    title = f"Class balance of {report['file']} ({report['rows']:,} rows)"
    narrow = console.options.ascii_only
    console.print(balance_table(report, ascii_only=narrow, title=one_line(title)))
    console.print()
    for line in shift_sentences(report):
        console.print(Text(one_line(line)), soft_wrap=True)
    if picture is not None:
        console.print()
        say(console, f"picture  {picture}")
