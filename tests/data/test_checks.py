from __future__ import annotations

import pyarrow as pa
import pytest
from datasets import Dataset, Features, Value

from isogloss.data.checks import check_rows, empty_rows


def check(rows, *, first_row=1, **shown):
    names = {column: shown.get(column, column) for column in rows.column_names}
    check_rows(rows, names=names, name="a.csv", first_row=first_row)


def sentences(tokens, tags):
    return Dataset.from_dict({"tokens": tokens, "tags": tags})


@pytest.mark.parametrize("bad", ["", " \t\n", "\u00a0", None])
@pytest.mark.parametrize("before", [0, 1, 2500])
def test_empty_texts_are_named_by_row(raises, bad, before):
    rows = Dataset.from_dict({"text": ["a"] * before + [bad, "b"]})
    with raises("E108", f"a.csv, row {before + 1}:", "'body'"):
        check(rows, text="body")


def test_both_texts_of_a_pair_are_needed(raises):
    rows = Dataset.from_dict({"text": ["a", "b"], "text_pair": ["c", ""]})
    with raises("E108", "row 2", "'text_pair'"):
        check(rows)


@pytest.mark.parametrize("bad", ["", None])
def test_empty_labels_are_named_by_row(raises, bad):
    rows = Dataset.from_dict({"text": ["a", "b"], "label": ["x", bad]})
    with raises("E107", "a.csv, row 2:"):
        check(rows)


def test_rows_may_be_counted_from_elsewhere(raises):
    with raises("E108", "row 1001:"):
        check(Dataset.from_dict({"text": [""]}), first_row=1001)


def test_columns_without_any_value(raises):
    rows = Dataset.from_dict({"text": [None]}, features=Features({"text": Value("null")}))
    with raises("E108", "row 1:"):
        check(rows)


@pytest.mark.parametrize("bad", [[], None])
def test_empty_sentences(raises, bad):
    with raises("E108", "row 2", "'words'"):
        check(sentences([["a"], bad], [["O"], []]), tokens="words")


@pytest.mark.parametrize(
    ("tags", "counts"), [([["O"], ["O"]], "2 words but 1 tags"), ([["O"], []], "2 words but 0")]
)
def test_as_many_tags_as_words(raises, tags, counts):
    with raises("E114", "a.csv, row 2:", counts):
        check(sentences([["a"], ["b", "c"]], tags))


@pytest.mark.parametrize(
    ("tokens", "tags"),
    [
        ([["a"], ["b", None]], [["O"], ["O", "O"]]),
        ([["a"], ["", "c"]], [["O"], ["O", "O"]]),
        ([["a"], ["b", "c"]], [["O"], ["O", None]]),
        ([["a"], ["b", "c"]], [["O"], [" ", "O"]]),
    ],
)
def test_missing_words_and_tags(raises, tokens, tags):
    with raises("E127", "a.csv, row 2:"):
        check(sentences(tokens, tags))


def test_good_rows_pass():
    check(sentences([["a", "\u00a0"], ["b"]], [["O", "O"], ["O"]]))
    check(Dataset.from_dict({"tokens": [["a"]]}))
    check(Dataset.from_dict({"text": ["a"], "text_pair": ["b"], "label": ["c"]}))


def test_empty_rows_of_a_table():
    texts = pa.table({"text": ["a", " ", None, "d"], "text_pair": ["", "b", "c", "d"]})
    assert empty_rows(texts).tolist() == [True, True, True, False]
    tokens = pa.table({"tokens": pa.array([["a"], [], None], pa.list_(pa.string()))})
    assert empty_rows(tokens).tolist() == [False, True, True]
