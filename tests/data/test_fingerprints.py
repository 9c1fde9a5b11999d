from __future__ import annotations

import hashlib

import datasets

from isogloss.data.fingerprints import fingerprint


def test_a_files_is_the_sha256_of_its_bytes(write):
    content = b"text\n" + b"a\n" * 1_000_000
    assert fingerprint(write("a.csv", content)) == hashlib.sha256(content).hexdigest()


def test_a_data_sets_depends_on_its_content_only():
    rows = datasets.Dataset.from_dict({"a": [str(i) for i in range(2500)], "b": [[1]] * 2500})
    print_of = fingerprint(rows)
    chunked = datasets.concatenate_datasets(
        [rows.select(range(700)), rows.select(range(700, 2500))]
    )
    assert fingerprint(chunked) == print_of
    reversed_twice = rows.select(range(2499, -1, -1)).select(range(2499, -1, -1))
    assert fingerprint(reversed_twice) == print_of
    assert len(print_of) == 64


def test_a_data_sets_changes_with_rows_order_and_names():
    rows = datasets.Dataset.from_dict({"a": ["x", "y"]})
    others = [
        rows.select([1, 0]),
        rows.select([0]),
        rows.rename_column("a", "b"),
        datasets.Dataset.from_dict({"a": ["x", "z"]}),
    ]
    assert len({fingerprint(each) for each in [rows, *others]}) == 5


def test_a_file_that_is_not_there(tmp_path, raises):
    with raises("E101"):
        fingerprint(tmp_path / "no.csv")
