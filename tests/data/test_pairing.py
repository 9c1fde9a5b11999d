from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from isogloss.data.pairing import BucketBatchSampler, PairedBatchSampler, PairedDataset
from tests.helpers.rows import encoded


@pytest.fixture
def lengths() -> np.ndarray:
    return np.random.default_rng(0).integers(4, 100, 1000)


def test_bucket_epoch_has_every_example_once(lengths: np.ndarray) -> None:
    sampler = BucketBatchSampler(lengths, batch_size=16, seed=0)
    batches = list(sampler)
    assert len(batches) == len(sampler) == 63
    assert sorted(i for batch in batches for i in batch) == list(range(1000))


def test_buckets_waste_less_padding_than_chance(lengths: np.ndarray) -> None:
    def padded(sampler: BucketBatchSampler, true: np.ndarray) -> int:
        return sum(len(b) * true[b].max() for b in sampler)

    bucketed = padded(BucketBatchSampler(lengths, batch_size=16, seed=0), lengths)
    shuffled = padded(BucketBatchSampler(np.zeros(1000), batch_size=16, seed=0), lengths)
    assert bucketed < 1.1 * lengths.sum() < shuffled


@pytest.mark.parametrize("kind", ["bucket", "paired"])
def test_order_is_a_function_of_seed_and_epoch(lengths: np.ndarray, kind: str) -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        sampler: BucketBatchSampler | PairedBatchSampler
        if kind == "bucket":
            sampler = BucketBatchSampler(lengths, batch_size=16, seed=seed)
        else:
            sampler = PairedBatchSampler(lengths, lengths[:300], batch_size=16, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(0, 2) == order(0, 2)
    assert order(0, 2) != order(0, 1)
    assert order(0, 2) != order(1, 2)


def naive_batches(order: np.ndarray, lengths: np.ndarray, size: int) -> list[list[int]]:
    batches = []
    for start in range(0, len(order), 50 * size):
        stretch = sorted(order[start : start + 50 * size].tolist(), key=lambda i: lengths[i])
        batches += [stretch[i : i + size] for i in range(0, len(stretch), size)]
    return batches


def test_order_is_what_sorting_stretch_by_stretch_gives(lengths: np.ndarray) -> None:
    rng = np.random.default_rng((3, 0))
    batches = naive_batches(rng.permutation(1000), lengths, 6)
    expected = [batches[i] for i in rng.permutation(len(batches))]
    assert list(BucketBatchSampler(lengths, batch_size=6, seed=3)) == expected


def test_pairs_are_batches_of_both_sides_in_one_order(lengths: np.ndarray) -> None:
    target_lengths = lengths[:700]
    rng = np.random.default_rng((3, 0))
    source = naive_batches(rng.permutation(1000)[:996], lengths, 6)
    passes = [np.random.default_rng((3, 1, i)).permutation(700) for i in range(2)]
    target = naive_batches(np.concatenate(passes)[:996], target_lengths, 6)
    pairs = [left + [1000 + i for i in right] for left, right in zip(source, target, strict=True)]
    expected = [pairs[i] for i in rng.permutation(len(pairs))]
    assert list(PairedBatchSampler(lengths, target_lengths, batch_size=6, seed=3)) == expected


def test_pairs_have_one_half_of_each_side_and_similar_lengths(lengths: np.ndarray) -> None:
    target = np.random.default_rng(1).integers(4, 100, 700)
    sampler = PairedBatchSampler(lengths, target, batch_size=8, seed=0)
    gaps = []
    for batch in sampler:
        source_half, target_half = np.array(batch[:8]), np.array(batch[8:]) - 1000
        assert (source_half < 1000).all()
        assert (target_half >= 0).all()
        gaps.append(abs(lengths[source_half].mean() - target[target_half].mean()))
    assert len(gaps) == len(sampler) == 125
    assert np.mean(gaps) < 5


@pytest.mark.parametrize("target_size", [3, 50, 333])
def test_target_examples_come_equally_often(target_size: int) -> None:
    sampler = PairedBatchSampler(np.ones(40), np.ones(target_size), batch_size=4, seed=0)
    seen: Counter[int] = Counter()
    for epoch in range(25):
        sampler.set_epoch(epoch)
        seen.update(i for batch in sampler for i in batch if i >= 40)
    assert sum(seen.values()) == 1000
    counts = [seen[40 + i] for i in range(target_size)]
    assert max(counts) - min(counts) <= 1


def test_small_source_gives_small_batches() -> None:
    sampler = PairedBatchSampler(np.ones(3), np.ones(9), batch_size=8, seed=0)
    assert [len(batch) for batch in sampler] == [6]


def test_paired_dataset_hands_out_no_target_labels() -> None:
    source, target = encoded(5, seed=0), encoded(4, seed=1)
    pairs = PairedDataset(source, target)
    rows = pairs.__getitems__([0, 6, 2])
    assert len(pairs) == 9
    assert [row.get("is_target", False) for row in rows] == [False, False, True]
    assert rows[0]["labels"] == source[0]["labels"]
    assert "labels" not in rows[2]
    assert pairs[6]["input_ids"] == target[1]["input_ids"]
