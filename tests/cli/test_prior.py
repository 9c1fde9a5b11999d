"""`isogloss prior`, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from matplotlib.image import imread
from typer.testing import CliRunner, Result

from isogloss.cli import prior as command
from isogloss.cli.app import app
from isogloss.data.reviews import PRIORS, sample_reviews
from isogloss.labelshift.calibration import CALIBRATIONS
from isogloss.labelshift.prior_estimation import METHODS
from tests.helpers.models import save_tiny


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli-prior")
    save_tiny(folder / "encoder", "bert")
    sample_reviews("en", 80, prior=PRIORS["skewed"], seed=1).to_csv(folder / "en.csv", index=False)
    sample_reviews("de", 30, seed=2, labels=False).to_csv(folder / "de.csv", index=False)
    sample_reviews("de", 60, seed=3, labels=False).to_csv(folder / "new.csv", index=False)
    sample_reviews("de", 8, seed=4).to_csv(folder / "few.csv", index=False)
    sides = ["--source", folder / "en.csv", "--target", folder / "de.csv"]
    options = ["--model", folder / "encoder", "--max-steps", 2, "--recipe", "zero-shot"]
    more = ["--set", "max_length=32", "--set", "holdout=0.5", "--output", folder / "run"]
    result = invoke("adapt", *sides, *options, *more)
    assert result.exit_code == 0, result.output
    assert "Prior shift " in result.stdout
    return folder


def test_the_methods_in_the_help_are_those_there_are() -> None:
    assert ", ".join(METHODS) == command.METHODS
    assert ", ".join(CALIBRATIONS) == command.CALIBRATIONS


def test_a_table_and_sentences(place: Path) -> None:
    result = invoke("prior", place / "run", place / "new.csv", "--level", 0.9)
    assert result.exit_code == 0, result.output
    for words in ("Class balance of new.csv (60 rows)", "source", "as predicted", "90 % interval"):
        assert words in result.stdout
    assert "Prior shift " in result.stdout
    assert "\x1b" not in result.stdout + result.stderr
    assert result.stderr.startswith("classify\n")


def test_json_says_what_the_table_says(place: Path) -> None:
    arguments = ["prior", place / "run", place / "new.csv", "--method", "mlls"]
    result = invoke(*arguments, "--calibration", "none", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["labels"] == ["1", "2", "3", "4", "5"]
    assert (report["rows"], report["method"], report["level"]) == (60, "mlls", 0.95)
    assert sum(report["estimate"]) == pytest.approx(1.0)
    table = invoke(*arguments, "--calibration", "none").stdout
    for label, share in zip(report["labels"], report["estimate"], strict=True):
        row = next(line for line in table.splitlines() if line.split()[:1] == [label])
        assert f"{100 * share:.1f} %" in row
    for sentence in report["sentences"]:
        assert sentence in table


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_a_picture(place: Path, ending: str) -> None:
    picture = place / "pictures" / f"balance.{ending}"
    result = invoke("prior", place / "run", place / "new.csv", "--output", picture)
    assert result.exit_code == 0, result.output
    assert f"picture  {picture}" in result.stdout
    assert picture.stat().st_size > 3_000
    if ending == "png":
        assert imread(picture).std() > 0.05


def test_known_facts(place: Path) -> None:
    belief = "1=0.2,2=0.2,3=0.2,4=0.2,5=0.2"
    options = ["--bound", "5=0.3", "--bound", "1=0.05:0.2", "--order", "4>=3", "--json"]
    more = ["--belief", belief, "--strength", 20, "--labelled", place / "few.csv"]
    result = invoke("prior", place / "run", place / "new.csv", *options, *more)
    assert result.exit_code == 0, result.output
    estimate = json.loads(result.stdout)["estimate"]
    assert estimate[4] == pytest.approx(0.3, abs=1e-6)
    assert 0.05 - 1e-6 <= estimate[0] <= 0.2 + 1e-6
    assert estimate[3] >= estimate[2] - 1e-6


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--output", "balance.docx"], "E650"),
        (["--bound", "5"], "E646"),
        (["--bound", "[red]=0.5"], "E534"),
        (["--bound", "1=0.9", "--bound", "2=0.9"], "E422"),
        (["--order", "5>4"], "E647"),
        (["--belief", "5"], "E425"),
        (["--belief", "5", "--strength", "1"], "E648"),
        (["--belief", "5=1", "--strength", "1"], "E535"),
        (["--method", "magic"], "E409"),
        (["--level", "95"], "E407"),
        (["--text", "body"], "E105"),
        (["--format", "xyz"], "E104"),
    ],
)
def test_what_is_wrong_is_one_line(place: Path, options: list[str], code: str) -> None:
    result = invoke("prior", place / "run", place / "new.csv", *options)
    assert result.exit_code == 2, result.output
    assert result.stderr.splitlines()[-1].startswith(f"error: {code}: ")
    assert result.stdout == ""


def test_a_picture_that_cannot_be_written(place: Path) -> None:
    blocked = place / "new.csv" / "balance.png"
    result = invoke("prior", place / "run", place / "new.csv", "--output", blocked)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("error: E121: ")


def test_other_columns_and_formats(place: Path) -> None:
    text = (place / "new.csv").read_text(encoding="utf-8")
    (place / "renamed.txt").write_text(text.replace("text", "body", 1), "utf-8")
    options = ["--text", "body", "--format", "csv", "--json"]
    renamed = json.loads(invoke("prior", place / "run", place / "renamed.txt", *options).stdout)
    plain = json.loads(invoke("prior", place / "run", place / "new.csv", "--json").stdout)
    assert renamed["estimate"] == plain["estimate"]
    model = json.loads(invoke("prior", place / "run/model", place / "new.csv", "--json").stdout)
    assert model == plain


def test_a_run_that_kept_no_rows(place: Path, tmp_path: Path) -> None:
    (tmp_path / "model").symlink_to(place / "run" / "model")
    result = invoke("prior", tmp_path, place / "new.csv")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("error: E531: ")
