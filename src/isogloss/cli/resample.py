"""`isogloss resample`: a labelled file at another class balance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from isogloss.cli import options
from isogloss.cli.console import cell, json_text, one_line, percent, stdout, table
from isogloss.cli.facts import read_shares


def resample(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Labelled file or hub data set.", show_default=False),
    ],
    prior: Annotated[
        str,
        typer.Option(
            metavar="LABEL=SHARE,…",
            help="Wanted class shares; labels left out share the rest as in FILE.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="File to write.", show_default=False),
    ],
    size: Annotated[
        int | None,
        typer.Option(min=1, metavar="ROWS", help="Rows to write; by default as many as there can."),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(help="Tagging: largest total variation from the wanted shares, 0 to 1."),
    ] = 0.01,
    seed: Annotated[int, typer.Option(min=0, help="Decides which rows are kept.")] = 0,
    task: Annotated[str, typer.Option(metavar=options.TASKS, help="Kind of task.")] = "sequence",
    text: options.Text = None,
    text_pair: options.TextPair = None,
    label: options.Label = None,
    format: options.Format = None,
    as_json: options.Json = False,
) -> None:
    """Write rows of FILE at another class balance, such as a skewed source for a study.

    No row is written twice. For tagging the shares are those of the words' tags, and sentences are
    chosen that come near them.

    Example: isogloss resample en.csv --prior negative=0.7,positive=0.2 --output skewed.csv
    """
    wanted = read_shares(prior, code="E720")
    from isogloss.recipes.resample import resample_file

    report = resample_file(
        file,
        output,
        wanted,
        task=task,
        size=size,
        tolerance=tolerance,
        columns={"text": text, "text_pair": text_pair, "label": label},
        format=format,
        seed=seed,
    )
    if as_json:
        typer.echo(json_text(report))
        return
    console = stdout()
    console.print(shares_table(report))
    console.print()
    words = f"{report['written']:,} of {report['rows']:,} rows written to {output}"
    distance = f"{report['distance']:.4f} in total variation from the wanted shares"
    console.print(Text(one_line(f"{words}, {distance}")), soft_wrap=True)


def shares_table(report: Mapping[str, Any]) -> Table:
    """The class shares before, as wanted, and as reached."""
    out = table(
        one_line(f"Class balance of {report['file']}"), ["label", "before", "wanted", "now"]
    )
    columns = (report[name] for name in ("before", "wanted", "reached"))
    for label, *shares in zip(report["labels"], *columns, strict=True):
        out.add_row(cell(label), *(percent(share, 2) for share in shares))
    return out
