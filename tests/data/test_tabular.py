from __future__ import annotations

import csv

import pytest

from isogloss.data import tabular
from isogloss.data.tabular import read_header, read_tabular


def rows_of(path, *, format="csv", batch_rows=2):
    batches = list(read_tabular(path, format=format, batch_rows=batch_rows))
    return [row for batch in batches for row in zip(*batch.values(), strict=True)]


def test_cells_stay_text_as_they_stand(write):
    path = write("a.csv", "text,label\nNA,007\n1e5, x \n,null\n")
    assert rows_of(path) == [("NA", "007"), ("1e5", " x "), ("", "null")]


def test_byte_order_mark_windows_line_ends_and_blank_lines(write):
    path = write("a.csv", b"\xef\xbb\xbftext,label\r\n\r\na,b\r\n\r\nc,d")
    assert read_header(path, format="csv") == ["text", "label"]
    assert rows_of(path) == [("a", "b"), ("c", "d")]


def test_quoted_cells_hold_separators_quotes_and_line_breaks(write):
    path = write("a.csv", 'text,label\n"one, ""two""\r\nthree",x\n"\u2028\x85",y\n')
    assert rows_of(path) == [('one, "two"\r\nthree', "x"), ("\u2028\x85", "y")]


def test_tabs_separate_tsv(write):
    path = write("a.tsv", "text\tlabel\na, b\tc\n")
    assert rows_of(path, format="tsv") == [("a, b", "c")]


def test_a_cell_longer_than_the_csv_modules_own_limit(write):
    cell = "x" * 300_000
    previous = csv.field_size_limit(131_072)
    assert rows_of(write("a.csv", f"text,label\n{cell},y\n")) == [(cell, "y")]
    csv.field_size_limit(previous)


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_a_file_without_header_is_empty(write, raises, content):
    with raises("E102", "a.csv"):
        rows_of(write("a.csv", content))


def test_ragged_rows_are_named_by_row_and_line(write, raises):
    path = write("a.csv", 'text,label\n"two\nlines",x\na,b,c\n')
    with raises("E110", "a.csv, row 2 (line 4): 3 cells", "names 2"):
        rows_of(path)
    with raises("E110", "row 1 (line 2): 1 cells"):
        rows_of(write("b.csv", "text,label\nalone\n"))


def test_a_name_twice_in_the_header(write, raises):
    with raises("E111", "'text'"):
        rows_of(write("a.csv", "text,label,text\na,b,c\n"))


def test_an_unclosed_quote_is_not_swallowed(write, raises):
    path = write("a.csv", 'text,label\na,b\n"open,c\nd,e\n')
    with raises("E112", "row 2", "a.csv"):
        rows_of(path)
    with raises("E112", "row 1 (line 2)"):
        rows_of(write("b.csv", 'text,label\n"so" it goes,b\n'))


def test_an_unclosed_quote_takes_bounded_memory(write, raises, monkeypatch):
    monkeypatch.setattr(tabular, "LONGEST_CELL", 1000)
    path = write("a.csv", 'text,label\n"open,c\n' + "d,e\n" * 1000)
    with raises("E112", "row 1"):
        rows_of(path)
