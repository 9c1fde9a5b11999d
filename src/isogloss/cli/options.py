"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TASKS = "[sequence|pair|token]"

Text = Annotated[
    str | None,
    typer.Option(
        "--text",
        metavar="COL",
        help="Column of the text (default: text), or of the words (tokens).",
    ),
]
TextPair = Annotated[
    str | None,
    typer.Option(
        "--text-pair",
        metavar="COL",
        help="Column of the second text of a pair (default: text_pair).",
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        "--label",
        metavar="COL",
        help="Column of the label (default: label), or of the tags (tags).",
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="File format, where the ending does not say it."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
ModelFolder = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="Folder of a run, or of a model.", show_default=False),
]
