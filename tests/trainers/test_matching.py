from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from isogloss.errors import IsoglossError
from isogloss.trainers.matching import align, rows_of_examples
from tests.helpers.rows import encoded


def test_alignment_by_words_agrees_with_a_naive_one() -> None:
    """Each side lacks some words; only those that both have are taught."""
    rng = np.random.default_rng(0)
    own: tuple[list[Any], list[Any]] = ([], [])
    like: tuple[list[Any], list[Any]] = ([], [])
    for _ in range(40):
        words = int(rng.integers(0, 9))
        for active_words, active in (own, like):
            kept = np.flatnonzero(rng.random(words) < 0.7)
            active_words.append(kept.tolist())
            active.append((1 + 2 * kept).tolist())
    one, other = (
        Dataset.from_dict({"active": active, "active_words": active_words})
        for active_words, active in (own, like)
    )
    logits = rng.normal(size=(sum(map(len, own[0])), 3)).astype(np.float32)
    aligned = align(logits, one, other)
    said = iter(logits)
    by_word = {(i, word): next(said) for i, words in enumerate(own[0]) for word in words}
    expected = [
        by_word.get((i, word), np.full(3, np.nan))
        for i, words in enumerate(like[0])
        for word in words
    ]
    assert np.isnan(aligned).any()
    np.testing.assert_array_equal(aligned, np.array(expected, dtype=np.float32))


def test_selected_rows_are_aligned_in_their_own_order() -> None:
    table = Dataset.from_dict(
        {"active": [[1], [1, 2], [1, 2]], "active_words": [[0], [0, 1], [0, 2]]}
    )
    backwards = table.select([2, 1, 0])
    logits = np.arange(10, dtype=np.float32).reshape(5, 2)
    aligned = align(logits, backwards, table.select([2, 0, 1]))
    np.testing.assert_array_equal(aligned[:2], logits[:2])
    assert np.isnan(aligned[3:]).any()


def test_texts_are_aligned_one_to_one() -> None:
    logits = np.arange(12, dtype=np.float32).reshape(4, 3)
    one, other = encoded(4, seed=0), encoded(4, seed=1)
    np.testing.assert_array_equal(align(logits, one, other), logits)
    with pytest.raises(IsoglossError) as caught:
        align(logits, one, encoded(5, seed=1))
    assert caught.value.code == "E405"


def test_rows_are_counted_in_the_order_of_a_selection() -> None:
    table = Dataset.from_dict({"active": [[1], [1, 2], [], [1, 2, 3]]})
    assert rows_of_examples(table.select([3, 2, 0])).tolist() == [3, 0, 1]
    assert rows_of_examples(table.select([])).tolist() == []
