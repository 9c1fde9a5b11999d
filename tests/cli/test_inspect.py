from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from isogloss.cli.app import app
from isogloss.cli.inspect_tables import label_table, remarks
from isogloss.data.inspection import PairReport, SideReport
from tests.cli.screen import shown
from tests.helpers.models import save_tiny


def write(path: Path, rows: Iterable[tuple[str, ...]], header: tuple[str, ...]) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    english = [(f"good film {'very ' * i}", "[red]good") for i in range(30)]
    english += [("bad food", "bad"), ("bad food", "bad"), ("", "bad")]
    german = [(f"gut {'sehr ' * i}",) for i in range(20)] + [("bad food",)]
    source = write(tmp_path / "en.csv", english, ("text", "label"))
    target = write(tmp_path / "de.csv", german, ("text",))
    return ["inspect", "--source", source, "--target", target]


def test_tables_and_remarks(files: list[str]) -> None:
    result = CliRunner().invoke(app, files)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert "[red]good" in result.stdout
    assert "- Rows of the source without text: 1;" in result.stdout
    assert "- Rows of the source that repeat an earlier one: 1 (3.0 %)." in result.stdout
    assert "that are in the source as well: 1 of 21;" in result.stdout
    assert "Fewer than 20 examples in the source: bad;" in result.stdout
    assert "word pieces" not in result.stdout


def test_json_with_word_pieces(files: list[str], tmp_path: Path) -> None:
    model = str(save_tiny(tmp_path / "model", "bert"))
    result = CliRunner().invoke(app, [*files, "--model", model, "--max-length", "8", "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["max_length"] == 8
    assert facts["source"]["rows"] == 33
    # [CLS] good film very*i [SEP] has 4 + i pieces.
    assert facts["source"]["truncated"] == 25
    assert facts["target"]["labels"] is None
    assert any("which lose their end" in line for line in facts["remarks"])


def test_the_length_is_at_most_what_the_model_takes(files: list[str], tmp_path: Path) -> None:
    model = str(save_tiny(tmp_path / "model", "bert"))
    result = CliRunner().invoke(app, [*files, "--model", model, "--json"])
    assert json.loads(result.stdout)["max_length"] == 64


def test_without_a_model_word_pieces_are_not_counted(files: list[str]) -> None:
    facts = json.loads(CliRunner().invoke(app, [*files, "--json"]).stdout)
    assert facts["source"]["word_pieces"] is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [(["--text", "[b]no"], "E105"), (["--task", "tree"], "E208"), (["--text-pair", "x"], "E209")],
)
def test_errors_are_lines(files: list[str], changed: list[str], code: str) -> None:
    result = CliRunner().invoke(app, [*files, *changed])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {code}: ")
    assert result.stderr.count("\n") == 1


def side(**changes: object) -> SideReport:
    facts: dict[str, object] = {
        "rows": 100,
        "other_columns": [],
        "empty_rows": 0,
        "repeated_rows": 0,
        "labels": {"a": 50, "b": 50},
        "unlabelled": 0,
        "words": {"100": 9.0},
        "word_pieces": None,
        "unknown_share": None,
        "truncated": None,
    }
    return SideReport(**facts | changes)  # type: ignore[arg-type]


def pair(source: SideReport, target: SideReport, **changes: object) -> PairReport:
    facts: dict[str, object] = {
        "shared_rows": 0,
        "only_in_source": [],
        "only_in_target": [],
        "max_length": 128,
    }
    return PairReport(source=source, target=target, **facts | changes)  # type: ignore[arg-type]


def test_nothing_is_said_of_good_data() -> None:
    assert remarks(pair(side(), side(labels=None, unlabelled=None))) == []


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (pair(side(labels=None), side()), "no label column"),
        (pair(side(labels=None, other_columns=["stars"]), side()), "other columns: 'stars'"),
        (pair(side(labels={"a": 100}), side(labels=None)), "only one class, a;"),
        (pair(side(unlabelled=3), side(labels=None)), "Empty labels in the source: 3;"),
        (pair(side(), side(unknown_share=0.05)), "5.0 % of the target's word pieces"),
        (
            pair(side(), side(truncated=7)),
            "longer than 128 word pieces, which lose their end: 7 (7.0 %)",
        ),
        (pair(side(), side(labels={"a": 80, "b": 20})), "differ by 0.30"),
        (pair(side(), side(), only_in_target=["c"]), "source does not have: c;"),
        (pair(side(), side(), only_in_source=["c"]), "target does not have: c."),
        (pair(side(), side(rows=0, words={})), "The target has no rows."),
    ],
)
def test_what_stands_out_is_said(report: PairReport, words: str) -> None:
    assert any(words in line for line in remarks(report)), remarks(report)


def test_a_side_without_labels_has_dashes_and_many_labels_are_cut() -> None:
    labels = {f"label-{index}": 10 for index in range(40)}
    text = shown(label_table(pair(side(labels=labels), side(labels=None)), ascii_only=True))
    assert "and 10 more" in text
    assert "–" in next(line for line in text.splitlines() if "label-0 " in line)
