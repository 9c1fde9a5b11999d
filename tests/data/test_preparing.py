from __future__ import annotations

import pytest
from datasets import Dataset

from isogloss.data.columns import Columns
from isogloss.data.loading import load
from isogloss.data.preparing import prepare

SEQUENCE = Columns(kind="sequence", text="body", label="stars")


def ready(rows, columns=SEQUENCE, *, labels="required", **options):
    return prepare(rows, columns, side="source", name="a.csv", labels=labels, **options)


def test_a_loaded_file(write):
    path = write("a.csv", "id,body,stars\n1,gut,5\n2, schlecht , 1\n")
    assert ready(load(path))[:] == {"text": ["gut", " schlecht "], "label": ["5", "1"]}


def test_the_users_column_names_are_in_the_message(write, raises):
    path = write("a.csv", "id,body,stars\n1,gut,5\n2,,1\n")
    with raises("E108", "a.csv, row 2: column 'body'"):
        ready(load(path))
    with raises("E108", "row 12"):
        ready(load(path), first_row=11)


def test_numbers_among_texts_are_an_error_with_the_row(write, raises):
    path = write("a.jsonl", '{"body": "gut", "stars": 1}\n{"body": 7, "stars": "2"}\n')
    with raises("E109", "a.csv, row 2: column 'body' holds a number, not text"):
        ready(load(path))
    assert ready(load(path).select([0]))[:] == {"text": ["gut"], "label": ["1"]}
    words = write("b.jsonl", '{"tokens": ["a"], "tags": ["O"]}\n{"tokens": [1], "tags": ["O"]}\n')
    with raises("E109", "row 2: column 'tokens' holds a number"):
        ready(load(words), Columns(kind="token", text="tokens", label="tags"))


def test_an_empty_label_is_an_error_unless_labels_are_dropped(write, raises):
    loaded = load(write("a.csv", "body,stars\ngut,\n"))
    with raises("E107", "a.csv, row 1"):
        ready(loaded)
    with raises("E107", "a.csv, row 1"):
        ready(loaded, labels="optional")
    assert ready(loaded, labels="drop")[:] == {"text": ["gut"]}


def test_a_data_set_without_rows(raises):
    with raises("E102", "a.csv"):
        ready(Dataset.from_dict({"body": [], "stars": []}))


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (Columns(kind="sequence", text="text"), "E105"),
        (Columns(kind="sequence", text="body", label="y"), "E106"),
        (Columns(kind="sequence", text="stars", label="body"), "E109"),
        (Columns(kind="token", text="stars", label="body"), "E128"),
        (Columns(kind="sequence", text="body", label="body"), "E129"),
        (Columns(kind="pair", text="body", label="stars"), "E130"),
    ],
)
def test_columns_that_cannot_be_read(raises, columns, code):
    with raises(code):
        ready(Dataset.from_dict({"body": ["a"], "stars": [1]}), columns)


def test_words_in_csv_and_tags_that_do_not_match(write, raises):
    columns = Columns(kind="token", text="words", label="ner")
    path = write("a.csv", "words,ner\nin Rom,O B-LOC\nin Rom,O\n")
    with raises("E114", "row 2"):
        ready(load(path), columns)
    assert ready(load(path), columns, labels="drop")[1] == {"tokens": ["in", "Rom"]}


@pytest.mark.parametrize(
    ("file", "columns", "labels"),
    [
        ("tweets/de.train.csv", Columns(kind="sequence", text="text"), 3),
        ("hotels/en.train.csv", Columns(kind="sequence", text="text", label="stars"), 5),
        ("nli/en.train.csv", Columns(kind="pair", text="premise", text_pair="hypothesis"), 3),
    ],
)
def test_real_files(real_data, file, columns, labels):
    loaded = load(real_data / file)
    prepared = ready(loaded, columns)
    assert len(prepared) == len(loaded)
    assert prepared["text"][:50] == loaded[columns.text][:50]
    assert len(set(prepared["label"])) == labels
