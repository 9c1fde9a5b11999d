from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from isogloss.cli.app import app
from isogloss.cli.demo import show_demo
from isogloss.recipes.adapt import AdaptResult
from isogloss.recipes.demo import DemoResult, target_languages


def test_a_language_that_is_not_there(tmp_path: Path) -> None:
    for language in ("en", "[red]xx"):
        result = CliRunner().invoke(app, ["demo", "--to", language, "-o", str(tmp_path / "demo")])
        assert result.exit_code == 2
        assert result.stderr.startswith(f"error: E600: The demo has no reviews in '{language}'")
    assert not (tmp_path / "demo").exists()


def test_the_languages_in_the_help_are_those_there_are() -> None:
    text = CliRunner().invoke(app, ["demo", "--help"]).stdout
    assert f"[{'|'.join(sorted(target_languages()))}]" in text


def test_scores_and_priors_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = AdaptResult(
        folder=tmp_path / "demo" / "run",
        model=tmp_path / "demo" / "run" / "model",
        predictions=tmp_path / "demo" / "run" / "predictions.csv",
        metrics={},
        prior={
            "labels": ["1", "2"],
            "source": [0.9, 0.1],
            "predicted": [0.35, 0.65],
            "estimate": [0.25, 0.75],
            "sentences": ["The class balance has shifted."],
        },
        seconds=61.0,
    )
    scores = {
        "zero-shot": {"accuracy": 0.5, "macro_f1": 0.4},
        "iwda": {"accuracy": 0.6, "macro_f1": 0.55},
        "Bayes optimum": {"accuracy": 0.9, "macro_f1": 0.875},
    }
    show_demo(DemoResult(run=run, scores=scores, true_prior=[0.2, 0.8]), tmp_path / "demo", "de")
    out = capsys.readouterr().out
    rows = {line.split("  ")[0].strip(): line for line in out.splitlines() if "%" in line}
    assert "90.0 %" in rows["Bayes optimum"]
    assert "87.5 %" in rows["Bayes optimum"]
    assert all(share in rows["1"] for share in ("90.0 %", "35.0 %", "25.0 %", "20.0 %"))
    assert "The class balance has shifted." in out
    assert f"isogloss predict {run.folder}" in out
