from __future__ import annotations

import pytest
from datasets import Dataset

from isogloss.data.canonical import arrow_batches, canonical
from isogloss.data.columns import Columns

ROWS = Dataset.from_dict({"id": [1, 2], "body": ["a", "b"], "stars": [5, 1], "title": ["t", "u"]})
SEQUENCE = Columns(kind="sequence", text="body", label="stars")
PAIR = Columns(kind="pair", text="title", text_pair="body", label="stars")


def view(rows=ROWS, columns=SEQUENCE, *, labels="required", name="a.csv", side="source"):
    return canonical(rows, columns, side=side, name=name, labels=labels)


def test_only_the_canonical_columns_are_kept():
    assert view()[:] == {"text": ["a", "b"], "label": ["5", "1"]}
    expected = {"text": ["t", "u"], "text_pair": ["a", "b"], "label": ["5", "1"]}
    assert view(columns=PAIR)[:] == expected


def test_columns_may_bear_each_others_names():
    rows = Dataset.from_dict({"label": ["a text"], "text": ["a label"]})
    columns = Columns(kind="sequence", text="label", label="text")
    assert view(rows, columns)[:] == {"text": ["a text"], "label": ["a label"]}


def test_labels_are_dropped_or_kept_as_said():
    without = Columns(kind="sequence", text="body", label="rating")
    assert view(labels="drop").column_names == ["text"]
    assert view(labels="optional").column_names == ["text", "label"]
    assert view(columns=without, labels="optional").column_names == ["text"]
    none = Columns(kind="sequence", text="body", label=None)
    assert view(columns=none, labels="optional").column_names == ["text"]


def test_rows_of_a_selection_in_a_users_format():
    rows = ROWS.select([1, 0]).with_format("numpy")
    assert view(rows)[:] == {"text": ["b", "a"], "label": ["1", "5"]}


def test_words_and_tags():
    rows = Dataset.from_dict({"words": ["New York"], "ner": ["B-LOC I-LOC"]})
    columns = Columns(kind="token", text="words", label="ner")
    assert view(rows, columns)[:] == {"tokens": [["New", "York"]], "tags": [["B-LOC", "I-LOC"]]}


@pytest.mark.parametrize(
    ("columns", "missing", "option"),
    [
        (Columns(kind="sequence", text="text"), "'text'", "--text."),
        (Columns(kind="pair", text="body", text_pair="other"), "'other'", "--text-pair."),
        (Columns(kind="token", text="tokens", label="tags"), "'tokens'", "--text."),
    ],
)
def test_a_missing_column(raises, columns, missing, option):
    present = "'id', 'body', 'stars', 'title'"
    with raises("E105", "reviews.csv", missing, present, option):
        view(columns=columns, name="reviews.csv")


def test_the_sentence_for_a_missing_column(raises):
    rows = ROWS.select_columns(["body", "stars"])
    sentence = (
        "E105: reviews.de.csv has no column 'text'; it has 'body', 'stars'; "
        "name the right one with --text."
    )
    with raises("E105", sentence):
        view(rows, Columns(kind="sequence", text="text"), name="reviews.de.csv")


@pytest.mark.parametrize(("label", "shown"), [("rating", "'rating'"), (None, "'label'")])
def test_missing_labels_where_they_are_needed(raises, label, shown):
    columns = Columns(kind="sequence", text="body", label=label)
    with raises("E106", "a.csv", shown, "the test needs", "'stars'", "--label"):
        view(columns=columns, side="test")


@pytest.mark.parametrize(("name", "wanted"), [("a.csv", "commas"), ("a.tsv", "tabs")])
def test_a_file_with_another_separator(raises, name, wanted):
    rows = Dataset.from_dict({"text;label": ["a;b"]})
    with raises("E122", name, "'text;label'", wanted):
        view(rows, Columns(kind="sequence", text="text"), name=name)


def test_one_column_for_two_things(raises):
    with raises("E129", "'body'"):
        view(columns=Columns(kind="sequence", text="body", label="body"))
    with raises("E129", "'body'"):
        view(columns=Columns(kind="pair", text="body", text_pair="body"), labels="drop")


def test_a_pair_without_a_second_column(raises):
    with raises("E130", "--text-pair"):
        view(columns=Columns(kind="pair", text="body", label="stars"))


def test_arrow_batches_follow_the_order_of_rows():
    rows = Dataset.from_dict({"a": list(range(10))}).select(range(9, -1, -1))
    tables = list(arrow_batches(rows, rows=4))
    assert [table.num_rows for table in tables] == [4, 4, 2]
    assert [value for table in tables for value in table["a"].to_pylist()] == list(range(9, -1, -1))
