"""`isogloss study` and `isogloss resample`, through the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from isogloss.cli.app import app
from isogloss.cli.facts import read_shares
from isogloss.data.reviews import PRIORS, sample_reviews
from isogloss.errors import IsoglossError
from isogloss.study.evaluation import LEAST_ROWS
from tests.helpers.models import save_tiny


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli-study")
    save_tiny(folder / "encoder", "bert")
    sample_reviews("en", 80, prior=PRIORS["skewed"], seed=1).to_csv(folder / "en.csv", index=False)
    sample_reviews("de", 30, seed=2, labels=False).to_csv(folder / "de.csv", index=False)
    sample_reviews("de", 90, prior=[0.2] * 5, seed=3).to_csv(folder / "test.csv", index=False)
    sides = ["--source", folder / "en.csv", "--target", folder / "de.csv"]
    options = ["--model", folder / "encoder", "--max-steps", 2, "--recipe", "iwda"]
    more = ["--set", "max_length=32", "--set", "holdout=0.5", "--set", "iwda.critic_width=8"]
    result = invoke("adapt", *sides, *options, *more, "--output", folder / "run")
    assert result.exit_code == 0, result.output
    return folder


def test_tables_files_and_pictures(place: Path, tmp_path: Path) -> None:
    sides = ["--model", place / "run", "--target", place / "test.csv"]
    result = invoke("study", *sides, "--sets", 15, "--size", 10, "-o", tmp_path / "s", "--plot")
    assert result.exit_code == 0, result.output
    for words in (
        "15 sets of 10 rows from each target",
        "Correlation of macro-F1 with shift",
        "Error of the estimated prior",
        "Percent improvement of macro-F1",
        "zero-shot",
        f"{tmp_path / 's' / 'study.svg'}",
    ):
        assert words in result.stdout
    assert "\x1b" not in result.stdout + result.stderr
    names = ["study.csv", "study.json", "study.png", "study.svg"]
    assert sorted(p.name for p in (tmp_path / "s").iterdir()) == names


def test_json_is_what_the_file_holds(place: Path, tmp_path: Path) -> None:
    sides = ["--model", place / "run" / "stages" / "iwda", "--target", place / "test.csv"]
    draws = ["--prior", "1=0.4,2=0.4", "--prior", "5=0.5", "--sets", 4, "--size", 20]
    result = invoke("study", *sides, *draws, "-o", tmp_path, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads((tmp_path / "study.json").read_text("utf-8"))
    assert report["settings"]["given"] == [{"1": 0.4, "2": 0.4}, {"5": 0.5}]
    assert report["settings"]["least_rows"] == LEAST_ROWS
    rows = list(csv.DictReader((tmp_path / "study.csv").open(encoding="utf-8", newline="")))
    assert [float(row["prior:5"]) for row in rows][1::2] == [0.5, 0.5]


def test_errors_end_with_one_line_and_leave_nothing(place: Path, tmp_path: Path) -> None:
    sides = ["--model", place / "run", "--target", place / "test.csv", "-o", tmp_path / "s"]
    for options, code in (
        (["--prior", "5:0.4"], "E720"),
        (["--grid", 500], "E732"),
        (["--size", 4000], "E730"),
        (["--baseline", "kd"], "E728"),
    ):
        result = invoke("study", *sides, *options)
        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1].startswith(f"error: {code}: ")
        assert not (tmp_path / "s").exists()
    result = invoke("study", *sides[:-1], place / "test.csv" / "s")
    assert result.stderr.startswith("error: E121: ")
    assert len(result.stderr.splitlines()) == 1


def test_resample(place: Path, tmp_path: Path) -> None:
    output = tmp_path / "skewed.csv"
    result = invoke("resample", place / "en.csv", "--prior", "1=0.5", "-o", output)
    assert result.exit_code == 0, result.output
    written = len(output.read_text("utf-8").splitlines()) - 1
    assert f"{written} of 80 rows written to {output}" in result.stdout
    as_json = invoke("resample", place / "en.csv", "--prior", "1=0.5", "-o", output, "--json")
    assert json.loads(as_json.stdout)["written"] == written
    wrong = invoke("resample", place / "en.csv", "--prior", "6=0.5", "-o", tmp_path / "x.csv")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("error: E721: A prior names the label '6'")
    assert not (tmp_path / "x.csv").exists()


def test_priors_are_read_from_the_right() -> None:
    assert read_shares("a=b=0.5, c=0.25", code="E720") == {"a=b": 0.5, "c": 0.25}
    found = read_shares("in 2020, or later=0.5,d=0.1, e, f =0.25", code="E720")
    assert found == {"in 2020, or later": 0.5, "d": 0.1, "e, f": 0.25}
    for text in ("a", "a=x", "=0.5", "a=0.5,a=0.5", "a=nan", "", "a=0.5,", "a=0.5,b", "a=0.5,=0.1"):
        with pytest.raises(IsoglossError, match="E720"):
            read_shares(text, code="E720")
