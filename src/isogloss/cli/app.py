"""The `isogloss` command and its entry point; nothing heavy is imported before a command runs."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from isogloss.cli.adapt import adapt
from isogloss.cli.analyze import analyze
from isogloss.cli.demo import demo
from isogloss.cli.env import env
from isogloss.cli.evaluate import evaluate
from isogloss.cli.failures import Commands
from isogloss.cli.inspect import inspect
from isogloss.cli.predict import predict
from isogloss.cli.prior import prior
from isogloss.cli.quiet import quiet_environment
from isogloss.cli.report import report
from isogloss.cli.reproduce import reproduce
from isogloss.cli.resample import resample
from isogloss.cli.select import select
from isogloss.cli.study import study

app = typer.Typer(
    name="isogloss",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Take a classifier from one language to another that has no labels, "
    "even where the class balance differs.",
    epilog="See it work in five minutes: isogloss demo --to de",
)


def show_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        typer.echo(f"isogloss {version('isogloss')}")
        raise typer.Exit


@app.callback()
def options(
    show: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=show_version, is_eager=True),
    ] = False,
) -> None:
    """Options of the command itself; the help text is the one given to `app`."""


for command in (
    inspect,
    adapt,
    select,
    predict,
    evaluate,
    prior,
    analyze,
    study,
    resample,
    report,
    reproduce,
    demo,
    env,
):
    app.command(no_args_is_help=command not in (demo, env))(command)


def main() -> None:
    """Run the command line with the process's arguments."""
    quiet_environment()
    for stream in (sys.stdout, sys.stderr):
        # A name in another script must not end a run on a terminal that cannot show it.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app()
