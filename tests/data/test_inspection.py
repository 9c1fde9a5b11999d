from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from datasets import Dataset

from isogloss.data.columns import Columns
from isogloss.data.inspection import inspect_pair
from isogloss.data.loading import load
from tests.helpers.tokenizers import wordpiece_tokenizer

COLUMNS = Columns(kind="sequence", text="body")
SOURCE = Dataset.from_dict(
    {"body": ["ab", "ab cd", "", "ab", None], "label": ["pos", "neg", "pos", "pos", ""]}
)
TARGET = Dataset.from_dict({"body": ["ab", "€ € cd", "cd"], "label": ["neg", "mixed", "neg"]})


def test_what_stands_out_is_counted_not_refused():
    report = inspect_pair(SOURCE, TARGET, task_columns=COLUMNS)
    assert report.source.rows == 5
    assert report.source.empty_rows == 2
    assert report.source.repeated_rows == 1
    assert report.source.labels == {"pos": 3, "neg": 1}
    assert report.source.unlabelled == 1
    assert report.target.labels == {"neg": 2, "mixed": 1}
    assert report.shared_rows == 1
    assert report.only_in_source == ["pos"]
    assert report.only_in_target == ["mixed"]
    assert report.target.word_pieces is None
    assert report.target.truncated is None


def test_a_tokenizer_counts_pieces():
    tokenizer = wordpiece_tokenizer(["ab cd"])
    report = inspect_pair(SOURCE, TARGET, task_columns=COLUMNS, tokenizer=tokenizer, max_length=3)
    assert report.target.word_pieces["100"] == 5
    assert report.target.unknown_share == pytest.approx(2 / 5)
    assert report.target.truncated == 1
    assert report.source.truncated == 1
    assert report.max_length == 3


def test_percentiles_are_numpys():
    rows = Dataset.from_dict({"body": ["w " * n for n in range(1, 102)]})
    words = inspect_pair(rows, TARGET, task_columns=COLUMNS).source.words
    expected = np.percentile(np.arange(1, 102), [5, 25, 50, 75, 95, 100])
    assert list(words) == ["5", "25", "50", "75", "95", "100"]
    assert list(words.values()) == pytest.approx(list(expected))


def test_a_target_without_labels():
    report = inspect_pair(SOURCE, TARGET.remove_columns("label"), task_columns=COLUMNS)
    assert report.target.labels is None
    assert report.target.unlabelled is None
    assert report.only_in_source == report.only_in_target == []


def test_tags_are_counted_by_word():
    source = Dataset.from_dict({"tokens": [["a", "b"], []], "tags": [["O", "B-X"], []]})
    target = Dataset.from_dict({"tokens": ["a b", "c"], "tags": ["O O", "O"]})
    columns = Columns(kind="token", text="tokens", label="tags")
    report = inspect_pair(source, target, task_columns=columns)
    assert report.source.labels == {"O": 1, "B-X": 1}
    assert report.source.empty_rows == 1
    assert report.target.labels == {"O": 3}
    assert report.only_in_source == ["B-X"]
    assert report.shared_rows == 1


def test_no_rows_at_all():
    report = inspect_pair(SOURCE, TARGET.select([]), task_columns=COLUMNS)
    assert report.target.rows == 0
    assert report.target.words == {}
    assert report.target.labels == {}


def test_a_missing_column_is_refused_by_the_name_given(raises):
    other = TARGET.rename_column("body", "text")
    with raises("E105", "de.csv", "'body'"):
        inspect_pair(SOURCE, other, task_columns=COLUMNS, target_name="de.csv")


def test_the_report_is_json(real_data):
    sides = [load(real_data / "hotels" / f"{language}.train.csv") for language in ("en", "es")]
    columns = Columns(kind="sequence", text="text", label="stars")
    report = inspect_pair(*sides, task_columns=columns, tokenizer=wordpiece_tokenizer())
    found = json.loads(json.dumps(dataclasses.asdict(report)))
    assert found["source"]["rows"] == 1359
    assert sum(found["target"]["labels"].values()) == 1173
