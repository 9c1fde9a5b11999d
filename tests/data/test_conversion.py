from __future__ import annotations

import datasets
import pytest
from datasets import ClassLabel, Dataset, Features, LargeList, List, Value

from isogloss.data.conversion import label_column, text_column, words_column

NAMED = {"name": "a.parquet", "column": "mine", "option": "--opt"}


def made(feature, values, column="c"):
    features = Features({column: feature, "other": Value("int64")})
    rows = {column: values, "other": list(range(len(values)))}
    return Dataset.from_dict(rows, features=features)


@pytest.mark.parametrize(
    ("feature", "values", "texts"),
    [
        (Value("string"), ["b", "a"], ["b", "a"]),
        (Value("string"), [" b", "a\t", None], ["b", "a", None]),
        (Value("large_string"), ["b "], ["b"]),
        (ClassLabel(names=["no", "yes"]), [1, 0, -1], ["yes", "no", None]),
        (Value("int64"), [5, -1, None], ["5", "-1", None]),
        (Value("float64"), [5.0, 2.5, float("nan")], ["5", "2.5", None]),
        (Value("bool"), [True, False], ["True", "False"]),
        (Value("null"), [None, None], [None, None]),
    ],
)
def test_labels_become_text(feature, values, texts):
    view = label_column(made(feature, values), "c", **NAMED)
    assert view["c"][:] == texts
    assert view.features["c"] == Value("string")
    assert view["other"][:] == list(range(len(values)))


def test_labels_that_are_lists(raises):
    with raises("E109", "a.parquet", "'mine'", "lists of numbers", "--opt"):
        label_column(made(List(Value("int64")), [[1]]), "c", **NAMED)


@pytest.mark.parametrize(
    ("feature", "values", "found"),
    [
        (Value("int64"), [1], "numbers"),
        (Value("bool"), [True], "true or false"),
        (ClassLabel(names=["a"]), [0], "numbers"),
        (List(Value("string")), [["a"]], "lists of text"),
        ({"a": Value("string")}, [{"a": "x"}], "objects"),
        (Value("binary"), [b"x"], "values of type binary"),
    ],
)
def test_texts_that_are_none(raises, feature, values, found):
    with raises("E109", "row 1", "'mine'", found, "--opt"):
        text_column(made(feature, values), "c", **NAMED)


def test_the_first_row_with_a_value_is_named(raises):
    with raises("E109", "row 3:"):
        text_column(made(Value("int64"), [None, None, 7, 8]), "c", **NAMED)


@pytest.mark.parametrize("kind", ["string", "large_string", "null"])
def test_texts_are_left_as_they_are(kind):
    rows = made(Value(kind), [None] if kind == "null" else [" a "])
    assert text_column(rows, "c", **NAMED) is rows


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        (Value("string"), ["New  York\n is", "", None]),
        (List(Value("string")), [["New", "York", "is"], [], None]),
        (LargeList(Value("string")), [["New", "York", "is"], [], None]),
        (List(Value("large_string")), [["New", "York", "is"], [], None]),
    ],
)
def test_words_become_lists(feature, values):
    view = words_column(made(feature, values, "tokens"), "tokens", **NAMED)
    assert [row or [] for row in view["tokens"]] == [["New", "York", "is"], [], []]
    assert view.features["tokens"] == List(Value("string"))


def test_a_no_break_space_does_not_cut():
    view = words_column(made(Value("string"), ["5\u00a0km weit"], "tokens"), "tokens", **NAMED)
    assert view["tokens"][:] == [["5\u00a0km", "weit"]]


@pytest.mark.parametrize(
    ("feature", "values", "tags"),
    [
        (List(ClassLabel(names=["O", "B-X"])), [[1, 0], []], [["B-X", "O"], []]),
        (List(Value("string")), [["O", None]], [["O", None]]),
        (List(Value("int32")), [[3]], [["3"]]),
        (Value("string"), ["O  B-X"], [["O", "B-X"]]),
    ],
)
def test_tags_become_lists_of_text(feature, values, tags):
    view = words_column(made(feature, values, "tags"), "tags", **NAMED)
    assert view["tags"][:] == tags


@pytest.mark.parametrize(
    ("column", "feature", "values", "found"),
    [
        ("tokens", Value("int64"), [1], "numbers"),
        ("tokens", List(Value("int64")), [[1]], "lists of numbers"),
        ("tags", List(List(Value("string"))), [[["O"]]], "lists of lists of text"),
        ("tags", {"a": Value("string")}, [{"a": "O"}], "objects"),
    ],
)
def test_words_that_are_none(raises, column, feature, values, found):
    with raises("E128", "a.parquet", "'mine'", found):
        words_column(made(feature, values, column), column, **NAMED)


@pytest.mark.parametrize("shown", [True, False])
def test_nothing_is_shown_and_the_setting_stays(capfd, shown):
    datasets.enable_progress_bars() if shown else datasets.disable_progress_bars()
    label_column(made(Value("int64"), [1, 2]), "c", **NAMED)
    assert datasets.are_progress_bars_disabled() is not shown
    datasets.enable_progress_bars()
    assert capfd.readouterr() == ("", "")
