"""What all models together expect of each: naive references, and gains that are real."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from isogloss.errors import IsoglossError
from isogloss.labelshift import PriorEstimate, correct, estimate_prior
from isogloss.selection import CORRECTED, CandidateRows, weigh_candidates
from isogloss.selection.evidence import calibrated_target
from isogloss.selection.gains import mean_weights
from tests.helpers.candidates import candidate, draw_sides
from tests.helpers.shift import softmax

SIDES = draw_sides(400, 500, seed=0)
ZERO = candidate(SIDES, noise=1.0)
BETTER = candidate(SIDES, name="better")
WORSE = candidate(SIDES, name="worse", noise=2.0)
ALL = [ZERO, BETTER, WORSE]


def prior_of(rows: CandidateRows) -> PriorEstimate:
    source, target = softmax(rows.source_logits), softmax(rows.target_logits)
    return estimate_prior(source, rows.source_labels, target)


ESTIMATES = {rows.name: prior_of(rows) for rows in ALL}
FOUND = {
    each.name: each for each in weigh_candidates(ALL, ESTIMATES, zero_shot="zero-shot", draws=50)
}


def test_every_model_stands_as_it_is_and_corrected() -> None:
    names = [name + end for name in ("zero-shot", "better", "worse") for end in ("", CORRECTED)]
    assert list(FOUND) == names
    for name, standing in FOUND.items():
        assert standing.model == name.removesuffix(CORRECTED)
        assert standing.corrected == name.endswith(CORRECTED)
        assert standing.significant
        assert standing.p_value == ESTIMATES[standing.model].assumption_p_value


def test_the_baseline_gains_exactly_nothing() -> None:
    standing = FOUND["zero-shot"]
    assert standing.gain == standing.spread == standing.source_gain == standing.source_spread == 0.0


def test_changed_rows_are_those_that_are_predicted_otherwise_than_by_the_baseline() -> None:
    before = ZERO.target_logits.argmax(axis=1)
    assert FOUND["zero-shot"].changed == 0.0
    assert FOUND["worse"].changed == (WORSE.target_logits.argmax(axis=1) != before).mean() > 0
    corrected = ZERO.corrected(ESTIMATES["zero-shot"].weights, name="corrected")
    after = corrected.served(corrected.target_logits).argmax(axis=1)
    assert FOUND["zero-shot" + CORRECTED].changed == (after != before).mean() > 0


def test_the_expected_gain_is_the_metric_over_soft_labels() -> None:
    opinions = [correct(calibrated_target(rows), ESTIMATES[rows.name].weights) for rows in ALL]
    jury = np.mean(opinions, axis=0)
    found = weigh_candidates(ALL, ESTIMATES, zero_shot="zero-shot", metric="accuracy", draws=2)
    by_name = {each.name: each for each in found}
    for rows in (BETTER, WORSE.corrected(ESTIMATES["worse"].weights, name="worse" + CORRECTED)):
        expected = [
            jury[np.arange(len(jury)), each.served(each.target_logits).argmax(axis=1)].mean()
            for each in (rows, ZERO)
        ]
        assert by_name[rows.name].gain == pytest.approx(expected[0] - expected[1])


def test_macro_f1_of_soft_labels_is_that_of_rows_that_weigh_as_they_say() -> None:
    jury = np.mean(
        [correct(calibrated_target(rows), ESTIMATES[rows.name].weights) for rows in ALL], axis=0
    )
    truth = np.tile(np.arange(3), len(jury))
    scores = [
        f1_score(
            truth,
            np.repeat(rows.target_logits.argmax(axis=1), 3),
            sample_weight=jury.ravel(),
            average="macro",
        )
        for rows in (BETTER, ZERO)
    ]
    assert FOUND["better"].gain == pytest.approx(scores[0] - scores[1])


def test_the_source_gain_is_that_of_weighted_source_rows() -> None:
    weights = mean_weights(list(ESTIMATES.values()))[SIDES.source_labels]
    scores = [
        f1_score(
            SIDES.source_labels,
            rows.source_logits.argmax(axis=1),
            sample_weight=weights,
            average="macro",
        )
        for rows in (BETTER, ZERO)
    ]
    assert FOUND["better"].source_gain == pytest.approx(scores[0] - scores[1])


def test_gains_have_the_sign_of_the_true_ones() -> None:
    def accuracy(rows: CandidateRows) -> float:
        return accuracy_score(SIDES.target_labels, rows.target_logits.argmax(axis=1))

    assert accuracy(WORSE) < accuracy(ZERO) - 0.05 < accuracy(BETTER) - 0.1
    assert FOUND["better"].gain - 2 * FOUND["better"].spread > 0.02
    assert FOUND["worse"].gain + 2 * FOUND["worse"].spread < -0.02


def test_both_sides_count_by_the_inverse_of_their_variances() -> None:
    standing = FOUND["better"]
    variances = np.array(
        [
            standing.spread**2 + (0.2 * standing.changed) ** 2,
            standing.source_spread**2 + (0.3 * standing.changed) ** 2,
        ]
    )
    shares = 1.0 / variances / (1.0 / variances).sum()
    found = standing.joined(jury_error=0.2, source_error=0.3)
    assert found.gain == pytest.approx(shares @ [standing.gain, standing.source_gain])
    spreads = np.array([standing.spread, standing.source_spread])
    assert found.spread == pytest.approx(np.sqrt((shares**2) @ spreads**2))
    assert found.source_share == pytest.approx(shares[1])
    assert found.error == pytest.approx(1.0 / np.sqrt((1.0 / variances).sum()))
    same = {"gain": standing.gain, "spread": standing.spread, "source_share": 0.0, "error": 0.0}
    assert replace(found, **same) == standing


def test_a_side_of_endless_error_is_not_heard() -> None:
    standing = FOUND["worse"]
    models = standing.joined(jury_error=0.2, source_error=1e6)
    assert models.gain == pytest.approx(standing.gain, abs=1e-9)
    source = standing.joined(jury_error=1e6, source_error=0.3)
    assert source.gain == pytest.approx(standing.source_gain, abs=1e-9)


def test_what_changes_no_row_gains_nothing_whatever_the_source_says() -> None:
    assert FOUND["zero-shot"].joined(jury_error=0.2, source_error=0.3) == FOUND["zero-shot"]
    still = replace(FOUND["zero-shot"], source_gain=0.1, source_spread=0.0)
    assert still.joined(jury_error=0.2, source_error=0.3).gain == 0.0


def test_spreads_shrink_with_rows_and_grow_with_groups() -> None:
    few = [
        replace(rows, target_logits=rows.target_logits[:100], target_features=None) for rows in ALL
    ]
    groups = np.arange(500) // 10
    together = [replace(rows, target_groups=groups) for rows in ALL]
    alone, fewer, grouped = (
        weigh_candidates(some, ESTIMATES, zero_shot="zero-shot")[2].spread
        for some in (ALL, few, together)
    )
    assert fewer > 1.5 * alone
    # Rows of a group are independent here, so groups of ten change little.
    assert grouped == pytest.approx(alone, rel=0.4)
    copies = [replace(rows, target_logits=np.repeat(rows.target_logits, 4, axis=0)) for rows in few]
    copied = [replace(rows, target_groups=np.repeat(np.arange(100), 4)) for rows in copies]
    same = weigh_candidates(copied, ESTIMATES, zero_shot="zero-shot")[2]
    assert same.spread == pytest.approx(fewer, rel=0.01)


def test_a_correction_that_changes_nothing_is_no_candidate() -> None:
    still = {name: replace(each, weights=np.ones(3)) for name, each in ESTIMATES.items()}
    found = weigh_candidates(ALL, still, zero_shot="zero-shot", draws=2)
    assert [each.name for each in found] == ["zero-shot", "better", "worse"]


def test_the_same_seed_gives_the_same() -> None:
    again = weigh_candidates(ALL, ESTIMATES, zero_shot="zero-shot", draws=50)
    assert {each.name: each for each in again} == FOUND
    other = weigh_candidates(ALL, ESTIMATES, zero_shot="zero-shot", draws=50, seed=1)
    assert other[2].gain == FOUND["better"].gain
    assert other[2].spread != FOUND["better"].spread


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"zero_shot": "nobody"}, "E409"),
        ({"metric": "f1"}, "E409"),
        ({"draws": 1}, "E407"),
        ({"estimates": {"zero-shot": ESTIMATES["zero-shot"]}}, "E409: the candidate is 'better'"),
        ({"candidates": []}, "E431"),
        ({"candidates": [ZERO, ZERO]}, "E432"),
    ],
)
def test_what_cannot_be_compared_is_refused(given: dict[str, object], code: str) -> None:
    options = {"candidates": ALL, "estimates": ESTIMATES, "zero_shot": "zero-shot"} | given
    with pytest.raises(IsoglossError, match=code):
        weigh_candidates(options.pop("candidates"), options.pop("estimates"), **options)


def test_a_candidate_without_a_voice_changes_nothing_for_the_others() -> None:
    """What is nearly another, such as an average, is judged like all and judges nobody."""
    twin = replace(BETTER, name="better-average")
    estimates = {**ESTIMATES, twin.name: ESTIMATES["better"]}
    jury = [rows.name for rows in ALL]
    options = {"zero_shot": "zero-shot", "jury": jury, "draws": 50}
    found = {each.name: each for each in weigh_candidates([*ALL, twin], estimates, **options)}
    assert {name: found[name] for name in FOUND} == FOUND
    assert found[twin.name].gain == found["better"].gain
    louder = weigh_candidates([*ALL, twin], estimates, zero_shot="zero-shot", draws=50)
    assert next(each for each in louder if each.name == "better").gain > FOUND["better"].gain


def test_a_lineage_has_one_voice() -> None:
    opinions = {
        rows.name: correct(calibrated_target(rows), ESTIMATES[rows.name].weights) for rows in ALL
    }
    jury = {"zero-shot": "first", "better": "second", "worse": "first"}
    together = (opinions["zero-shot"] + opinions["worse"]) / 4 + opinions["better"] / 2
    options = {"zero_shot": "zero-shot", "metric": "accuracy", "draws": 2}
    found = weigh_candidates(ALL, ESTIMATES, jury=jury, **options)
    expected = [
        together[np.arange(len(together)), rows.target_logits.argmax(axis=1)].mean()
        for rows in (BETTER, ZERO)
    ]
    gain = next(each.gain for each in found if each.name == "better")
    assert gain == pytest.approx(expected[0] - expected[1])
    # Each its own lineage is a voice for each.
    alone = weigh_candidates(ALL, ESTIMATES, jury={name: name for name in opinions}, **options)
    assert alone == weigh_candidates(ALL, ESTIMATES, **options)


@pytest.mark.parametrize(("jury", "code"), [([], "E404"), (["nobody"], "E409")])
def test_a_jury_that_cannot_be(jury: list[str], code: str) -> None:
    with pytest.raises(IsoglossError) as caught:
        weigh_candidates(ALL, ESTIMATES, zero_shot="zero-shot", jury=jury)
    assert caught.value.code == code
