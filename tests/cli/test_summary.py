from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isogloss.cli.summary import (
    balance_table,
    metrics_table,
    other_candidates,
    shift_sentences,
    show_result,
)
from isogloss.recipes.adapt import AdaptResult
from isogloss.recipes.config import RunConfig
from tests.cli.screen import shown


def prior_of(classes: int, **changes: Any) -> dict[str, Any]:
    shares = [1 / classes] * classes
    return {
        "labels": [f"class-{index}" for index in range(classes)],
        "source": shares,
        "predicted": shares,
        "estimate": shares,
        "interval": [[0.0, 2 * share] for share in shares],
        "level": 0.9,
        "shift": 0.31,
        "significant": True,
    } | changes


def test_metrics_by_stage_leave_a_dash_where_nothing_was_measured() -> None:
    stages = {
        "zero-shot": {"held-out": {"macro_f1": 0.5}},
        "iwda": {"held-out": {"macro_f1": 0.625}, "test": {"macro_f1": 0.25}},
    }
    text = shown(metrics_table({"headline": "macro_f1", "stages": stages}))
    assert "Macro-F1" in text
    assert "target test" in text
    assert "train" not in text
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if "%" in line}
    assert lines == {
        "zero-shot": ["50.0", "%", "–"],
        "iwda": ["(served)", "62.5", "%", "25.0", "%"],
    }


@pytest.mark.parametrize("words", [False, True])
def test_the_served_row_is_marked_and_expected_scores_are_shown(words: bool) -> None:
    told = {"zero-shot": 0.5, "zero-shot+prior": 0.125, "iwda": 0.75, "iwda+prior": 0.25}
    scores = {
        name: {"metric": "macro_f1", "value": value, "words": words} for name, value in told.items()
    }
    metrics = {
        "headline": "f1",
        "stages": {name: {"test": {"f1": 0.625}} for name in ("zero-shot", "iwda")},
        "chosen": {
            "name": "iwda+prior",
            "candidates": ["zero-shot", "iwda", "iwda+prior"],
            "table": [{"name": name, "expected": expected} for name, expected in scores.items()],
        },
        "expected": scores["iwda+prior"],
        "served": {"name": "iwda+prior", "scores": {"test": {"f1": 0.875}}},
    }
    text = shown(metrics_table(metrics))
    assert ("expected, macro-F1 of tags" in text) == words
    lines = [line.replace(" %", "").split() for line in text.splitlines() if "%" in line]
    assert lines == [
        ["zero-shot", "62.5", "50.0"],
        ["iwda", "62.5", "75.0"],
        ["iwda+prior", "(served)", "87.5", "25.0"],
    ]


def test_the_class_balance_shows_every_number() -> None:
    prior = prior_of(
        2,
        labels=["[red]good", "bad"],
        source=[0.75, 0.25],
        predicted=[0.5, 0.5],
        estimate=[0.125, 0.875],
        interval=[[0.05, 0.2], [0.8, 0.95]],
    )
    lines = shown(balance_table(prior, ascii_only=True)).splitlines()
    assert any("90 % interval" in line for line in lines)
    good = next(line for line in lines if "[red]good" in line)
    assert all(number in good for number in ("75.0 %", "50.0 %", "12.5 %", "5.0 to 20.0"))
    bad = next(line for line in lines if "bad" in line)
    # The largest share of the table, 87.5 %, fills the 8 characters.
    assert "87.5 % ########" in bad
    assert "25.0 % ##" in bad


def test_of_many_classes_the_largest_are_shown() -> None:
    estimate = [0.0001] * 30
    estimate[29] = 1.0
    text = shown(balance_table(prior_of(30, estimate=estimate), ascii_only=False))
    assert "class-29" in text
    assert "and 10 smaller" in text


def test_the_shift_in_words() -> None:
    sentences = ["It differs.", "All of it is kept."]
    lines = shift_sentences(prior_of(3, sentences=sentences))
    assert lines == ["Prior shift 0.31 (total variation, 0 to 1).", *sentences]


@pytest.mark.parametrize(("significant", "words"), [(True, "differs"), (False, "no difference")])
def test_the_shift_of_a_run_of_an_earlier_version(significant: bool, words: str) -> None:
    (sentence,) = shift_sentences({"shift": 0.314, "significant": significant})
    assert "0.31" in sentence
    assert words in sentence


def test_the_whole_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "a run [b]"
    result = AdaptResult(
        folder=folder,
        model=folder / "model",
        predictions=folder / "predictions.tsv",
        metrics={
            "headline": "f1",
            "stages": {"iwda": {"held-out": {"f1": 0.5}, "labelled": {"f1": 0.25}}},
            "labelled": {"sentences": ["On 50 [rows] it is good.", "Used to check."]},
            "expected": {"sentence": "Expected [b]much[/b]."},
            "chosen": {"name": "iwda", "reasons": [], "candidates": ["zero-shot", "iwda", "st"]},
        },
        prior=prior_of(3, sentences=["The [red] balance differs."]),
        seconds=192.0,
    )
    show_result(result, RunConfig(source="en [red].tsv", target="de.tsv", seed=4))
    out, err = capsys.readouterr()
    assert err == ""
    assert "labelled target" in out
    assert "25.0" in out
    assert "Done in 3 min 12 s: auto with offline" in out
    assert "from en [red].tsv to de.tsv" in out
    assert (
        "\nThe [red] balance differs.\nOn 50 [rows] it is good.\nUsed to check.\n\nExpected " in out
    )
    assert "\nExpected [b]much[/b].\n\n" in out
    for name in ("model", "predictions.tsv", "config.yaml"):
        assert str(folder / name) in out
    assert f"isogloss predict '{folder}' FILE.tsv -o OUT.tsv" in out
    assert out.endswith(
        f"Serve another candidate with:\n  isogloss select '{folder}' NAME\n"
        "NAME is one of zero-shot, st.\n"
    )


def test_without_another_candidate_none_is_offered() -> None:
    assert other_candidates({"chosen": {"name": "iwda", "candidates": ["iwda"]}}, "run") == []
    assert other_candidates({}, "run") == []
    found = other_candidates({"chosen": {"name": "iwda", "candidates": ["iwda", "st"]}}, "run")
    assert found[-1] == "NAME is st."
