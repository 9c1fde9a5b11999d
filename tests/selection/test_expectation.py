"""Expected scores: right under label shift, wider where it fails, plain about what they are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from isogloss.errors import IsoglossError
from isogloss.labelshift import PriorEstimate, estimate_prior
from isogloss.selection import RULE, CandidateRows, Rule, expected_score
from isogloss.selection.expectation import lowered
from tests.helpers.candidates import SOURCE_PRIOR, TARGET_PRIOR, Sides, candidate, draw_sides
from tests.helpers.shift import softmax

SIDES = draw_sides(500, 600, seed=0)
ROWS = candidate(SIDES)


def prior_of(rows: CandidateRows) -> PriorEstimate:
    source, target = softmax(rows.source_logits), softmax(rows.target_logits)
    return estimate_prior(source, rows.source_labels, target)


def truth(rows: CandidateRows, metric: str) -> float:
    """The score on many rows like the target's."""
    many: Sides = draw_sides(2, 40_000, seed=9)
    logits = 2.0 * many.target + np.log(SOURCE_PRIOR)
    guesses = rows.served(logits).argmax(axis=1)
    if metric == "accuracy":
        return float((guesses == many.target_labels).mean())
    return float(f1_score(many.target_labels, guesses, average="macro"))


PRIOR = prior_of(ROWS)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
@pytest.mark.parametrize("corrected", [False, True])
def test_the_interval_covers_under_label_shift(metric: str, corrected: bool) -> None:
    covered, errors = 0, []
    for seed in range(20):
        rows = candidate(draw_sides(500, 600, seed=200 + seed))
        prior = prior_of(rows)
        if corrected:
            rows = rows.corrected(TARGET_PRIOR / SOURCE_PRIOR, name="corrected")
        found = expected_score(rows, prior, metric=metric, draws=60)
        true = truth(rows, metric)
        low, high = found.interval
        covered += low <= true <= high
        errors.append(found.value - true)
        assert low < found.value < high
        assert high - low < 0.3
    assert covered >= 15
    assert abs(np.mean(errors)) < 0.01


def test_the_value_lies_between_its_two_estimates_by_their_shares() -> None:
    found = expected_score(ROWS, PRIOR)
    share = found.parts["confidence_share"]
    wanted = share * found.parts["confidence"] + (1 - share) * found.parts["weighted"]
    assert found.value == pytest.approx(wanted)
    variances = []
    for name, error in (("confidence", RULE.confidence_error), ("weighted", RULE.weighted_error)):
        told = found.parts[name]
        # An error of the logarithm of the odds, as one of the score.
        own = error[0] * told * (1.0 - told)
        variances.append(found.parts[f"{name}_spread"] ** 2 + own**2)
    first, second = variances
    assert share == pytest.approx(second / (first + second))


def test_disagreement_and_own_errors_widen() -> None:
    none = Rule(confidence_error=(0.0, 0.0), weighted_error=(0.0, 0.0))
    some = Rule(confidence_error=(0.5, 0.0), weighted_error=(0.5, 0.0))
    bare = expected_score(ROWS, PRIOR, rule=none).parts
    wider = expected_score(ROWS, PRIOR, rule=some).parts
    least = 0.5 * min(wider[name] * (1.0 - wider[name]) for name in ("confidence", "weighted"))
    assert wider["standard_error"] > least > bare["standard_error"]
    # A source on which the model is always right disagrees with unsure target rows.
    apart = replace(ROWS, target_logits=0.3 * ROWS.target_logits)
    found = expected_score(apart, PRIOR, rule=none).parts
    share, difference = found["confidence_share"], found["confidence"] - found["weighted"]
    assert found["standard_error"] ** 2 > share * (1 - share) * difference**2


def test_a_rejected_assumption_is_said_with_what_is_done() -> None:
    held = replace(PRIOR, assumption_p_value=0.5)
    # A refuted fit's interval is wide; what is made of it goes by the predicted shares.
    anything = np.tile([0.0, 1.0], (len(PRIOR.prior), 1))
    rejected = replace(PRIOR, assumption_p_value=0.0004, interval=anything)
    untested = replace(PRIOR, assumption_p_value=1.0)
    found = {
        name: expected_score(ROWS, prior)
        for name, prior in (("held", held), ("rejected", rejected), ("untested", untested))
    }
    widths = {name: each.interval[1] - each.interval[0] for name, each in found.items()}
    assert widths["rejected"] > 1.5 * widths["held"]
    assert widths["untested"] == widths["held"]
    # What is made of a classifier's sureness is taken off where it is known to be too sure.
    odds = {name: each.value / (1.0 - each.value) for name, each in found.items()}
    parts = found["rejected"].parts
    share = parts["confidence_share"]
    told = share * parts["confidence"] + (1.0 - share) * parts["weighted"]
    assert odds["rejected"] == pytest.approx(told / (1.0 - told) * np.exp(-RULE.optimism[1]))
    assert odds["held"] > 1.1 * odds["rejected"]
    assert "nothing in the predictions speaks against that (p = 0.500)" in found["held"].sentence
    assert (
        "speak against that (p < 0.001), so it rests on how sure the models"
        in found["rejected"].sentence
    )
    assert "could not be tested" in found["untested"].sentence


