from __future__ import annotations

import os

import pytest

from isogloss.data.formats import existing_file, format_of, listed


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.csv", "csv"),
        ("a.TSV", "tsv"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.json", "jsonl"),
        ("a.jsonlines", "jsonl"),
        ("a.parquet", "parquet"),
        ("de.train.conll", "conll"),
        ("a.bio", "conll"),
        ("a.iob", "conll"),
        ("a.iob2", "conll"),
    ],
)
def test_the_ending_tells_the_format(name, format):
    assert format_of(name) == format


def test_a_given_format_comes_before_the_ending():
    assert format_of("a.txt", format="CoNLL") == "conll"
    assert format_of("a.csv", format="tsv") == "tsv"


@pytest.mark.parametrize(("name", "format"), [("a.txt", None), ("a", None), ("a.csv", "xml")])
def test_an_unknown_format_is_an_error(name, format, raises):
    with raises("E104", name, "csv", "parquet", ".ndjson"):
        format_of(name, format=format)


def test_paths_that_are_no_readable_file(tmp_path, write, raises, monkeypatch):
    with raises("E101", "nowhere.csv"):
        existing_file(tmp_path / "nowhere.csv")
    with raises("E126", str(tmp_path)):
        existing_file(tmp_path)
    path = write("locked.csv", "a")
    assert existing_file(str(path)) == path
    monkeypatch.setattr(os, "access", lambda *_: False)
    with raises("E131", "locked.csv"):
        existing_file(path)


def test_listed_quotes_names():
    assert listed(["a", "b c"]) == "'a', 'b c'"
    assert listed([]) == "none"
