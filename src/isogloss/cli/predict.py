"""`isogloss predict`: label a file, or a folder of shards, with a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isogloss.cli import options
from isogloss.cli.engines import Address, Engine, check_engine
from isogloss.cli.failures import GOES_ON


def predict(
    ctx: typer.Context,
    model: options.ModelFolder,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV, TSV, JSON lines, Parquet or CoNLL; or a folder, or a pattern in quotes, "
            "of Parquet shards.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="File to write, format by ending; or for Parquet a folder, shard by shard.",
        ),
    ],
    text: options.Text = None,
    text_pair: options.TextPair = None,
    format: options.Format = None,
    shard_rows: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Rows of a shard, where one Parquet file goes to a folder."
        ),
    ] = 1_000_000,
    engine: Engine = "local",
    address: Address = None,
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
    task are those that the model was trained with, unless you name others. Where FILE is a folder
    of Parquet shards, OUT gets one file a shard, and the same command goes on where it was
    interrupted.

    Example: isogloss predict runs/de new.csv -o labelled.csv
    """
    check_engine(engine, address)
    from isogloss.cli.console import say, stdout
    from isogloss.cli.progress import shown_progress
    from isogloss.data.shards import is_sharded

    columns = {"text": text, "text_pair": text_pair}
    sharded = is_sharded(file, output, format=format)
    if engine != "local" and not sharded:
        raise typer.BadParameter(
            "labels shards; give Parquet as FILE and a folder as --output", param_hint="--engine"
        )
    if no_formulas and sharded:
        raise typer.BadParameter(
            "shards are Parquet, which no spreadsheet computes",
            param_hint="--safe-for-spreadsheets",
        )
    with shown_progress() as progress:
        if sharded:
            ctx.meta[GOES_ON] = True
            said = _shards(model, file, output, columns, shard_rows, engine, address, progress)
        else:
            from isogloss.recipes.predict import predict_file

            rows = predict_file(
                model,
                file,
                output,
                format=format,
                columns=columns,
                no_formulas=no_formulas,
                progress=progress,
            )
            said = f"{rows:,} rows written to {output}"
    say(stdout(), said)


def _shards(
    model: Path,
    source: Path,
    output: Path,
    columns: dict[str, str | None],
    shard_rows: int,
    engine: str,
    address: str | None,
    progress: Any,
) -> str:
    """Label shards; returns what to say of it."""
    from isogloss.recipes.predict_shards import predict_shards
    from isogloss.recipes.shard_engines import RayShards

    done = predict_shards(
        model,
        source,
        output,
        columns=columns,
        shard_rows=shard_rows,
        engine=RayShards(address) if engine == "ray" else None,
        progress=progress,
    )
    there = f" ({done.already:,} of them were there already)" if done.already else ""
    return f"{done.rows:,} rows in {done.shards:,} shards{there} in {output}"
