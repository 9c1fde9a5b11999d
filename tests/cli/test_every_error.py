"""Every error code ends a command with 2 and one line, and leaves nothing half-written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from isogloss.cli.app import app
from isogloss.data.reviews import sample_reviews
from isogloss.errors import ERRORS
from tests.cli.every_error import Case, Place, data, models, runs
from tests.cli.every_error.library import LIBRARY
from tests.helpers.models import save_tiny

CASES: dict[str, Case] = data.CASES | models.CASES | runs.CASES
CODE = re.compile(r"\bE[1-8]\d\d\b")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of three kinds, a tiny encoder and a tiny run."""
    folder = tmp_path_factory.mktemp("world")
    save_tiny(folder / "encoder", "bert")
    for name, language, rows, labels in (("en", "en", 60, True), ("test", "de", 30, True)):
        sample_reviews(language, rows, seed=rows, labels=labels).to_csv(
            folder / f"{name}.csv", index=False
        )
    sample_reviews("de", 40, seed=2, labels=False).to_csv(folder / "de.csv", index=False)
    sides = ["--source", folder / "en.csv", "--target", folder / "de.csv"]
    options = ["--model", folder / "encoder", "--max-steps", 1, "--recipe", "zero-shot"]
    command = ["adapt", *sides, *options, "--output", folder / "run", "--set", "max_length=32"]
    result = CliRunner().invoke(app, list(map(str, command)))
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.parametrize("code", CASES)
def test_the_command_ends_with_the_code(
    code: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[code]
    for name, content in case.files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    if case.before is not None:
        case.before(Place(world, tmp_path, monkeypatch))
    arguments = [part.format(w=world, t=tmp_path) for part in shlex.split(case.command)]
    result = CliRunner().invoke(app, arguments)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(f"error: {code}: "), result.output
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert len(last) < 3_000
    assert not list(tmp_path.rglob("*.tmp"))


def test_every_code_has_a_case() -> None:
    elsewhere = {
        code
        for path in Path(__file__).parent.glob("test_*.py")
        if path.name != Path(__file__).name
        for code in CODE.findall(path.read_text("utf-8"))
    }
    assert set(ERRORS) - set(CASES) - set(LIBRARY) - elsewhere == set()
    assert set(CASES) & set(LIBRARY) == set()
    assert set(CASES) | set(LIBRARY) <= set(ERRORS)
