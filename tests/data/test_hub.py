from __future__ import annotations

import datasets
import pytest

from isogloss.data.hub import is_hub_id, load_from_hub


@pytest.mark.parametrize(
    "where", ["owner/name", "owner/na.me_1:de", "o-w/name@test", "owner/name:de@train[:10%]"]
)
def test_ids(where):
    assert is_hub_id(where)


@pytest.mark.parametrize(
    "where",
    [
        "name",
        "data/reviews.csv",
        "./owner/name",
        "../name",
        "a/b/c",
        "/owner/name",
        "a/b.CONLL",
        "",
    ],
)
def test_paths(where):
    assert not is_hub_id(where)


@pytest.mark.parametrize(
    ("where", "asked"),
    [
        ("owner/name", ("owner/name", None, "train")),
        ("owner/name:de", ("owner/name", "de", "train")),
        ("owner/name:de@test", ("owner/name", "de", "test")),
        ("owner/name@train[:10%]", ("owner/name", None, "train[:10%]")),
    ],
)
def test_what_the_hub_is_asked_for(monkeypatch, where, asked):
    calls = []
    rows = datasets.Dataset.from_dict({"text": ["a"]})

    def load_dataset(name, config=None, *, split):
        calls.append((name, config, split))
        return rows

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert load_from_hub(where) is rows
    assert calls == [asked]


def test_the_hubs_reason_is_given_on_one_line(monkeypatch, raises):
    def load_dataset(*_, **__):
        raise ConnectionError("Couldn't reach the hub\nwith many\nlines")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with raises("E118", "owner/name", "Couldn't reach the hub", "split"):
        load_from_hub("owner/name")


def test_offline_without_a_stub(raises):
    with raises("E118", "owner/surely-not-there"):
        load_from_hub("owner/surely-not-there")
