"""Class shares of a few labelled rows, and what they count for."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift.sampled import labelled_facts


def test_independent_rows_are_counted() -> None:
    facts = labelled_facts([2, 0, 2], num_classes=3)
    assert facts.belief is None
    np.testing.assert_array_equal(np.asarray(facts.labelled), [2, 0, 2])


def test_words_of_like_sentences_count_as_sentences() -> None:
    labels = np.repeat([0, 1] * 10, 5)
    alike = labelled_facts(labels, np.repeat(np.arange(20), 5), num_classes=3)
    np.testing.assert_allclose(np.asarray(alike.belief), [0.5, 0.5, 0.0])
    assert alike.strength == pytest.approx(19.0)
    mixed = labelled_facts(np.tile([0, 1], 50), np.repeat(np.arange(20), 5), num_classes=3)
    # Sentences that are more alike than chance has them count no more than their words.
    assert mixed.strength == 100.0
    alone = labelled_facts(np.zeros(100, dtype=int), np.repeat(np.arange(20), 5), num_classes=3)
    assert alone.strength == 20.0


def test_words_drawn_at_random_count_as_words() -> None:
    labels = np.random.default_rng(0).choice(3, 4_000, p=[0.2, 0.3, 0.5])
    facts = labelled_facts(labels, np.repeat(np.arange(400), 10), num_classes=3)
    assert facts.strength == pytest.approx(4_000, rel=0.1)


def test_facts_move_an_estimate_towards_the_rows() -> None:
    prior, covariance = np.array([0.5, 0.3, 0.2]), np.diag([0.01, 0.01, 0.01])
    few, many = (
        labelled_facts([2] * count, np.arange(count), num_classes=3).apply(prior, covariance)[2]
        for count in (2, 200)
    )
    assert 0.2 < few < many


def test_labels_of_other_classes_are_refused() -> None:
    with pytest.raises(IsoglossError) as caught:
        labelled_facts([0, 3], num_classes=3)
    assert caught.value.code == "E403"
    with pytest.raises(IsoglossError) as caught:
        labelled_facts([0, 1], [0], num_classes=3)
    assert caught.value.code == "E405"
