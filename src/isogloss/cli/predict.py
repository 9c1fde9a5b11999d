"""`isogloss predict`: label a file with a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli import options


def predict(
    model: options.ModelFolder,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV, TSV, JSON lines, Parquet or CoNLL.", show_default=False
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="File to write, format by ending.")
    ],
    text: options.Text = None,
    text_pair: options.TextPair = None,
    format: options.Format = None,
    no_formulas: Annotated[
        bool,
        typer.Option(
            "--safe-for-spreadsheets",
            help="Put ' before text that a spreadsheet would compute (CSV, TSV).",
        ),
    ] = False,
) -> None:
    """Write FILE again with a prediction for every row.

    Rows keep their order and their columns; memory does not grow with the file. Columns and
    task are those that the model was trained with, unless you name others.

    Example: isogloss predict runs/de new.csv -o labelled.csv
    """
    from isogloss.cli.console import say, stdout
    from isogloss.cli.progress import shown_progress
    from isogloss.recipes.predict import predict_file

    with shown_progress() as progress:
        rows = predict_file(
            model,
            file,
            output,
            format=format,
            columns={"text": text, "text_pair": text_pair},
            no_formulas=no_formulas,
            progress=progress,
        )
    say(stdout(), f"{rows:,} rows written to {output}")
