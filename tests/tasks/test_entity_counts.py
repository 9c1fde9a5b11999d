"""Entities counted sentence by sentence are those that strict scoring finds."""

from __future__ import annotations

import numpy as np
import pytest
from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2, Entities

from isogloss.tasks.metrics import entity_counts
from isogloss.tasks.tagging import entities

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-", "I-")


def sentences(count: int, *, seed: int, tags: tuple[str, ...]) -> list[list[str]]:
    """Tags at random, so with entities that end in another type, or that nothing begins."""
    rng = np.random.default_rng(seed)
    return [rng.choice(tags, int(rng.integers(1, 9))).tolist() for _ in range(count)]


def test_entities_are_seqeval_s() -> None:
    for tags in sentences(300, seed=0, tags=TAGS[:5]):
        found = {(e.tag, e.start, e.end - 1) for e in Entities([tags], IOB2).entities[0]}
        assert entities(tags) == found


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ([], set()),
        (["I-PER", "I-PER"], set()),
        (["B-PER", "I-LOC", "I-LOC"], {("PER", 0, 0)}),
        (["B-PER", "B-PER", "I-PER"], {("PER", 0, 0), ("PER", 1, 2)}),
        (["B", "I", "O", "B"], {("", 0, 1), ("", 3, 3)}),
    ],
)
def test_entities_by_hand(tags: list[str], wanted: set[tuple[str, int, int]]) -> None:
    assert entities(tags) == wanted


def test_sums_of_counts_give_the_strict_score_of_any_set() -> None:
    truth = sentences(80, seed=1, tags=TAGS[:5])
    rng = np.random.default_rng(2)
    guess = [[t if rng.random() < 0.7 else "O" for t in tags] for tags in truth]
    counts = entity_counts(truth, guess)
    for seed in range(5):
        chosen = np.random.default_rng(seed).permutation(80)[:20]
        right, predicted, true = counts[chosen].sum(axis=0)
        wanted = precision_recall_fscore_support(
            [truth[i] for i in chosen], [guess[i] for i in chosen], average="micro", scheme=IOB2
        )
        assert right / predicted == pytest.approx(wanted[0])
        assert right / true == pytest.approx(wanted[1])
    assert entity_counts([], []).shape == (0, 3)
