"""Rows of a candidate: checked by name, kept as they come, served as the candidate is used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift.correction import correct
from isogloss.selection import soft_neighbourhood_density
from isogloss.selection.rows import BLOCK, CandidateRows, labelled, row_shares, sample_rows
from tests.helpers.candidates import candidate, draw_sides
from tests.helpers.shift import softmax

SIDES = draw_sides(12, 9, seed=0)
ROWS = candidate(SIDES)


def test_arrays_are_kept_in_their_precision() -> None:
    small = ROWS.source_logits.astype(np.float32)
    assert replace(ROWS, source_logits=small).source_logits is small
    assert (ROWS.num_classes, ROWS.num_target_rows) == (3, 9)


def test_lists_are_taken_too() -> None:
    rows = CandidateRows(
        name="a", source_logits=[[1.0, 0.0]], source_labels=[1], target_logits=[[0.0, 2.0]]
    )
    assert rows.target_logits.shape == (1, 2)


def test_probabilities_are_those_of_the_candidate_in_use() -> None:
    plain = softmax(ROWS.target_logits)
    np.testing.assert_allclose(ROWS.served(ROWS.target_logits), plain)
    weights = np.array([0.0, 1e-3, 5e3])
    corrected = ROWS.corrected(weights, name="corrected")
    assert (corrected.name, ROWS.correction) == ("corrected", None)
    np.testing.assert_allclose(
        corrected.served(ROWS.target_logits), correct(plain, weights), atol=1e-15
    )


def test_what_training_settled_is_not_corrected_again() -> None:
    plain, weights = softmax(ROWS.target_logits), np.array([0.2, 1.0, 3.0])
    np.testing.assert_allclose(ROWS.posterior(plain, weights), correct(plain, weights))
    settled = replace(ROWS, settled=True)
    np.testing.assert_allclose(settled.posterior(plain, weights), plain)
    # A class without source rows gets nothing either way.
    alone = replace(settled, source_labels=np.zeros(12, int))
    np.testing.assert_allclose(alone.posterior(plain, weights), [[1.0, 0.0, 0.0]] * 9)


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        ({"target_logits": np.full((9, 3), np.nan)}, "E400", "zero-shot: the target logits"),
        ({"source_labels": np.full(12, 3)}, "E403", "zero-shot: the source labels"),
        ({"source_labels": np.zeros(11, int)}, "E405", "zero-shot: the source labels"),
        ({"target_logits": np.zeros((0, 3))}, "E404", "zero-shot: the target logits"),
        ({"target_logits": np.zeros((9, 2))}, "E405", "zero-shot: the target logits"),
        ({"source_logits": np.zeros(12)}, "E405", ""),
        ({"source_groups": np.zeros(9, int)}, "E405", "zero-shot: the source groups"),
        ({"target_groups": np.zeros(12, int)}, "E405", "zero-shot: the target groups"),
        ({"target_features": np.zeros((9, 2))}, "E405", "zero-shot: the target features"),
        ({"source_features": np.full((12, 3), np.inf)}, "E400", "zero-shot: the source features"),
        ({"correction": [1.0, 1.0]}, "E405", "the weights"),
        ({"correction": [1.0, -1.0, 1.0]}, "E401", "the weights"),
        ({"correction": [0.0, 0.0, 0.0]}, "E408", ""),
    ],
)
def test_unusable_rows_are_refused(change: dict[str, Any], code: str, named: str) -> None:
    with pytest.raises(IsoglossError, match=f"{code}.*{named}"):
        replace(ROWS, **change)


def test_the_last_of_many_rows_is_looked_at_too() -> None:
    features = np.zeros((BLOCK + 1, 1))
    features[-1] = np.nan
    logits = np.zeros((BLOCK + 1, 3))
    with pytest.raises(IsoglossError, match="E400: zero-shot: the target features"):
        replace(ROWS, target_logits=logits, source_features=None, target_features=features)


def test_rows_weigh_as_their_classes() -> None:
    labels = np.array([0, 1, 1, 2])
    np.testing.assert_allclose(row_shares(labels, None, num_classes=3), 0.25)
    shares = row_shares(labels, [3.0, 1.0, 0.0], num_classes=3)
    np.testing.assert_allclose(shares, [0.6, 0.2, 0.2, 0.0])
    np.testing.assert_allclose(row_shares(labels, [30.0, 10.0, 0.0], num_classes=3), shares)
    with pytest.raises(IsoglossError, match="E408"):
        row_shares(np.array([0, 0]), [0.0, 1.0, 1.0], num_classes=3)


def test_labelled_rows_must_belong_together() -> None:
    with pytest.raises(IsoglossError, match="E405: the source labels"):
        labelled(np.full((3, 2), 0.5), [0, 1], None)


def test_a_sample_is_drawn_by_its_seed() -> None:
    np.testing.assert_array_equal(sample_rows(5, 5, seed=0), np.arange(5))
    first, again, other = (sample_rows(100, 10, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(set(first.tolist())) == 10
    assert (np.diff(first) > 0).all()


def test_words_say_more_than_as_many_words_of_whole_sentences() -> None:
    """Why scores of tagging draw words: they vary less from draw to draw."""
    rng = np.random.default_rng(0)
    sentence = np.repeat(np.arange(600), 8)
    logits = 2.0 * rng.normal(size=(600, 3))[sentence] + rng.normal(size=(4_800, 3))
    probabilities = softmax(logits)
    found: dict[str, list[list[float]]] = {"words": [], "sentences": []}
    for seed in range(30):
        whole = np.isin(sentence, sample_rows(600, 50, seed=seed))
        for how, chosen in (("words", sample_rows(4_800, 400, seed=seed)), ("sentences", whole)):
            some = probabilities[chosen]
            assert len(some) == 400
            found[how].append([float(some.max(axis=1).mean()), soft_neighbourhood_density(some)])
    words, sentences = (np.std(values, axis=0) for values in found.values())
    assert (1.2 * words < sentences).all()
