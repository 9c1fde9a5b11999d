from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from isogloss.data.streaming import read_batches, read_schema
from isogloss.data.writing import RowWriter

NAMES = ["a.csv", "a.tsv", "a.jsonl", "a.parquet"]
BATCHES = [
    {"text": ["plain", 'a, "b"\r\nc', "d\te"], "label": ["x", "", "007"]},
    {"text": ["\u2028 ä"], "label": ["NA"]},
]


def read(path, **options):
    batches = list(read_batches(path, **options))
    return {name: [v for batch in batches for v in batch[name]] for name in batches[0]}


def write(path, batches, **options):
    with RowWriter(path, **options) as writer:
        for batch in batches:
            writer.write(batch)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_back(tmp_path, name):
    write(tmp_path / name, BATCHES)
    assert read(tmp_path / name) == {
        "text": [*BATCHES[0]["text"], *BATCHES[1]["text"]],
        "label": ["x", "", "007", "NA"],
    }


@pytest.mark.parametrize("name", NAMES)
def test_columns_have_the_order_said(tmp_path, name):
    write(tmp_path / name, BATCHES, columns=["label", "text"])
    assert list(read(tmp_path / name)) == ["label", "text"]


@pytest.mark.parametrize("name", [*NAMES, "a.conll"])
def test_a_failure_leaves_nothing(tmp_path, name):
    def fail() -> None:
        with RowWriter(tmp_path / name) as writer:
            writer.write({"tokens": [["a"]]})
            raise KeyError("of the body")

    with pytest.raises(KeyError, match="of the body"):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [*NAMES, "a.conll"])
def test_the_file_is_not_there_before_it_is_whole(tmp_path, name):
    with RowWriter(tmp_path / name) as writer:
        writer.write({"tokens": [["a"]]})
        assert not (tmp_path / name).exists()
    assert list(tmp_path.iterdir()) == [tmp_path / name]


@pytest.mark.parametrize("name", [*NAMES, "a.conll"])
@pytest.mark.parametrize("columns", [None, ["text", "label"]])
def test_no_rows_make_an_empty_file(tmp_path, name, columns):
    write(tmp_path / name, [], columns=columns)
    assert (tmp_path / name).is_file()
    if name == "a.csv":
        assert (tmp_path / name).read_text() == ("text,label\n" if columns else "")


@pytest.mark.parametrize("name", ["a.csv", "a.conll", "a.jsonl", "a.parquet"])
def test_words_and_tags_are_read_back(tmp_path, name):
    rows = {"tokens": [["New\u00a0York", "is"], ["\u200b"]], "tags": [["B-LOC", "O"], ["O"]]}
    write(tmp_path / name, [rows])
    joined = {key: [" ".join(words) for words in values] for key, values in rows.items()}
    assert read(tmp_path / name) == (joined if name == "a.csv" else rows)


def test_conll_has_the_words_and_the_last_column(tmp_path):
    rows = {"id": ["1"], "tokens": [["a", "b"]], "tags": [["O", "O"]], "predicted": [["X", "Y"]]}
    write(tmp_path / "a.conll", [rows])
    assert (tmp_path / "a.conll").read_text() == "a\tX\nb\tY\n\n"
    write(tmp_path / "b.conll", [{"words": ["a  b"], "predicted": [["X", "Y"]]}])
    assert (tmp_path / "b.conll").read_text() == "a\tX\nb\tY\n\n"
    write(tmp_path / "c.txt", [{"tokens": [["a", "b"]]}], format="conll")
    assert (tmp_path / "c.txt").read_text() == "a\nb\n\n"


