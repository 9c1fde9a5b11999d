from __future__ import annotations

import io

import pytest
from rich.console import Console

from isogloss.cli.console import bar, cell, duration, one_line, percent, table


@pytest.mark.parametrize("ascii_only", [False, True])
def test_bars_grow_with_the_share_and_stay_within_their_width(ascii_only: bool) -> None:
    drawn = [bar(step / 100, width=8, ascii_only=ascii_only) for step in range(101)]
    assert drawn[0] == ""
    assert len(drawn[1]) == 1
    assert len(drawn[100]) == 8
    assert [len(text) for text in drawn] == sorted(len(text) for text in drawn)
    assert all(text.isascii() for text in drawn) == ascii_only


def test_a_bar_shows_eighths() -> None:
    assert bar(0.5 + 3 / 64, width=8) == "████▍"


@pytest.mark.parametrize("share", [-1.0, 2.0])
def test_a_bar_is_cut_at_its_ends(share: float) -> None:
    assert bar(share, width=4) == ("████" if share > 0 else "")


def test_percent_and_duration() -> None:
    assert percent(0.12345) == "12.3 %"
    assert percent(None) == "–"
    assert [duration(s) for s in (0.4, 59.4, 59.6, 3599, 7500)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "59 min 59 s",
        "2 h 5 min",
    ]


def test_one_line_writes_control_characters_out() -> None:
    assert one_line("a\r\nb\x1b[2Jc") == r"a b\x1b[2Jc"
    assert one_line("größer 好") == "größer 好"


def test_cells_are_no_markup_and_long_ones_are_kept_whole() -> None:
    out = table("[red]title", ["[b]name", "value"])
    long = "word" * 40
    out.add_row(cell("[red]x[/red]"), "1")
    out.add_row(cell(long), "2")
    console = Console(file=io.StringIO(), width=60)
    console.print(out)
    shown = console.file.getvalue()
    assert "[red]title" in shown
    assert "[b]name" in shown
    assert "[red]x[/red]" in shown
    assert "".join(c for c in shown if c in "word").count("word") >= 40
