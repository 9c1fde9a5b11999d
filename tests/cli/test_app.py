from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from isogloss.cli.app import app

COMMANDS = ("inspect", "adapt", "predict", "evaluate", "prior", "demo", "env")
HEAVY = ("torch", "transformers", "datasets", "numpy", "pyarrow", "sklearn")

HELP_OF_ALL = """
import json, sys
from typer.testing import CliRunner
from isogloss.cli.app import app
codes = [CliRunner().invoke(app, [*name, "--help"]).exit_code for name in json.loads(sys.argv[1])]
print(json.dumps([codes, [name for name in json.loads(sys.argv[2]) if name in sys.modules]]))
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_is_short_and_has_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "100"})
    assert result.exit_code == 0
    assert f"Example: isogloss {command}" in result.stdout
    assert len(result.stdout.splitlines()) < 70


def test_top_help_lists_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(command in result.stdout for command in COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    names = json.dumps([[], *([command] for command in COMMANDS)])
    done = subprocess.run(
        [sys.executable, "-c", HELP_OF_ALL, names, json.dumps(HEAVY)],
        capture_output=True,
        text=True,
        check=True,
    )
    codes, imported = json.loads(done.stdout)
    assert codes == [0] * (len(COMMANDS) + 1)
    assert imported == []


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"isogloss {version('isogloss')}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["adapt", "--no-such-option"],
        ["adapt", "--source", "a.csv"],
        ["predict", "folder"],
        ["demo", "--seed", "-1"],
        ["no-such-command"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_user_text_in_usage_errors_is_no_markup() -> None:
    result = CliRunner().invoke(app, ["[red]x[/red]"])
    assert result.exit_code == 2
    assert "[red]x[/red]" in result.stderr


def test_console_script_ends_with_a_line_and_2() -> None:
    script = "from isogloss.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "adapt", "-o", "out", "--source", "a", "--set", "[bold]x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: E644: '[bold]x' ")
    assert done.stderr.count("\n") == 1
