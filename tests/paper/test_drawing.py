from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.paper.corpora import CORPORA
from isogloss.paper.drawing import (
    at_prior,
    partition,
    random_prior,
    share_of_rows,
    tilted_sentences,
)
from isogloss.paper.specification import specification
from tests.paper.conftest import sentences

LABELS = [str(i % 5 + 1) for i in range(5_000)]


def test_parts_are_disjoint_and_random() -> None:
    parts = [partition(1_000, 60, n, of=15, seed=0, name="xnli") for n in range(15)]
    together = np.concatenate(parts)
    assert len(set(together.tolist())) == 15 * 60
    assert all((np.diff(part) > 0).all() for part in parts)
    assert not (parts[0] == np.arange(60)).all()
    assert (partition(1_000, 60, 3, of=15, seed=0, name="xnli") == parts[3]).all()


def test_e809_too_few_rows_for_all_parts() -> None:
    with pytest.raises(IsoglossError, match=r"^E809: xnli has 100 rows"):
        partition(100, 60, 0, of=2, seed=0, name="xnli")


def test_marc_s_skewed_source_has_the_published_balance() -> None:
    prior = specification("figure6").parts[0].source_prior
    chosen = at_prior(LABELS, prior, seed=0, name="en")
    counts = Counter(LABELS[i] for i in chosen)
    total = sum(counts.values())
    # The scarcest class sets the size: five stars, of which all 1,000 are taken.
    assert counts["5"] == 1_000
    for label, share in prior.items():
        assert counts[label] / total == pytest.approx(share / sum(prior.values()), abs=1e-3)
    assert len(set(chosen.tolist())) == total


def test_at_prior_takes_no_more_than_wanted() -> None:
    assert len(at_prior(LABELS, {"1": 0.5, "2": 0.5}, seed=1, name="x", most=100)) == 100


def test_e810_a_class_without_rows() -> None:
    with pytest.raises(IsoglossError, match=r"^E810: en has no row with '6'"):
        at_prior(LABELS, {"1": 0.5, "6": 0.5}, seed=0, name="en")


def test_random_priors_differ_by_set_and_stay() -> None:
    labels = CORPORA["marc"].labels
    first, again, other = (random_prior(labels, n, seed=0) for n in (0, 0, 1))
    assert first == again != other
    assert sum(other.values()) == pytest.approx(1.0)


def test_tilted_sentences_move_train_and_test_the_same_way() -> None:
    sides = [[[tag for _, tag in row] for row in sentences(2_000, seed=seed)] for seed in (0, 1)]

    def share(rows: list[list[str]], tag: str) -> float:
        tags = [one for row in rows for one in row]
        return tags.count(tag) / len(tags)

    moves = []
    for number in range(8):
        drawn = [tilted_sentences(rows, number, 500, seed=0) for rows in sides]
        assert [len(set(one.tolist())) for one in drawn] == [500, 500]
        moves.append(
            [
                share([rows[i] for i in one], "O") - share(rows, "O")
                for rows, one in zip(sides, drawn, strict=True)
            ]
        )
    first, second = np.array(moves).T
    assert np.abs(first).max() > 0.08
    assert np.corrcoef(first, second)[0, 1] > 0.95


def test_a_share_of_rows() -> None:
    chosen = share_of_rows(1_000, 0.1, seed=0)
    assert len(chosen) == len(set(chosen.tolist())) == 100
    assert len(share_of_rows(3, 0.01, seed=0)) == 1
