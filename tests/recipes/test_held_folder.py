"""What writes into a run's folder asks whether somebody else does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from isogloss.cli.app import app
from isogloss.data.locking import LOCK, locked
from isogloss.errors import IsoglossError
from isogloss.paper.reproduce import Request, open_folder
from isogloss.recipes.adapt import adapt
from isogloss.recipes.delivery import put_in_place
from isogloss.recipes.folder import METRICS, METRICS_BEFORE, RunFolder, read_json
from isogloss.recipes.selecting import select
from tests.helpers.runs import write_run


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_adapt_is_refused_and_then_goes_on(files: dict[str, Any], tmp_path: Path) -> None:
    run, settings = tmp_path / "run", {**files, "recipe": "zero-shot"}
    with locked(run):
        with pytest.raises(IsoglossError, match=f"process {os.getpid()} ") as caught:
            adapt(output=run, **settings)
        assert names(run) == [LOCK]
    assert caught.value.code == "E546"
    adapt(output=run, **settings)
    assert LOCK not in names(run)


def refuse_select(run: Path) -> str:
    with pytest.raises(IsoglossError) as caught:
        select(run, "zero-shot")
    return str(caught.value)


def refuse_report(run: Path) -> str:
    result = CliRunner().invoke(app, ["report", str(run)])
    assert result.exit_code == 2
    return result.stderr


@pytest.mark.parametrize("refuse", [refuse_select, refuse_report])
def test_a_finished_run_is_left_alone(refuse: Callable[[Path], str], tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    before = names(run)
    with locked(run):
        assert "E546" in refuse(run)
    assert names(run) == before


def test_a_report_elsewhere_needs_no_lock(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    with locked(run):
        result = CliRunner().invoke(app, ["report", str(run), "-o", str(tmp_path / "a.html")])
    assert result.exit_code == 0, result.stderr


def test_a_reproduction_begins_in_a_folder_that_it_holds(tmp_path: Path) -> None:
    request = Request(name="table1", data=str(tmp_path), output=tmp_path / "out")
    with locked(request.output):
        open_folder(request)
    assert names(request.output) == ["reproduce.json"]


def test_a_change_of_what_is_served_that_was_cut_off_can_be_repeated(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    said = read_json(run / METRICS)
    made = tmp_path / "made"
    (made / "model").mkdir(parents=True)
    (made / "model" / "config.json").write_text("{}")
    put_in_place(run, made)
    folder = RunFolder(run)
    assert not folder.is_done()
    assert folder.metrics() == said == read_json(run / METRICS_BEFORE)
    assert (run / "model" / "config.json").read_text() == "{}"
    with pytest.raises(IsoglossError) as caught:
        select(run, "nobody")
    assert caught.value.code == "E540"
