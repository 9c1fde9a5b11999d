"""`isogloss reproduce`, through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from isogloss.cli.app import app
from isogloss.cli.reproduce import FAILED
from isogloss.paper import work
from isogloss.paper.measuring import MEASURES
from isogloss.paper.specification import names
from isogloss.paper.work import Job, Record
from tests.paper.conftest import reviews, write_reviews


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MARC in English and Spanish, and runs that train nothing."""
    for language in ("en", "es"):
        for split in ("train", "test"):
            path = tmp_path / "marc" / f"{language}.{split}.jsonl"
            write_reviews(path, reviews(20, seed=len(split)))

    def train(job: Job, *_: Any) -> Record:
        scores = {"accuracy": 0.6 if job.cell.method == "iwda" else 0.5}
        prior = {"source": [1.0], "true": [1.0], "training": None}
        return {"scores": {"target": scores}, "prior": prior}

    monkeypatch.setattr(work, "train", train)
    monkeypatch.setitem(MEASURES, "shift", lambda *_: {"zero-shot": 2.0, "iwda": 1.0})
    return tmp_path


def command(data: Path, *more: object) -> Result:
    options = ["--languages", "es", "--methods", "zero-shot, iwda", "--seeds", 2]
    return invoke("reproduce", "table1", "--data", data, "--output", data / "out", *options, *more)


def test_list_names_everything() -> None:
    shown = invoke("reproduce", "LIST")
    assert shown.exit_code == 0
    assert all(f" {name} " in shown.stdout for name in names())
    rows = json.loads(invoke("reproduce", "list", "--json").stdout)
    assert [row["name"] for row in rows] == list(names())


def test_claims_and_files(data: Path) -> None:
    result = command(data)
    assert result.exit_code == 0, result.output
    assert "iwda scores above zero-shot" in " ".join(result.stdout.split())
    assert "6 of 6 cells are finished." in result.stdout
    for end in ("md", "html", "json"):
        assert (data / "out" / f"table1.{end}").is_file()
    report = json.loads(command(data, "--json").stdout)
    assert report["scores"]["marc"]["iwda"]["es"]["values"] == [60.0, 60.0]


def test_failed_cells_have_an_exit_code(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> Record:
        raise RuntimeError("no room")

    monkeypatch.setattr(work, "train", breaks)
    result = command(data)
    assert result.exit_code == FAILED
    assert "0 of 6 cells are finished." in result.stdout
    assert "RuntimeError: no room" in result.stdout


def test_a_dry_run_without_a_model(data: Path) -> None:
    result = command(data, "--model", data / "none", "--dry-run")
    assert result.exit_code == 0, result.output
    # 20 reviews in batches of 8, four times; two seeds.
    assert "24" in next(line for line in result.stdout.splitlines() if " in all " in line)
    assert "Nothing was timed" in result.stdout
    assert not (data / "out" / "runs").exists()


def test_an_interruption_is_told_to_go_on(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stops(*_: Any) -> Record:
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "train", stops)
    result = command(data)
    assert result.exit_code == 130
    assert "run the same command to go on" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["table1", "--output", "out"], "--data"),
        (["table1", "--data", "."], "--output"),
        (["table77", "--data", ".", "--output", "out"], "E800"),
        (["table1", "--data", ".", "--output", "out", "--engine", "dask"], "none of local, ray"),
        (["table1", "--data", ".", "--output", "out", "--address", "x:1"], "--engine ray"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], words: str) -> None:
    result = invoke("reproduce", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output