def test_values_that_are_no_text(tmp_path):
    rows = {
        "n": [1, None],
        "p": np.array([0.5, 0.25], dtype=np.float32),
        "o": [{"a": [1]}, {}],
        "l": [["New York"], [None]],
        "w": [["New", "York"], []],
        "b": [True, np.int64(3)],
    }
    write(tmp_path / "a.csv", [rows])
    assert read(tmp_path / "a.csv") == {
        "n": ["1", ""],
        "p": ["0.5", "0.25"],
        "o": ['{"a": [1]}', "{}"],
        "l": ['["New York"]', "[null]"],
        "w": ["New York", ""],
        "b": ["True", "3"],
    }
    write(tmp_path / "a.jsonl", [rows])
    assert read(tmp_path / "a.jsonl") == {**rows, "p": [0.5, 0.25], "b": [True, 3]}


def test_parquet_keeps_the_types_it_is_given(tmp_path):
    schema = pa.schema([("text", pa.string()), ("stars", pa.int8()), ("late", pa.string())])
    first = {"text": ["a"], "stars": [5], "late": [None], "score": [0.5]}
    second = {"text": ["b"], "stars": [1], "late": ["x"], "score": [1]}
    write(tmp_path / "a.parquet", [first, second], schema=schema)
    kept = read_schema(tmp_path / "a.parquet")
    assert [kept.field(name).type for name in schema.names] == schema.types
    assert kept.field("score").type == pa.float64()
    assert read(tmp_path / "a.parquet")["late"] == [None, "x"]


def test_parquet_columns_that_begin_with_nothing_are_text(tmp_path):
    batches = [{"a": [None], "b": [[]]}, {"a": ["x"], "b": [["y"]]}]
    write(tmp_path / "a.parquet", batches)
    assert read(tmp_path / "a.parquet") == {"a": [None, "x"], "b": [[], ["y"]]}


def test_parquet_values_of_another_type(tmp_path, raises):
    with raises("E132", "a.parquet", "'n'"):
        write(tmp_path / "a.parquet", [{"n": [1]}, {"n": ["x"]}])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", ["New York", "a\tb", "a\n", "", None])
def test_words_that_conll_cannot_hold(tmp_path, raises, word):
    with raises("E124", "a.conll", repr(word)):
        write(tmp_path / "a.conll", [{"tokens": [["x", word]]}])


def test_conll_words_may_hold_spaces_beside_tags(tmp_path, raises):
    write(tmp_path / "a.conll", [{"tokens": [["New York"]], "tags": [["B-LOC"]]}])
    assert read(tmp_path / "a.conll")["tokens"] == [["New York"]]
    with raises("E124"):
        write(tmp_path / "a.conll", [{"tokens": [[" a"]], "tags": [["O"]]}])


@pytest.mark.parametrize("name", NAMES)
def test_batches_have_the_same_columns(tmp_path, raises, name):
    with raises("E125", name, "'other'", "'text', 'label'"):
        write(tmp_path / name, [BATCHES[0], {"text": ["a"], "other": ["b"]}])


def test_an_unknown_format_and_a_folder_that_cannot_be_made(tmp_path, raises):
    with raises("E104", "a.xyz"):
        RowWriter(tmp_path / "a.xyz")
    (tmp_path / "file").write_text("in the way")
    with raises("E121", "a.csv"):
        write(tmp_path / "file" / "a.csv", BATCHES)


def test_a_full_disk_is_named(tmp_path, raises, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with raises("E121", "a.jsonl", "No space left"), RowWriter(tmp_path / "a.jsonl") as writer:
        writer.write(BATCHES[0])
        monkeypatch.setattr(writer._rows, "write", full)
        writer.write(BATCHES[1])
    assert list(tmp_path.iterdir()) == []


def test_a_file_may_be_written_over_the_one_it_is_read_from(tmp_path):
    write(tmp_path / "a.csv", BATCHES)
    with RowWriter(tmp_path / "a.csv") as writer:
        for batch in read_batches(tmp_path / "a.csv", batch_rows=1):
            writer.write({**batch, "predicted": ["p"] * len(batch["text"])})
    assert read(tmp_path / "a.csv")["predicted"] == ["p"] * 4


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_nul_comes_back_as_it_went_in(tmp_path, name):
    write(tmp_path / name, [{"text": ["a\0b", "\0"]}])
    assert read(tmp_path / name) == {"text": ["a\0b", "\0"]}
