"""The two estimates behind an expected score: their values, and how they vary."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isogloss.labelshift import PriorEstimate, estimate_prior
from isogloss.selection.accuracy import macro_f1, source_macro_f1
from isogloss.selection.estimates import two_estimates
from isogloss.selection.rows import CandidateRows
from isogloss.selection.scoring import score_candidates
from tests.helpers.candidates import candidate, draw_sides
from tests.helpers.shift import softmax

SIDES = draw_sides(300, 400, seed=0)
ROWS = candidate(SIDES)


def trace(joint: np.ndarray) -> np.ndarray:
    return np.trace(joint, axis1=-2, axis2=-1)


def prior_of(rows: CandidateRows) -> PriorEstimate:
    source, target = softmax(rows.source_logits), softmax(rows.target_logits)
    return estimate_prior(source, rows.source_labels, target)


PRIOR = prior_of(ROWS)
SURE = replace(PRIOR, interval=np.stack([PRIOR.prior, PRIOR.prior], axis=1))


@pytest.mark.parametrize("corrected", [False, True])
def test_values_are_the_scores_of_the_same_name(corrected: bool) -> None:
    rows = ROWS.corrected(PRIOR.weights, name="corrected") if corrected else ROWS
    names = ["corrected-confidence", "weighted-accuracy", "weighted-macro-f1"]
    wanted = score_candidates([rows], names, weights=PRIOR.weights)
    first, second = two_estimates(rows, PRIOR, trace, draws=4, seed=0)
    assert first.value == pytest.approx(wanted["corrected-confidence"][0])
    assert second.value == pytest.approx(wanted["weighted-accuracy"][0])
    _, second = two_estimates(rows, PRIOR, macro_f1, draws=4, seed=0)
    assert second.value == pytest.approx(wanted["weighted-macro-f1"][0])


def test_confidences_that_training_settled_are_taken_as_they_are() -> None:
    settled = two_estimates(replace(ROWS, settled=True), SURE, trace, draws=4, seed=0)
    plain = two_estimates(ROWS, SURE, trace, draws=4, seed=0)
    # As if the target had the source's balance, which asks for no correction.
    level = replace(SURE, prior=np.bincount(SIDES.source_labels, minlength=3) / 300)
    unmoved = two_estimates(ROWS, level, trace, draws=4, seed=0)
    assert settled[0].value == pytest.approx(unmoved[0].value)
    assert settled[0].value != pytest.approx(plain[0].value)
    assert settled[1].value == plain[1].value


def test_macro_f1_of_sure_confidences_is_that_of_their_classes() -> None:
    # Where the source's rows are all right and sure, what is predicted is what is expected.
    logits = 30.0 * np.eye(3)
    rows = replace(
        ROWS,
        source_logits=logits[SIDES.source_labels],
        target_logits=logits[SIDES.target_labels],
    )
    first, second = two_estimates(rows, prior_of(rows), macro_f1, draws=4, seed=0)
    assert first.value == pytest.approx(1.0, abs=1e-6)
    assert second.value == source_macro_f1(logits / 30.0, [0, 1, 2]) == 1.0


def test_draws_vary_as_other_samples_do() -> None:
    values, spreads = [], []
    for seed in range(40):
        rows = candidate(draw_sides(300, 400, seed=100 + seed))
        found = two_estimates(rows, SURE, trace, draws=200, seed=0)
        values.append([each.value for each in found])
        spreads.append([each.spread for each in found])
    np.testing.assert_allclose(np.std(values, axis=0), np.mean(spreads, axis=0), rtol=0.3)


def test_draws_lie_around_the_value() -> None:
    for each in two_estimates(ROWS, PRIOR, trace, draws=400, seed=0):
        assert each.draws.mean() == pytest.approx(each.value, abs=0.3 * each.spread)


def test_an_uncertain_prior_and_sentences_widen() -> None:
    wide = replace(PRIOR, interval=np.tile([0.0, 1.0], (3, 1)))
    # The same rows ten times over, as words of sentences that are all alike.
    many = replace(
        ROWS,
        source_logits=np.tile(ROWS.source_logits, (10, 1)),
        source_labels=np.tile(ROWS.source_labels, 10),
        target_logits=np.tile(ROWS.target_logits, (10, 1)),
        source_features=None,
        target_features=None,
    )
    told = replace(
        many, source_groups=np.tile(np.arange(300), 10), target_groups=np.tile(np.arange(400), 10)
    )
    spreads = {
        name: np.array(
            [each.spread for each in two_estimates(rows, prior, trace, draws=300, seed=0)]
        )
        for name, rows, prior in (
            ("once", ROWS, SURE),
            ("wide", ROWS, wide),
            ("many", many, SURE),
            ("told", told, SURE),
        )
    }
    assert (spreads["wide"] > 1.3 * spreads["once"]).all()
    assert (spreads["many"] < 0.5 * spreads["once"]).all()
    np.testing.assert_allclose(spreads["told"], spreads["once"], rtol=0.2)


def test_one_target_row_says_little() -> None:
    rows = replace(ROWS, target_logits=np.array([[0.2, 0.0, 0.1]]), target_features=None)
    first, second = two_estimates(rows, SURE, trace, draws=200, seed=0)
    assert first.spread > 0.2
    assert second.spread < 0.1
