from __future__ import annotations

import numpy as np
import pytest
from datasets import Dataset, concatenate_datasets

from isogloss.data import scans


def rows(lists: list[list[int]]) -> Dataset:
    return Dataset.from_dict({"lists": lists, "length": [len(found) for found in lists]})


def views() -> dict[str, Dataset]:
    rng = np.random.default_rng(0)
    lists = [rng.integers(0, 3, size=rng.integers(0, 4)).tolist() for _ in range(60)]
    whole, middle = rows(lists), rows(lists).select(range(10, 50))
    return {
        "whole": whole,
        "slice": middle,
        "ascending": whole.select([0, 3, 4, 59]),
        "shuffled": middle.select(rng.permutation(40)),
        "with repeats": whole.select([5, 1, 5]),
        "chunks": concatenate_datasets([whole, rows([[2], []]), middle]),
        "of chunks": concatenate_datasets([whole, middle]).select([99, 2, 61, 60, 0]),
        "empty": whole.select([]),
    }


@pytest.mark.parametrize("name", views())
def test_scans_see_what_python_sees(name: str) -> None:
    view = views()[name]
    values = view["lists"][:]
    assert scans.numbers(view, "length").tolist() == view["length"][:]
    flat = [item for found in scans.items(view, "lists") for item in found.tolist()]
    assert sorted(flat) == sorted(item for found in values for item in found)
    assert scans.mean_length(view, "lists") == len(flat) / max(1, len(values))
    different = sorted({tuple(found) for found in values})
    expected = [different.index(tuple(found)) for found in values]
    assert scans.ranks(view, "lists").tolist() == expected


def test_lists_of_an_ascending_view_keep_their_order() -> None:
    view = concatenate_datasets([rows([[1], [2, 3], []]), rows([[4], [5]])]).select([1, 2, 4])
    assert [found.to_pylist() for found in scans.lists(view, "lists")] == [[[2, 3], []], [[5]]]


def test_ranks_of_large_numbers() -> None:
    values = [[256], [1, 500], [1], [255], [70_000], [], [1, 2], [256]]
    assert scans.ranks(rows(values), "lists").tolist() == [5, 3, 1, 4, 6, 0, 2, 5]
