"""`isogloss select`: have a run serve another of its candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from isogloss.cli.console import one_line, say, stdout


def select(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)
    ],
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A stage of the run, such as zero-shot, or its average, such as iwda-average; "
            "with +prior behind it, its predictions are corrected by the class balance that it "
            "estimated; with +rows, its last layer is the one refitted on labelled target rows.",
            show_default=False,
        ),
    ],
) -> None:
    """Serve another candidate of a finished run.

    The run's model, predictions, card, picture and report are replaced; all its stages stay as
    they are.

    Example: isogloss select runs/de zero-shot
    """
    from isogloss.cli.importing import importing

    with importing():
        from isogloss.cli.progress import shown_progress
        from isogloss.recipes.folder import read_json
        from isogloss.recipes.selecting import select as choose

    with shown_progress() as progress:
        model = choose(run, name, progress=progress)
    console = stdout()
    say(console, f"{run} serves {name} now.")
    expected = read_json(run / "metrics.json")["expected"]
    if expected is not None:
        console.print(Text(one_line(expected["sentence"])), soft_wrap=True)
    say(console, f"model  {model}")
