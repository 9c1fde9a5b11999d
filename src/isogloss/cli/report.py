"""`isogloss report`: the page of a finished run."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.console import say, stdout
from isogloss.cli.importing import importing


def report(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a finished run.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="An .html file (default: RUN/report.html)."
        ),
    ] = None,
) -> None:
    """Write what a run was asked and what came out as one HTML page.

    The page needs no network and no other file: class balance, scores, texts on which the models
    differ, feature shift, curves, data checks, warnings, and how to repeat the run and use its
    model. `adapt` writes it too; this writes it again, as after `analyze`.

    Example: isogloss report runs/de
    """
    with importing():
        from isogloss.data.locking import locked
        from isogloss.report.page import write_report

    # Elsewhere than in the run's folder it is only read.
    with locked(run) if output is None and run.is_dir() else nullcontext():
        path = write_report(run, output)
    say(stdout(), f"report  {path}")
