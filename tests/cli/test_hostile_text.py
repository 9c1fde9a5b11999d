"""Texts, labels and names that try to break a reader, a terminal, a page or a spreadsheet."""

from __future__ import annotations

import csv
import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from isogloss.cli.app import app
from isogloss.cli.console import json_text, one_line, printable
from tests.helpers.models import save_tiny

NASTY = [
    "=HYPERLINK(1)",
    "\x1b]0;owned\x07\x1b[31mred",
    "\u202eevil\u2066",
    "👩‍👩‍👧‍👦 🏳️‍🌈",
    "a\0b",
    "[bold red]x[/]",
    "<script>alert(1)</script>![x](http://a.b/c)",
    "می‌خواهم",
    "\u009b31m",
]
RAW = ("\x1b", "\x07", "\x00", "\u202e", "\u2066", "\u009b", "<script>alert", "![x](")


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def write(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose texts, labels and file names are all hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    save_tiny(folder / "encoder", "bert")
    rows = [(f"{text} {number}", text) for text in NASTY[:4] for number in range(12)]
    source = write(folder / "en\x1b[31m<script>alert(2).csv", rows, ("text", "label"))
    target = write(folder / "de.csv", [(f"{t} {t}",) for t in NASTY], ("text",))
    test = write(folder / "test.csv", rows[::5], ("text", "label"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", "hf_verysecretvalue")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "verysecretvalue")

        def refuse(*_: object) -> None:
            raise AssertionError("a run with a local model went to the network")

        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        sides = ["--source", source, "--target", target, "--test", test]
        options = ["--model", folder / "encoder", "--max-steps", 1, "--recipe", "zero-shot"]
        result = invoke("adapt", *sides, *options, "--output", folder / "run")
    assert result.exit_code == 0, result.output
    (folder / "adapt.txt").write_text(result.output, "utf-8")
    return folder


def test_a_run_says_nothing_that_a_terminal_obeys(place: Path) -> None:
    shown = (place / "adapt.txt").read_text("utf-8")
    assert not any(raw in shown for raw in RAW[:6])
    assert "\\x1b]0;owned\\x07" in shown
    assert "👩‍👩‍👧‍👦" in shown


def test_the_report_and_the_card_are_inert(place: Path) -> None:
    card = (place / "run/model/README.md").read_text("utf-8")
    page = (place / "run/report.html").read_text("utf-8")
    assert "owned" in card
    assert not any(raw in card for raw in RAW)
    assert "<script" not in page
    assert not any(raw in page for raw in RAW[:6])


def test_no_secret_of_the_environment_is_in_the_run(place: Path) -> None:
    for path in (place / "run").rglob("*"):
        if path.is_file():
            assert b"verysecretvalue" not in path.read_bytes(), path


def test_predictions_keep_hostile_texts_as_they_are(place: Path, tmp_path: Path) -> None:
    rows = [(text,) for text in NASTY]
    source = write(tmp_path / "x.csv", rows, ("text",))
    result = invoke("predict", place / "run", source, "-o", tmp_path / "out\x1b[31m.csv")
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    with (tmp_path / "out\x1b[31m.csv").open(encoding="utf-8", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == NASTY


def test_formulas_are_made_text_on_request(place: Path, tmp_path: Path) -> None:
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "plain", "1-1"]
    source = write(tmp_path / "x.csv", [(text,) for text in formulas], ("text",))
    options = ["-o", tmp_path / "out.csv", "--safe-for-spreadsheets"]
    result = invoke("predict", place / "run", source, *options)
    assert result.exit_code == 0, result.output
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["text"] for row in found] == [
        *(f"'{text}" for text in formulas[:8]),
        "plain",
        "1-1",
    ]
    assert all(float(row["probability"]) > 0 for row in found)
    assert not any(row["prediction"].startswith("=") for row in found)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_ten_megabytes_in_one_cell(place: Path, tmp_path: Path, ending: str) -> None:
    long = "word " * 2_000_000
    source = tmp_path / f"x.{ending}"
    if ending == "csv":
        write(source, [(long,), ("short",)], ("text",))
    else:
        source.write_text("".join(json.dumps({"text": t}) + "\n" for t in (long, "short")), "utf-8")
    result = invoke("predict", place / "run", source, "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0, result.output
    with (tmp_path / "out.jsonl").open(encoding="utf-8") as file:
        assert [len(json.loads(line)["text"]) for line in file] == [len(long), 5]


def test_a_row_of_a_million_cells_is_named(place: Path, tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text("text\n" + "," * 999_999 + "\n", "utf-8")
    result = invoke("predict", place / "run", source, "-o", tmp_path / "out.csv")
    assert result.exit_code == 2
    assert "error: E110: x.csv, row 1 (line 2): 1000000 cells" in result.stderr
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("name", ["x" * 5_000, "a\0b", "https://user:secret@host/a.csv", "\udcff"])
def test_names_that_are_no_files(place: Path, name: str) -> None:
    result = invoke("inspect", "--source", name, "--target", place / "de.csv")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: E101: ")
    assert len(result.stderr) < 2_000


def test_what_terminals_get() -> None:
    assert printable("a\tb\x1b\u202e\u200d") == "a\\tb\\x1b\\u202e\u200d"
    assert one_line(" a \n b ") == "a b"
    values = {"a": "\x1b\u009b\u202e\U000e0001ä👩‍👧"}
    text = json_text(values)
    assert json.loads(text) == values
    assert not any(mark in text for mark in "\x1b\u009b\u202e\U000e0001")
    assert "ä👩‍👧" in text