def test_where_the_assumption_is_refuted_the_interval_is_as_wide_as_the_estimates_differ() -> None:
    """Though the one that looks at no target row hardly counts in the value."""
    apart = replace(ROWS, target_logits=0.3 * ROWS.target_logits)
    wide = np.tile([0.0, 1.0], (len(PRIOR.prior), 1))
    held, rejected = (
        expected_score(apart, replace(PRIOR, assumption_p_value=p_value, interval=wide))
        for p_value in (0.5, 0.0004)
    )
    parts = rejected.parts
    difference = abs(parts["confidence"] - parts["weighted"])
    assert parts["disagreement"] == pytest.approx(difference)
    assert difference > parts["standard_error"]
    low, high = rejected.interval
    assert high == pytest.approx(min(1.0, rejected.value + 1.6449 * difference), abs=1e-4)
    assert low == pytest.approx(max(0.0, rejected.value - 1.6449 * difference), abs=1e-4)
    assert "at least as wide as two ways of telling it differ" in rejected.sentence
    assert held.parts["disagreement"] == 0.0
    assert "two ways" not in held.sentence


def test_lowered_shares_stay_shares() -> None:
    shares = np.array([0.0, 0.2, 0.5, 1.0])
    found = lowered(shares, by=0.7)
    assert found[0] == 0.0
    assert found[-1] == 1.0
    assert (np.diff(found) > 0).all()
    logits = np.log(shares[1:3] / (1 - shares[1:3])) - np.log(found[1:3] / (1 - found[1:3]))
    np.testing.assert_allclose(logits, 0.7)
    np.testing.assert_array_equal(lowered(shares, by=0.0), shares)


def test_what_cannot_be_told_is_said() -> None:
    found = expected_score(ROWS, PRIOR, rule=replace(RULE, untold_width=0.0))
    assert "cannot be told without labels" in found.sentence
    assert "cannot be told" not in expected_score(ROWS, PRIOR).sentence


def test_another_level_is_another_width() -> None:
    narrow, wide = (expected_score(ROWS, PRIOR, level=level) for level in (0.5, 0.9))
    assert narrow.value == wide.value
    ratio = (wide.interval[1] - wide.value) / (narrow.interval[1] - narrow.value)
    assert ratio == pytest.approx(1.6449 / 0.6745, rel=1e-3)


def test_the_seed_decides() -> None:
    first, again, other = (expected_score(ROWS, PRIOR, seed=seed, draws=30) for seed in (0, 0, 1))
    assert first == again
    assert first.interval != other.interval
    assert first.value == pytest.approx(other.value, abs=0.01)


def test_a_class_that_the_source_lacks_is_left_out() -> None:
    rows = replace(ROWS, source_labels=np.where(SIDES.source_labels == 1, 0, SIDES.source_labels))
    for metric in ("accuracy", "macro_f1"):
        found = expected_score(rows, prior_of(rows), metric=metric)
        assert 0.0 <= found.interval[0] <= found.value <= found.interval[1] <= 1.0


def test_few_rows_get_a_wide_interval_within_0_and_1() -> None:
    few = draw_sides(500, 3, seed=1)
    rows = candidate(few)
    found = expected_score(rows, prior_of(rows))
    wide = found.interval[1] - found.interval[0]
    usual = expected_score(ROWS, PRIOR).interval
    assert wide > usual[1] - usual[0]
    assert 0.0 <= found.interval[0] < found.interval[1] <= 1.0


def test_it_can_be_written_as_json() -> None:
    found = expected_score(ROWS, PRIOR, metric="macro_f1")
    read = json.loads(json.dumps(found.to_dict()))
    assert read["metric"] == "macro_f1"
    assert read["interval"] == list(found.interval)
    assert read["sentence"] == found.sentence
    assert read["parts"]["assumption_p_value"] == PRIOR.assumption_p_value


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"metric": "f1"}, "E409"),
        ({"level": 1.0}, "E407: level"),
        ({"draws": 1}, "E407: draws"),
        ({"estimate": replace(PRIOR, prior=np.array([0.5, 0.5]))}, "E405: the prior estimate"),
    ],
)
def test_unusable_arguments_are_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        expected_score(**({"rows": ROWS, "estimate": PRIOR} | change))


def test_a_prior_on_classes_that_the_source_lacks_alone_is_refused() -> None:
    rows = replace(ROWS, source_labels=np.zeros(500, int))
    nowhere = replace(PRIOR, prior=np.array([0.0, 0.5, 0.5]))
    with pytest.raises(IsoglossError, match="E408"):
        expected_score(rows, nowhere)
