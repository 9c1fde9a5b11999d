from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.recipes.inputs import split_held_out
from isogloss.recipes.workshop import class_shares, rows_per_example, sample
from tests.helpers.rows import encoded


def test_hold_out_is_disjoint_whole_and_repeatable() -> None:
    data = encoded(101, seed=0)
    train, held_out = split_held_out(data, share=0.2, seed=0)
    assert (len(train), len(held_out)) == (81, 20)
    ids = Counter(map(tuple, train["input_ids"])) + Counter(map(tuple, held_out["input_ids"]))
    assert ids == Counter(map(tuple, data["input_ids"]))
    again = split_held_out(data, share=0.2, seed=0)[1]
    assert again["input_ids"] == held_out["input_ids"]
    other = split_held_out(data, share=0.2, seed=1)[1]
    assert other["input_ids"] != held_out["input_ids"]


def test_hold_out_shares_the_classes_fairly() -> None:
    data = encoded(400, seed=0, prior=[0.9, 0.07, 0.03])
    train, held_out = split_held_out(data, share=0.25, seed=3)
    gap = np.abs(class_shares(train, 3) - class_shares(held_out, 3)).max()
    assert gap < 0.02


def test_hold_out_of_tagged_sentences() -> None:
    train, held_out = split_held_out(encoded(60, seed=0, token_task=True), share=0.3, seed=0)
    assert (len(train), len(held_out)) == (42, 18)


def test_no_hold_out_is_the_whole_on_both_sides() -> None:
    data = encoded(10, seed=0)
    train, held_out = split_held_out(data, share=0.0, seed=0)
    assert train is data
    assert held_out is data


def test_too_small_a_hold_out() -> None:
    with pytest.raises(IsoglossError) as caught:
        split_held_out(encoded(10, seed=0), share=0.1, seed=0)
    assert caught.value.code == "E523"


def test_class_shares_and_rows() -> None:
    data = encoded(50, seed=0, token_task=True)
    flat = np.concatenate(data["labels"])
    np.testing.assert_allclose(class_shares(data, 3), np.bincount(flat, minlength=3) / len(flat))
    assert rows_per_example(data) == pytest.approx(len(flat) / 50)


def test_sample_keeps_order_and_bound() -> None:
    data = encoded(50, seed=0)
    assert sample(data, 50, 0) is data
    few = sample(data, 7, 0)
    places = [data["input_ids"].index(ids) for ids in few["input_ids"]]
    assert len(few) == 7
    assert places == sorted(places)
