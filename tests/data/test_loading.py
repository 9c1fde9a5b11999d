from __future__ import annotations

import datasets
import pytest

from isogloss.data import loading
from isogloss.data.loading import check_different_files, load, name_of
from isogloss.data.writing import RowWriter

ROWS = {"text": ["eins", "zwei\nZeilen"], "label": ["NA", "007"]}


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_every_format_gives_the_same_rows(tmp_path, name):
    with RowWriter(tmp_path / name) as writer:
        writer.write(ROWS)
    loaded = load(str(tmp_path / name))
    assert loaded[:] == ROWS
    assert loaded.features == {name: datasets.Value("string") for name in ROWS}


def test_conll_by_ending_and_by_format(write):
    content = "Peter\tB-PER\n"
    expected = {"tokens": [["Peter"]], "tags": [["B-PER"]]}
    assert load(write("a.iob2", content))[:] == expected
    assert load(write("a.txt", content), format="conll")[:] == expected
    assert load(write("b.conll", "Peter\n")).column_names == ["tokens"]


def test_class_names_in_parquet_survive(tmp_path):
    features = datasets.Features({"label": datasets.ClassLabel(names=["no", "yes"])})
    rows = datasets.Dataset.from_dict({"label": [1, 0]}, features=features)
    rows.to_parquet(tmp_path / "a.parquet")
    assert load(tmp_path / "a.parquet").features == features


def test_json_columns_of_mixed_values_do_not_stand_in_the_way(write):
    path = write("a.jsonl", '{"text": "a", "id": 1}\n{"text": "b", "id": "x", "more": {"k": []}}\n')
    assert load(path)[:] == {
        "text": ["a", "b"],
        "id": ["1", "x"],
        "more": [None, '{"k": []}'],
    }


def test_a_data_set_is_passed_through():
    rows = datasets.Dataset.from_dict(ROWS)
    assert load(rows) is rows


def test_a_file_comes_before_the_hub(write, monkeypatch):
    path = write("a", "text\nx\n")
    monkeypatch.chdir(path.parent.parent)
    monkeypatch.setattr(loading, "load_from_hub", pytest.fail)
    assert load(f"{path.parent.name}/a", format="csv")[:] == {"text": ["x"]}


def test_an_id_goes_to_the_hub(monkeypatch, raises):
    rows = datasets.Dataset.from_dict(ROWS)
    monkeypatch.setattr(loading, "load_from_hub", lambda where: rows)
    assert load("owner/name:de@test") is rows
    monkeypatch.setattr(loading, "load_from_hub", lambda where: datasets.DatasetDict(a=rows))
    with raises("E120", "DatasetDict"):
        load("owner/name")


def test_what_is_no_data_set(raises, tmp_path):
    with raises("E120", "DatasetDict", "one split"):
        load(datasets.DatasetDict())
    with raises("E120", "list"):
        load(["a"])
    with raises("E101", "no.csv"):
        load("data/no.csv")
    with raises("E101"):
        load(tmp_path / "owner")
    with raises("E126"):
        load(tmp_path)


def test_an_unknown_ending_and_an_empty_file(write, raises):
    with raises("E104", "a.xyz"):
        load(write("a.xyz", "x"))
    with raises("E102", "a.csv"):
        load(write("a.csv", ""))


def test_names(tmp_path):
    assert name_of(tmp_path / "reviews.de.csv") == "reviews.de.csv"
    assert name_of("owner/name:de@test") == "owner/name:de@test"
    assert name_of(datasets.Dataset.from_dict({}), default="the target") == "the target"


def test_source_and_target_differ(write, raises):
    source, target = write("en.csv", "text\na\n"), write("de.csv", "text\nb\n")
    rows = datasets.Dataset.from_dict(ROWS)
    check_different_files(source, target)
    check_different_files(rows, rows.select([1, 0]))
    check_different_files("owner/name@train", "owner/name@test")
    check_different_files(source, rows)
    with raises("E119", "en.csv", "copy.csv"):
        check_different_files(source, write("copy.csv", source.read_bytes()))
    with raises("E119"):
        check_different_files(rows, datasets.Dataset.from_dict(ROWS))
    with raises("E119", "owner/name"):
        check_different_files("owner/name", "owner/name")


@pytest.mark.parametrize(
    ("file", "rows", "columns"),
    [
        ("tweets/ar.train.csv", 1839, ["text", "label"]),
        ("hotels/es.test.csv", 338, ["text", "stars"]),
        ("nli/sw.validation.csv", 2490, ["premise", "hypothesis", "label"]),
        ("wikiann/ur.validation.conll", 1000, ["tokens", "tags"]),
    ],
)
def test_real_files(real_data, file, rows, columns):
    loaded = load(real_data / file)
    assert len(loaded) == rows
    assert loaded.column_names == columns
