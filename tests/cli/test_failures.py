from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner

from isogloss.cli.failures import Commands
from isogloss.errors import WARNINGS, IsoglossError, warn
from isogloss.stopping import Stopped


def run(body: Callable[[], None], name: str = "adapt") -> tuple[int, str, str]:
    app = typer.Typer(cls=Commands)
    app.command(name)(body)
    app.command("other")(lambda: None)
    result = CliRunner().invoke(app, [name])
    return result.exit_code, result.stdout, result.stderr


def test_a_coded_error_is_one_line_and_2() -> None:
    def body() -> None:
        raise IsoglossError("E101", path="a.csv")

    code, out, err = run(body)
    assert (code, out) == (2, "")
    assert err.startswith("error: E101: a.csv does not exist;")
    assert err.endswith(".\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("[red]{0}[/nothing]", "[red]{0}[/nothing]"),
        ("two\nlines\tand more", "two lines and more"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
    ],
)
def test_user_text_in_an_error_is_shown_as_it_is(path: str, shown: str) -> None:
    def body() -> None:
        raise IsoglossError("E101", path=path)

    _, _, err = run(body)
    assert err.startswith(f"error: E101: {shown} does not exist")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "hint"),
    [("adapt", "run the same command"), ("predict", "nothing was written")],
)
def test_an_interrupt_is_130_and_says_how_to_go_on(command: str, hint: str) -> None:
    def body() -> None:
        raise KeyboardInterrupt

    code, out, err = run(body, command)
    assert (code, out) == (130, "")
    assert hint in err
    assert "Traceback" not in err
    assert err.count("\n") == 1


def test_sigterm_is_143() -> None:
    code, out, err = run(lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert (code, out) == (143, "")
    assert err == "Stopped; run the same command to go on.\n"


def test_a_stopped_training_says_where() -> None:
    def body() -> None:
        raise Stopped(signal.SIGTERM, stage="iwda", step=7)

    code, _, err = run(body)
    assert code == 143
    assert err == "Stopped after step 7 of iwda; run the same command to go on.\n"


def test_a_fault_of_ours_keeps_its_traceback_and_asks_for_a_report() -> None:
    def body() -> None:
        raise ZeroDivisionError("by [red]zero")

    code, _, err = run(body)
    assert code == 1
    assert "Traceback (most recent call last)" in err
    assert "ZeroDivisionError: by [red]zero" in err
    assert "isogloss env" in err.splitlines()[-1]


def test_an_exit_of_a_command_passes_through() -> None:
    def body() -> None:
        raise typer.Exit(7)

    assert run(body) == (7, "", "")


def test_a_warning_of_ours_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WARNINGS, "W699", "{what} is [odd].")

    def body() -> None:
        warn("W699", what="this\nthing")
        typer.echo("result")

    assert run(body) == (0, "result\n", "warning: W699: this thing is [odd].\n")


def test_warnings_of_others_are_not_shown_and_the_filters_come_back() -> None:
    before = (warnings.showwarning, list(warnings.filters))

    def body() -> None:
        warnings.warn("internal matters", FutureWarning, stacklevel=1)

    assert run(body) == (0, "", "")
    assert (warnings.showwarning, list(warnings.filters)) == before
