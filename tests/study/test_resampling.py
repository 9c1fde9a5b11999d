from __future__ import annotations

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.study.resampling import nearest_balance, resample_rows, resample_sentences
from isogloss.study.sentences import Tagged
from tests.study.helpers import NAMES, TAGS, rows_target, tags_target

# Of Amazon's ratings, as the paper skews its source by.
AMAZON = (0.1486, 0.0643, 0.0803, 0.1928, 0.5139)


def test_as_many_rows_as_there_can_be() -> None:
    labels = np.repeat(np.arange(5), 200)
    chosen = resample_rows(labels, np.array(AMAZON), names=list("12345"))
    counts = np.bincount(labels[chosen], minlength=5)
    assert counts.max() == 200
    assert len(chosen) == len(set(chosen.tolist())) == round(200 / AMAZON[4])
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_allclose(counts / len(chosen), AMAZON, atol=1 / len(chosen))


def test_a_given_number_of_rows_and_seeds() -> None:
    target = rows_target()
    one, same, other = (
        resample_rows(target.labels, [0.5, 0.3, 0.2], names=NAMES, size=100, seed=seed)
        for seed in (0, 0, 1)
    )
    assert one.tolist() == same.tolist() != other.tolist()
    assert np.bincount(target.labels[one]).tolist() == [50, 30, 20]


def test_rows_that_do_not_suffice() -> None:
    target = rows_target()
    with pytest.raises(IsoglossError, match=r"E723: it has 100 rows of 'bad'.*at most 200"):
        resample_rows(target.labels, [0.5, 0.3, 0.2], names=NAMES, size=250, where="it")
    labels = np.array([0, 0, 2])
    with pytest.raises(IsoglossError, match=r"E723: it has 0 rows of 'fair'"):
        resample_rows(labels, [0.5, 0.3, 0.2], names=NAMES, where="it")
    with pytest.raises(IsoglossError, match="E730"):
        resample_rows(target.labels, [0.5, 0.3, 0.2], names=NAMES, size=301)


def reached(totals: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    words = totals[chosen].sum(axis=0)
    return words / words.sum()


@pytest.mark.parametrize("size", [None, 120])
def test_sentences_come_near_the_prior(size: int | None) -> None:
    target, _ = tags_target(600)
    prior = 0.6 * target.prior + 0.4 * np.eye(5)[0]
    chosen = resample_sentences(target.totals, prior, names=TAGS, size=size, tolerance=0.01)
    assert len(chosen) == len(set(chosen.tolist())) == (size or len(chosen))
    assert 0.5 * np.abs(reached(target.totals, chosen) - prior).sum() <= 0.01
    if size is None:
        # Keeping all sentences of "O" alone and others in proportion does not get as far.
        assert len(chosen) > 250


def test_no_larger_choice_of_few_sentences_is_near_enough() -> None:
    """Against all choices there are of ten sentences."""
    target, _ = tags_target(10)
    prior = 0.7 * target.prior + 0.3 * np.eye(5)[0]
    chosen = resample_sentences(target.totals, prior, names=TAGS, tolerance=0.12)
    masks = (np.arange(1, 1024)[:, None] >> np.arange(10)) & 1
    words = masks @ target.totals
    distance = 0.5 * np.abs(words / words.sum(axis=1, keepdims=True) - prior).sum(axis=1)
    # The program's own distance, less what fractions of sentences were.
    assert len(chosen) >= masks[distance <= 0.03].sum(axis=1).max() - 2
    assert len(chosen) <= masks[distance <= 0.12].sum(axis=1).max()


def test_the_nearest_balance_is_no_farther_than_any_choice() -> None:
    target, _ = tags_target(9)
    prior = np.eye(5)[4]
    best, balance = nearest_balance(Tagged.of(target.totals), prior)
    masks = (np.arange(1, 512)[:, None] >> np.arange(9)) & 1
    words = masks @ target.totals
    distance = 0.5 * np.abs(words / words.sum(axis=1, keepdims=True) - prior).sum(axis=1)
    assert best <= distance.min() + 1e-9
    assert 0.5 * np.abs(balance - prior).sum() == pytest.approx(best)
    assert balance.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("size", [None, 50])
def test_a_prior_that_no_sentences_have(size: int | None) -> None:
    target, _ = tags_target()
    # No inside without a beginning.
    prior = np.array([0.1, 0.0, 0.9, 0.0, 0.0])
    with pytest.raises(
        IsoglossError, match=r"E724: The sentences of it come no nearer.*O="
    ) as caught:
        resample_sentences(target.totals, prior, names=TAGS, size=size, where="it")
    assert caught.value.fields["distance"] > 0.2


def test_sentences_depend_on_the_seed_and_their_number_is_checked() -> None:
    target, _ = tags_target(400)
    one, same, other = (
        resample_sentences(target.totals, target.prior, names=TAGS, size=80, seed=seed)
        for seed in (0, 0, 1)
    )
    assert one.tolist() == same.tolist() != other.tolist()
    with pytest.raises(IsoglossError, match="E730"):
        resample_sentences(target.totals, target.prior, names=TAGS, size=401)
