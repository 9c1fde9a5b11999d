"""`isogloss predict` on shards, through the command line."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from isogloss.cli.app import app
from tests.helpers.served import served_model


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b"):
        pq.write_table(pa.table({"text": ["gut", "arm", "fein"]}), folder / f"{name}.parquet")
    return folder


def test_a_folder_a_pattern_and_a_file_go_to_folders(tmp_path: Path, shards: Path) -> None:
    model = served_model(tmp_path / "served")
    first = invoke(model, shards, "-o", tmp_path / "one")
    assert first.exit_code == 0, first.output
    assert f"6 rows in 2 shards in {tmp_path / 'one'}" in first.stdout
    assert "predict: 6 rows" in first.stderr
    again = invoke(model, shards, "-o", tmp_path / "one")
    assert "6 rows in 2 shards (2 of them were there already)" in again.stdout
    invoke(model, shards / "[a].*", "-o", tmp_path / "two")
    assert [p.name for p in (tmp_path / "two").glob("*.parquet")] == ["a.parquet"]
    invoke(model, shards / "a.parquet", "-o", tmp_path / "three", "--shard-rows", 2)
    names = sorted(p.name for p in (tmp_path / "three").glob("*.parquet"))
    assert names == ["a-00000.parquet", "a-00001.parquet"]
    single = invoke(model, shards / "a.parquet", "-o", tmp_path / "a.jsonl")
    assert f"3 rows written to {tmp_path / 'a.jsonl'}" in single.stdout


@pytest.mark.parametrize(
    ("output", "said"),
    [("out", "run the same command to go on"), ("out.jsonl", "nothing was written")],
)
def test_an_interrupt_says_whether_it_goes_on(
    tmp_path: Path, shards: Path, monkeypatch: pytest.MonkeyPatch, output: str, said: str
) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("isogloss.recipes.predict_shards.predict_shards", interrupt)
    monkeypatch.setattr("isogloss.recipes.predict.predict_file", interrupt)
    done = invoke("model", shards / "a.parquet", "-o", tmp_path / output)
    assert done.exit_code == 130
    assert done.stderr == f"Stopped; {said}.\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "abacus"], "none of local, ray"),
        (["--address", "10.0.0.1:6379"], "--engine ray"),
    ],
)
def test_engines_that_there_are_not(shards: Path, options: list[str], said: str) -> None:
    done = invoke(shards, shards, "-o", shards.parent / "out", *options)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


def test_ray_labels_shards_only(shards: Path) -> None:
    done = invoke(shards, shards / "a.parquet", "-o", "out.csv", "--engine", "ray")
    assert done.exit_code == 2
    assert "labels shards" in " ".join(done.stderr.replace("│", " ").split())
