from __future__ import annotations

import pyarrow as pa
import pytest

from isogloss.data.arrow_types import read_mark, unmarked
from isogloss.data.jsonlines import read_json_lines, read_json_schema


def columns_of(path):
    batches = list(read_json_lines(path, batch_rows=2))
    return {name: [v for batch in batches for v in batch[name]] for name in batches[0]}


def test_missing_keys_are_null_in_every_batch(write):
    path = write("a.jsonl", '{"text": "a"}\n\n{"text": "b"}\r\n{"label": 1, "text": null}\n')
    assert columns_of(path) == {"text": ["a", "b", None], "label": [None, None, 1]}
    assert read_json_schema(path) == pa.schema([("text", pa.string()), ("label", pa.int64())])


def test_values_keep_their_kind(write):
    path = write("a.jsonl", '\ufeff{"a": ["x", "y"], "b": {"c": 1}, "d": 1.5}\n')
    assert columns_of(path) == {"a": [["x", "y"]], "b": [{"c": 1}], "d": [1.5]}


def test_types_are_found_over_the_whole_file(write):
    path = write("a.jsonl", '{"a": 1, "b": []}\n' * 1500 + '{"a": "x", "b": ["y"]}\n')
    assert read_json_schema(path) == pa.schema([("a", pa.string()), ("b", pa.list_(pa.string()))])


@pytest.mark.parametrize(
    "line", ['"text"', "3", "null", "{'text': 1}", '{"text": "a"', "no", "[" * 100_000]
)
def test_lines_that_are_no_object(write, raises, line):
    with raises("E115", "a.jsonl, line 3"):
        columns_of(write("a.jsonl", f'{{"text": "a"}}\n\n{line}\n'))


def test_one_array_is_told_from_json_lines(write, raises):
    with raises("E115", "a.json, line 1", "a list begins here", "one object a line"):
        columns_of(write("a.json", '\n [{"text": "a"}]'))


@pytest.mark.parametrize("content", ["", "\n\n", "{}\n"])
def test_no_rows(write, raises, content):
    with raises("E102", "a.jsonl"):
        columns_of(write("a.jsonl", content))


@pytest.mark.parametrize("before", [1, 1200])
def test_lists_and_single_values_in_one_column(write, raises, before):
    path = write("a.jsonl", '{"a": ["x"]}\n' * before + '{"a": null}\n{"a": "y"}\n')
    with raises("E116", f"row {before + 2}:", "'a'"):
        columns_of(path)


def test_a_value_that_is_no_text_is_marked_with_its_row(write):
    rows = ['{"a": "x", "b": ["u"], "c": 1}'] * 1200
    rows[1100] = '{"a": 2, "b": ["u", true], "c": 1}'
    schema = read_json_schema(write("a.jsonl", "\n".join(rows)))
    assert read_mark(schema.field("a")) == (1101, 1200, "a number")
    assert read_mark(schema.field("b")) == (1101, 1200, "true or false")
    assert read_mark(schema.field("c")) is None
    assert read_mark(unmarked(schema.field("a"))) is None


def test_half_a_character(write, raises):
    whole = r'{"text": "\ud83d\ude00"}' + "\n"
    assert columns_of(write("a.jsonl", whole)) == {"text": ["\U0001f600"]}
    with raises("E123", "row 2"):
        columns_of(write("b.jsonl", whole + r'{"text": "cut \uD83D"}'))
