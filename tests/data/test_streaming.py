from __future__ import annotations

import tracemalloc

import datasets
import pyarrow as pa
import pytest

from isogloss.data.streaming import read_batches, read_schema, to_dataset
from isogloss.data.writing import RowWriter

ROWS = {"text": [f"Satz {i}, «ja»" for i in range(7)], "label": [f"{i:03}" for i in range(7)]}


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_same_rows_from_every_format(tmp_path, name):
    with RowWriter(tmp_path / name) as writer:
        writer.write(ROWS)
    batches = list(read_batches(tmp_path / name, batch_rows=3))
    assert [len(batch["text"]) for batch in batches] == [3, 3, 1]
    assert {key: [v for b in batches for v in b[key]] for key in batches[0]} == ROWS
    assert read_schema(tmp_path / name) == pa.schema(
        [("text", pa.string()), ("label", pa.string())]
    )


def test_conll_has_tokens_and_tags(write):
    path = write("a.txt", "Peter B-PER\n")
    assert list(read_batches(path, format="conll")) == [
        {"tokens": [["Peter"]], "tags": [["B-PER"]]}
    ]
    assert read_schema(path, format="conll").names == ["tokens", "tags"]


def test_paths_are_checked(tmp_path, write, raises):
    with raises("E101"):
        next(read_batches(tmp_path / "no.csv"))
    with raises("E126"):
        read_schema(tmp_path)
    with raises("E104"):
        next(read_batches(write("a.txt", "x")))


@pytest.mark.parametrize(
    ("name", "head", "row"),
    [
        ("a.csv", "text,label\n", "{x},pos\n"),
        ("a.jsonl", "", '{{"text": "{x}", "label": "pos"}}\n'),
        ("a.conll", "", "{x}\tO\n\n"),
    ],
)
def test_memory_does_not_grow_with_the_file(write, name, head, row):
    def peak(rows: int) -> int:
        path = write(name, head + row.format(x="x" * 200) * rows)
        tracemalloc.start()
        assert sum(len(next(iter(b.values()))) for b in read_batches(path, batch_rows=50)) == rows
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return taken

    peak(500)
    assert peak(20_000) < peak(2_000) * 1.5


def test_a_batch_as_a_data_set_with_the_files_types(tmp_path):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    rows = {"text": ["a", "b"], "label": [1, 0]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    (batch,) = read_batches(tmp_path / "a.parquet")
    assert batch == rows
    made = to_dataset(batch, read_schema(tmp_path / "a.parquet"))
    assert made.features == features


def test_a_batch_as_a_data_set_with_types_of_its_own():
    made = to_dataset({"a": ["x", None], "b": [1, "2"], "c": [["u"], []]})
    assert made[:] == {"a": ["x", None], "b": ["1", "2"], "c": [["u"], []]}
