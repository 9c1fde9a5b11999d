from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from isogloss.data import loading
from isogloss.data.fingerprints import fingerprint
from isogloss.errors import IsoglossError
from isogloss.recipes.config import RunConfig
from isogloss.recipes.inputs import EncodedData, encode, read, split_held_out
from isogloss.recipes.workshop import class_shares, rows_per_example, sample
from tests.helpers.models import tiny_tokenizer
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


@pytest.mark.parametrize("token_task", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.37])
def test_hold_out_is_what_sorting_the_labels_gives(token_task: bool, share: float) -> None:
    data = encoded(203, seed=5, token_task=token_task)
    shuffled = np.random.default_rng((7, 2)).permutation(203)
    ordered = sorted(shuffled.tolist(), key=lambda i: tuple(data[i]["labels"]))
    wanted = round(203 * share)
    expected = sorted(ordered[int((i + 0.5) * 203 / wanted)] for i in range(wanted))
    held_out = split_held_out(data, share=share, seed=7)[1]
    assert held_out["input_ids"][:] == data.select(expected)["input_ids"][:]


def test_no_hold_out_is_the_whole_on_both_sides() -> None:
    data = encoded(10, seed=0)
    train, held_out = split_held_out(data, share=0.0, seed=0)
    assert train is data
    assert held_out is data


def test_too_small_a_hold_out() -> None:
    with pytest.raises(IsoglossError) as caught:
        split_held_out(encoded(10, seed=0), share=0.1, seed=0)
    assert caught.value.code == "E523"


def test_used_ids_are_all_that_occur() -> None:
    parts = [encoded(30, seed=seed, shift=seed) for seed in range(3)]
    train, held_out = split_held_out(parts[0], share=0.3, seed=0)
    data = EncodedData(train=train, held_out=held_out, target=parts[1], test=parts[2])
    expected = sorted({i for part in parts for ids in part["input_ids"] for i in ids})
    assert data.used_ids().tolist() == expected


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


def test_reading_from_the_hub(monkeypatch: pytest.MonkeyPatch, files: dict[str, Any]) -> None:
    rows = Dataset.from_dict({"text": ["gut", "schlecht"]})
    monkeypatch.setattr(loading, "load_from_hub", lambda where: rows)
    config = RunConfig.from_dict({**files, "target": "owner/name", "test": None})
    data = read(config, {})
    assert data.target["text"][:] == ["gut", "schlecht"]
    assert data.fingerprints == {
        "source": fingerprint(files["source"]),
        "target": fingerprint(rows),
    }


@pytest.mark.parametrize("recipe", ["iwda", "supervised", "bilingual"])
def test_encoding_from_the_cache_is_encoding(
    files: dict[str, Any], tmp_path: Path, recipe: str
) -> None:
    labelled = {**files, "target": files["test"], "test": None, "recipe": recipe}
    config = RunConfig.from_dict(labelled).resolved()
    data = read(config, {})
    settings: dict[str, Any] = {"max_length": 32}
    plain = encode(data, config, tiny_tokenizer(), **settings)
    for _ in range(2):
        kept = encode(data, config, tiny_tokenizer(), **settings, cache=tmp_path / "cache")
        for side in ("train", "held_out", "target"):
            assert getattr(kept, side).to_dict() == getattr(plain, side).to_dict()
        assert kept.used_ids().tolist() == plain.used_ids().tolist()
