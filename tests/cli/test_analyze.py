"""`isogloss analyze`, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from isogloss.cli import analyze as command
from isogloss.cli.app import app
from isogloss.data.reviews import sample_reviews
from isogloss.recipes.analyze import CLASSES
from tests.helpers.models import save_tiny


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli-analyze")
    save_tiny(folder / "encoder", "bert")
    for name, language, rows, seed in (("en", "en", 80, 1), ("de", "de", 30, 2)):
        sample_reviews(language, rows, seed=seed).to_csv(folder / f"{name}.csv", index=False)
    for name, language, seed in (("en.test", "en", 3), ("de.test", "de", 4)):
        sample_reviews(language, 40, seed=seed).to_csv(folder / f"{name}.csv", index=False)
    sides = ["--source", folder / "en.csv", "--target", folder / "de.csv"]
    options = ["--model", folder / "encoder", "--max-steps", 2, "--recipe", "iwda"]
    small = ["--set", "max_length=32", "--set", "iwda.critic_width=16"]
    result = invoke("adapt", *sides, *options, *small, "--output", folder / "run")
    assert result.exit_code == 0, result.output
    return folder


def analyze(place: Path, *options: object, run: object = "run") -> Result:
    sides = ["--source", place / "en.test.csv", "--target", place / "de.test.csv"]
    quick = ["--replicates", 20, "--sample", 40]
    return invoke("analyze", place / str(run), *sides, *quick, *options)


def test_tables_files_and_pictures(place: Path) -> None:
    result = analyze(place, "--plot")
    assert result.exit_code == 0, result.output
    for words in ("Feature shift, [CLS]", "Feature shift, mean of tokens", "zero-shot", "iwda"):
        assert words in result.stdout
    report = json.loads((place / "run/analysis.json").read_text("utf-8"))
    last = report["models"][1]["layers"][-1]
    row = next(line for line in result.stdout.splitlines() if line.startswith(" features"))
    assert f"{last['conditional']['l1']['scaled']:.3g}" in row
    assert "…" not in result.stdout
    for name in ("analysis.csv", "analysis.png", "analysis.svg"):
        assert (place / "run" / name).stat().st_size > 3_000
        assert f"run/{name}" in result.stdout
    assert result.stderr.splitlines()[0] == "zero-shot: passes: 80 rows"


def test_a_place_that_cannot_be_written_is_told_before_anything_runs(place: Path) -> None:
    result = analyze(place, "--output", place / "en.csv" / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: E121: ")
    assert len(result.stderr.splitlines()) == 1


def test_json_is_what_is_written(place: Path, tmp_path: Path) -> None:
    chosen = ["--layer", 0, "--layer", "features", "--view", "mean", "--stage", "iwda"]
    result = analyze(place, *chosen, "--json", "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads((tmp_path / "out/analysis.json").read_text("utf-8"))
    places = [(each["layer"], each["view"]) for each in report["models"][0]["layers"]]
    assert places[0] == (0, "mean")
    assert places[1][0] == "features"


def test_another_model_writes_here(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = analyze(place, "--layer", 1, run="encoder")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["analysis.csv", "analysis.json"]


def test_the_choices_in_the_help_are_those_there_are() -> None:
    assert ", ".join(CLASSES) == command.CLASSES


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--layer", "9"], "E703"),
        (["--layer", "[red]last"], "E703"),
        (["--layer=-1"], "E703"),
        (["--view", "max"], "E409"),
        (["--classes", "true"], "E409"),
        (["--stage", "kd"], "E540"),
        (["--text", "body"], "E105"),
        (["--label", "stars"], "E106"),
    ],
)
def test_what_is_wrong_is_one_line(
    place: Path, tmp_path: Path, options: list[str], code: str
) -> None:
    result = analyze(place, *options, "--output", tmp_path / "out")
    assert result.exit_code == 2, result.output
    assert result.stderr.splitlines()[-1].startswith(f"error: {code}: ")
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()
