"""How a command ends: exit codes, and one line on stderr for whatever went wrong."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from isogloss.cli.console import one_line
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.stopping import Stopped, heeding_signals

USER_ERROR, INTERNAL_ERROR = 2, 1
RESUMABLE = ("adapt", "demo", "reproduce", "select")
# What a command that is resumable in some cases only sets in its context's `meta`.
GOES_ON = "isogloss.goes_on"


class Commands(TyperGroup):
    """The group of commands, which turns exceptions into lines and exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that `ctx` names."""
        try:
            with warnings_as_lines(), heeding_signals(say_stopping):
                return super().invoke(ctx)
        except IsoglossError as error:
            complain(f"error: {error}")
            raise typer.Exit(USER_ERROR) from error
        except KeyboardInterrupt as error:
            number = error.number if isinstance(error, Stopped) else signal.SIGINT
            goes_on = ctx.invoked_subcommand in RESUMABLE or GOES_ON in ctx.meta
            complain(stopped(error, goes_on=goes_on))
            # As a shell has it for a process that a signal ended.
            raise typer.Exit(128 + number) from error
        except BrokenPipeError:
            raise
        except Exception as error:
            # Usage errors and exits carry their exit code and are shown by typer itself.
            if not hasattr(error, "exit_code") and not isinstance(error, typer.Abort):
                show_traceback(error)
                raise typer.Exit(INTERNAL_ERROR) from error
            raise


def complain(text: str) -> None:
    """Write one line to stderr."""
    sys.stderr.write(one_line(text) + "\n")


def say_stopping() -> None:
    """Answer the first Ctrl-C or SIGTERM in a training."""
    complain("stopping after this step, with a checkpoint; once more to stop at once.")


def stopped(error: KeyboardInterrupt, *, goes_on: bool) -> str:
    """What to say after Ctrl-C or SIGTERM."""
    if isinstance(error, Stopped) and error.stage is not None and error.step is not None:
        return f"Stopped after step {error.step} of {error.stage}; run the same command to go on."
    if goes_on:
        return "Stopped; run the same command to go on."
    return "Stopped; nothing was written."


def show_traceback(error: Exception) -> None:
    """Write the traceback of a fault of ours, and ask for a report."""
    sys.__excepthook__(type(error), error, error.__traceback__)
    complain(
        f"error: this is a fault in isogloss ({type(error).__name__}); please report it with the "
        "lines above and the output of `isogloss env`."
    )


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Show our warnings as one line each, and others only where Python was asked to."""
    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        warnings.simplefilter("default", IsoglossWarning)
        warnings.showwarning = show_warning
        yield


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Stand in for `warnings.showwarning`."""
    name = "" if issubclass(category, IsoglossWarning) else f"{category.__name__}: "
    complain(f"warning: {name}{message}")
