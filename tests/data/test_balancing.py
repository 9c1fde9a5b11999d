from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from datasets import Dataset

from isogloss.data import scans
from isogloss.data.balanced_batches import BalancedBatchSampler, DrawnSide
from isogloss.data.balancing import (
    MOST_REPEATS,
    Shares,
    among,
    balanced,
    draw,
    even_sentences,
    plain,
    pooled,
)

LABELS = np.repeat([0, 1, 2], [60, 25, 15])
SINGLE = np.ones(100, dtype=np.int64)


def sentences(seed: int = 0, size: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Words of three classes, the first half of all and in nearly every sentence."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(1, 15, size)
    lean = rng.dirichlet([2.0, 0.6, 0.3], size)
    labels = [rng.choice(3, n, p=p) for n, p in zip(rows, lean, strict=True)]
    return np.concatenate(labels), rows


def test_each_class_has_the_same_share_and_its_examples_equal_parts() -> None:
    shares = balanced(LABELS, SINGLE, 3)
    np.testing.assert_allclose(np.bincount(LABELS, weights=shares.examples), 1 / 3)
    for j in range(3):
        assert not np.ptp(shares.examples[j == LABELS])
    np.testing.assert_allclose(shares.natural, [0.6, 0.25, 0.15])
    np.testing.assert_allclose(shares.drawn, 1 / 3)
    np.testing.assert_allclose(shares.ratio * shares.natural, shares.drawn)


def test_a_class_that_nobody_has_is_left_out() -> None:
    shares = balanced(LABELS, SINGLE, 5)
    np.testing.assert_allclose(shares.drawn, [1 / 3, 1 / 3, 1 / 3, 0, 0])
    np.testing.assert_array_equal(shares.ratio[3:], 1.0)


def test_few_examples_are_not_learnt_by_heart() -> None:
    labels = np.repeat([0, 1, 2], [900, 90, 10])
    shares = balanced(labels, np.ones(1000, dtype=np.int64), 3)
    assert shares.times.max() == pytest.approx(MOST_REPEATS)
    np.testing.assert_allclose(shares.drawn, [0.45, 0.45, 0.1])


def test_an_example_without_a_label_comes_as_often_as_ever() -> None:
    labels = np.where(np.arange(100) % 10 == 0, -1, LABELS)
    shares = balanced(labels, SINGLE, 3)
    np.testing.assert_allclose(shares.examples[::10], 0.01)
    np.testing.assert_allclose(shares.drawn, 1 / 3)
    assert shares.examples.sum() == pytest.approx(1.0)


def test_without_any_label_all_come_alike() -> None:
    shares = balanced(np.full(4, -1), np.ones(4, dtype=np.int64), 3)
    np.testing.assert_array_equal(shares.examples, 0.25)
    np.testing.assert_array_equal(shares.ratio, 1.0)


def test_names_of_classes_change_no_draw() -> None:
    order = np.array([2, 0, 1])
    for labels, rows in ((LABELS, SINGLE), sentences()):
        one, other = balanced(labels, rows, 3), balanced(order[labels], rows, 3)
        np.testing.assert_allclose(one.examples, other.examples, rtol=1e-6)
        np.testing.assert_allclose(one.drawn, other.drawn[order], rtol=1e-6)
        drawn = [draw(each, 100, 0, seed=(1,)) for each in (one, other)]
        np.testing.assert_array_equal(*drawn)


def test_words_come_nearer_to_balance_while_many_sentences_are_left() -> None:
    labels, rows = sentences()
    shares = balanced(labels, rows, 3)
    before, after = (np.abs(each - 1 / 3).sum() / 2 for each in (shares.natural, shares.drawn))
    assert before > 0.25
    assert after < 0.05
    assert 1 / (shares.examples**2).sum() > 0.25 * len(rows)
    example = np.repeat(np.arange(len(rows)), rows)
    counted = np.bincount(labels, weights=shares.examples[example])
    np.testing.assert_allclose(shares.drawn, counted / counted.sum())


def test_shares_of_sentences_minimise_what_they_are_said_to() -> None:
    """Against other shares near them: the objective is convex."""
    labels, rows = sentences(size=40)
    example = np.repeat(np.arange(40), rows)
    counts = scipy.sparse.csr_matrix((np.ones(len(labels)), (example, labels)), shape=(40, 3))
    excess = (counts.toarray() - rows[:, None] / 3) / rows.mean()

    def objective(q: np.ndarray) -> float:
        pull = q @ excess
        return float((q * np.log(q * 40)).sum() + pull @ pull / 0.02)

    found = even_sentences(counts)
    assert found.max() < MOST_REPEATS / 40
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = found * np.exp(rng.normal(0, 0.02, 40))
        assert objective(other / other.sum()) > objective(found)


def test_a_draw_rounds_up_or_down_and_several_even_out() -> None:
    shares = balanced(LABELS, SINGLE, 3)
    counts = np.zeros(100)
    for number in range(10):
        drawn = draw(shares, 100, number, seed=(7,))
        times = np.bincount(drawn, minlength=100)
        assert (np.abs(times - shares.times) < 1).all()
        assert np.ptp(np.bincount(LABELS[drawn])) <= 1
        counts += times
    assert np.abs(counts - 10 * shares.times).max() < 2
    repeated = draw(shares, 100, 3, seed=(7,))
    np.testing.assert_array_equal(repeated, draw(shares, 100, 3, seed=(7,)))
    assert sorted(repeated) != sorted(draw(shares, 100, 3, seed=(8,)))


def test_a_few_among_all_and_none_at_all() -> None:
    chosen = np.array([3, 5, 6])
    few = among(balanced(np.array([0, 0, 1]), np.ones(3, dtype=np.int64), 2), chosen, 10)
    drawn = draw(few, 40, 0, seed=(0,))
    np.testing.assert_array_equal(np.bincount(drawn, minlength=10)[chosen], [10, 10, 20])
    nothing = among(plain(0, 2), np.zeros(0, dtype=np.int64), 10)
    assert len(draw(nothing, 40, 0, seed=(0,))) == 0


def test_sides_that_are_pooled_keep_their_parts() -> None:
    whole = pooled([balanced(LABELS, SINGLE, 3), plain(50, 3)])
    np.testing.assert_allclose(whole.examples[:100].sum(), 2 / 3)
    drawn = draw(whole, 150, 0, seed=(0,))
    np.testing.assert_array_equal(np.bincount(drawn, minlength=150)[100:], 1)


@pytest.mark.parametrize("order", [None, [4, 0, 2], [1, 1, 3, 0]])
def test_flat_lists_come_in_the_rows_own_order(order: list[int] | None) -> None:
    lists = [[1, 2], [], [3], [4, 5, 6], [7]]
    dataset = Dataset.from_dict({"labels": lists})
    if order is not None:
        dataset, lists = dataset.select(order), [lists[i] for i in order]
    values, lengths = scans.flat(dataset, "labels")
    assert values.tolist() == [y for row in lists for y in row]
    assert lengths.tolist() == [len(row) for row in lists]


def sampler(now: Shares, *, seed: int = 0) -> BalancedBatchSampler:
    rng = np.random.default_rng(1)
    sides = [
        DrawnSide(lengths=rng.integers(3, 40, 100), shares=lambda: plain(100, 3), size=4),
        DrawnSide(lengths=rng.integers(3, 40, 100), shares=lambda: now, size=4),
    ]
    return BalancedBatchSampler(sides, batches=25, seed=seed)


def test_batches_are_a_function_of_seed_epoch_and_shares() -> None:
    now = balanced(LABELS, SINGLE, 3)
    first = list(sampler(now))
    assert first == list(sampler(now))
    assert first != list(sampler(now, seed=1))
    assert first != list(sampler(plain(100, 3)))
    later = sampler(now)
    later.set_epoch(1)
    assert first != list(later)


def test_a_batch_has_as_many_of_both_sides_by_their_shares() -> None:
    batches = list(sampler(balanced(LABELS, SINGLE, 3)))
    assert len(batches) == 25
    assert all(sum(i < 100 for i in batch) == 4 == len(batch) / 2 for batch in batches)
    flat = np.concatenate(batches)
    np.testing.assert_array_equal(np.bincount(flat, minlength=200)[:100], 1)
    assert np.ptp(np.bincount(LABELS[flat[flat >= 100] - 100])) <= 1


def test_a_side_with_nothing_to_draw_is_left_out() -> None:
    nothing = among(plain(0, 3), np.zeros(0, dtype=np.int64), 100)
    assert all(len(batch) == 4 and max(batch) < 100 for batch in sampler(nothing))


def test_texts_of_similar_lengths_stand_together() -> None:
    lengths = np.arange(100)
    side = DrawnSide(lengths=lengths, shares=lambda: plain(100, 3), size=4)
    for batch in BalancedBatchSampler([side], batches=25, seed=0):
        assert max(batch) - min(batch) == 3
