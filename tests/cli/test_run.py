"""A tiny run from data to predictions, through the command line only."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from isogloss.cli.app import app
from isogloss.data.reviews import PRIORS, sample_reviews
from tests.helpers.models import save_tiny


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    save_tiny(folder / "encoder", "bert")
    sample_reviews("en", 60, prior=PRIORS["skewed"], seed=1).to_csv(folder / "en.csv", index=False)
    sample_reviews("de", 40, seed=2, labels=False).to_csv(folder / "de.csv", index=False)
    sample_reviews("de", 30, seed=3).to_csv(folder / "test.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def adapted(place: Path) -> Result:
    options = ["--test", place / "test.csv", "--model", place / "encoder", "--max-steps", 2]
    sides = ["--source", place / "en.csv", "--target", place / "de.csv"]
    more = ["--set", "max_length=32", "--set", "iwda.critic_width=8", "--output", place / "run"]
    return invoke("adapt", *sides, *options, *more, "--recipe", "iwda")


def test_adapt_sums_up_on_stdout_and_reports_progress_on_stderr(
    adapted: Result, place: Path
) -> None:
    assert adapted.exit_code == 0, adapted.output
    for words in ("Macro-F1", "zero-shot", "held-out source", "target test", "Prior shift"):
        assert words in adapted.stdout
    assert f"isogloss predict {place / 'run'} FILE.csv -o OUT.csv" in adapted.stdout
    assert "zero-shot: 2 steps\n" in adapted.stderr
    assert adapted.stdout.startswith("Done in ")
    assert "\x1b" not in adapted.stdout + adapted.stderr
    assert len(adapted.stderr.splitlines()) < 20
    assert (place / "run" / "model" / "config.json").is_file()


def test_the_run_s_own_settings_ask_for_the_same_run(adapted: Result, place: Path) -> None:
    again = invoke("adapt", "--config", place / "run/config.yaml", "--output", place / "run")
    assert again.exit_code == 0, again.output
    other = invoke(
        "adapt", "--config", place / "run/config.yaml", "--seed", 9, "--output", place / "run"
    )
    assert other.exit_code == 2
    assert other.stderr.startswith("error: E521: ")


def test_predict_keeps_rows_and_columns(adapted: Result, place: Path) -> None:
    result = invoke("predict", place / "run", place / "test.csv", "-o", place / "out.csv")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"30 rows written to {place / 'out.csv'}\n"
    before = list(csv.DictReader((place / "test.csv").open(encoding="utf-8")))
    after = list(csv.DictReader((place / "out.csv").open(encoding="utf-8")))
    assert [(row["text"], row["label"]) for row in after] == [
        (row["text"], row["label"]) for row in before
    ]
    assert {row["prediction"] for row in after} <= set("12345")


def test_evaluate_agrees_with_the_run(adapted: Result, place: Path) -> None:
    result = invoke("evaluate", place / "run" / "model", place / "test.csv", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    metrics = json.loads((place / "run" / "metrics.json").read_text())
    assert report["metrics"] == pytest.approx(metrics["stages"]["iwda"]["test"], abs=1e-6)
    table = invoke("evaluate", place / "run", place / "test.csv").stdout
    assert "30 rows" in table
    assert "macro f1" in table
    assert "support" in table


def test_other_columns_can_be_named(adapted: Result, place: Path) -> None:
    text = (place / "test.csv").read_text(encoding="utf-8")
    (place / "renamed.csv").write_text(text.replace("text,label", "body,stars", 1), "utf-8")
    columns = ["--text", "body", "--label", "stars"]
    assert invoke("evaluate", place / "run", place / "renamed.csv", *columns).exit_code == 0
    wrong = invoke("evaluate", place / "run", place / "renamed.csv")
    assert wrong.stderr.splitlines()[-1].startswith("error: E105: ")


def test_a_folder_without_a_model(place: Path) -> None:
    result = invoke("predict", place / "nowhere", place / "test.csv", "-o", place / "never.csv")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: E524: ")
    assert not (place / "never.csv").exists()


def test_select_serves_another_stage_and_says_what_to_expect(adapted: Result, place: Path) -> None:
    shutil.copytree(place / "run", place / "other")
    result = invoke("select", place / "other", "zero-shot")
    assert result.exit_code == 0, result.output
    metrics = json.loads((place / "other" / "metrics.json").read_text())
    first, expected, model = result.stdout.splitlines()
    assert first == f"{place / 'other'} serves zero-shot now."
    assert expected == metrics["expected"]["sentence"]
    assert model == f"model  {place / 'other' / 'model'}"
    assert metrics["chosen"]["name"] == "zero-shot"
    refused = invoke("select", place / "other", "kd")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: E540: ")
