"""All scores in one call: each is its own function's value, and nothing is skipped silently."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift.correction import correct
from isogloss.labelshift.statistics import gather_statistics
from isogloss.selection import (
    NEEDS,
    SCORES,
    CandidateRows,
    Comparison,
    Evidence,
    available_scores,
    average_thresholded_confidence,
    batch_nuclear_norm,
    deep_embedded_validation,
    density_ratios,
    difference_of_confidences,
    ensemble_agreement,
    information_maximisation,
    label_shift_residual,
    mano,
    mean_confidence,
    nuclear_norm,
    reverse_validation,
    score_candidates,
    soft_neighbourhood_density,
    source_accuracy,
    source_macro_f1,
)
from tests.helpers.candidates import SOURCE_PRIOR, TARGET_PRIOR, candidate, draw_sides
from tests.helpers.shift import softmax

SIDES = draw_sides(300, 400, seed=0)
WEIGHTS = TARGET_PRIOR / SOURCE_PRIOR
ZERO = candidate(SIDES)
CANDIDATES = [
    ZERO,
    candidate(SIDES, name="noisy", noise=1.5),
    ZERO.corrected(WEIGHTS, name="corrected"),
]
GIVEN: dict[str, Any] = {"weights": WEIGHTS, "zero_shot": "zero-shot"}
FOUND = score_candidates(CANDIDATES, **GIVEN)


def evidence(rows: CandidateRows) -> Evidence:
    return Evidence(rows=rows, shared=Comparison(candidates=CANDIDATES, **GIVEN))


def by_hand(rows: CandidateRows) -> dict[str, float]:
    """Every score by a call of its function."""
    known = evidence(rows)
    w, labels = known.weights, SIDES.source_labels
    source, target = (softmax(x) for x in (rows.source_logits, rows.target_logits))
    logits = rows.target_logits
    if rows.correction is not None:
        source, target = correct(source, WEIGHTS), correct(target, WEIGHTS)
        logits = logits + np.log(WEIGHTS)
    plain, weighted = known.tempered, known.tempered_by_prior
    ratios = density_ratios(SIDES.source, SIDES.target)
    atc = average_thresholded_confidence
    zero = evidence(ZERO)
    return {
        "source-accuracy": source_accuracy(source, labels),
        "source-macro-f1": source_macro_f1(source, labels),
        "weighted-accuracy": source_accuracy(source, labels, weights=w),
        "weighted-macro-f1": source_macro_f1(source, labels, weights=w),
        "corrected-confidence": mean_confidence(known.posterior, predicted=target.argmax(axis=1)),
        "atc-confidence": atc(plain[0], labels, plain[1]),
        "atc-entropy": atc(plain[0], labels, plain[1], kind="entropy"),
        "doc": difference_of_confidences(plain[0], labels, plain[1]),
        "weighted-atc-confidence": atc(weighted[0], labels, weighted[1], weights=w),
        "weighted-atc-entropy": atc(weighted[0], labels, weighted[1], weights=w, kind="entropy"),
        "weighted-doc": difference_of_confidences(weighted[0], labels, weighted[1], weights=w),
        "ensv": ensemble_agreement(target, known.shared.ensemble),
        "mano": mano(logits),
        "nuclear-norm": nuclear_norm(target),
        "bnm": batch_nuclear_norm(target),
        "weighted-bnm": batch_nuclear_norm(target, prior=known.prior),
        "snd": soft_neighbourhood_density(target),
        "infomax": information_maximisation(target, known.prior),
        "dev": deep_embedded_validation(source.argmax(axis=1) == labels, ratios),
        "reverse-validation": reverse_validation(
            SIDES.source, labels, SIDES.target, target.argmax(axis=1), num_classes=3, weights=w
        ),
        "residual": label_shift_residual(gather_statistics(source, labels, target, hard=False), w),
        "feature-shift": known.feature_shift - zero.feature_shift,
        "scaled-feature-shift": known.scaled_feature_shift - zero.scaled_feature_shift,
    }


@pytest.mark.parametrize("place", range(3))
def test_every_score_is_its_function_s_value(place: int) -> None:
    wanted = by_hand(CANDIDATES[place])
    assert set(wanted) == set(SCORES) == set(FOUND)
    for name, value in wanted.items():
        assert FOUND[name][place] == pytest.approx(value, abs=1e-12), name


def test_scores_say_what_they_are() -> None:
    assert list(FOUND) == list(SCORES)
    for name, score in SCORES.items():
        assert score.name == name
        assert score.needs <= set(NEEDS)
        assert score.estimates in (None, "accuracy", "macro_f1")
        assert score.reference
    lower = {name for name, score in SCORES.items() if not score.higher_is_better}
    assert lower == {"residual", "feature-shift", "scaled-feature-shift"}


def test_what_estimates_accuracy_is_near_it_under_label_shift() -> None:
    many = draw_sides(4_000, 4_000, seed=1)
    rows = [candidate(many), candidate(many, name="corrected", correction=WEIGHTS)]
    names = [
        name
        for name, score in SCORES.items()
        if score.estimates == "accuracy" and "weights" in score.needs
    ]
    found = score_candidates(rows, names, weights=WEIGHTS)
    for place, each in enumerate(rows):
        guesses = each.served(many.target @ (2.0 * np.eye(3)) + np.log(SOURCE_PRIOR))
        truth = (guesses.argmax(axis=1) == many.target_labels).mean()
        for name in names:
            assert found[name][place] == pytest.approx(truth, abs=0.03), name
    # Without the weights the same scores mistake the source's balance for the target's.
    plain = score_candidates(rows, ["source-accuracy"])["source-accuracy"]
    assert plain[0] > plain[1]
    assert found["weighted-accuracy"][0] < found["weighted-accuracy"][1]


def test_the_zero_shot_candidate_has_not_changed() -> None:
    for name in ("feature-shift", "scaled-feature-shift"):
        assert FOUND[name][0] == 0.0


def test_the_order_of_candidates_and_names_is_nothing() -> None:
    names = list(SCORES)[::-1]
    found = score_candidates(CANDIDATES[::-1], names, **GIVEN)
    assert list(found) == names
    for name in names:
        np.testing.assert_allclose(found[name][::-1], FOUND[name], err_msg=name)


def test_the_same_seed_gives_the_same_scores() -> None:
    again = score_candidates(CANDIDATES, **GIVEN)
    other = score_candidates(CANDIDATES, ["dev"], seed=1, **GIVEN)
    for name, values in again.items():
        np.testing.assert_array_equal(values, FOUND[name])
    assert not np.array_equal(other["dev"], FOUND["dev"])


def test_a_common_factor_of_the_weights_is_nothing() -> None:
    found = score_candidates(CANDIDATES, weights=5 * WEIGHTS, zero_shot="zero-shot")
    for name, values in found.items():
        np.testing.assert_allclose(values, FOUND[name], rtol=1e-5, atol=1e-9, err_msg=name)


def test_sentences_stay_in_one_half_of_dev() -> None:
    groups = {"source_groups": np.arange(300) // 3, "target_groups": np.arange(400) // 4}
    found = score_candidates([replace(ZERO, **groups)], ["dev"])
    ratios = density_ratios(SIDES.source, SIDES.target, **groups)
    right = softmax(ZERO.source_logits).argmax(axis=1) == SIDES.source_labels
    assert found["dev"][0] == pytest.approx(deep_embedded_validation(right, ratios))


def test_mano_counts_a_class_that_is_ruled_out_as_empty() -> None:
    rows = ZERO.corrected([1.0, 0.0, 2.0], name="two classes")
    rest = ZERO.target_logits[:, [0, 2]] + np.log([1.0, 2.0])
    wanted = (2 / 3) ** 0.25 * mano(rest)
    assert score_candidates([rows], ["mano"])["mano"][0] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("rows", "given", "need"),
    [
        (CANDIDATES, {"zero_shot": "zero-shot"}, "weights"),
        (CANDIDATES, {"weights": WEIGHTS}, "zero_shot"),
        ([ZERO], GIVEN, "ensemble"),
        ([ZERO, replace(CANDIDATES[1], target_features=None)], GIVEN, "features"),
        ([ZERO, replace(CANDIDATES[1], source_features=None)], GIVEN, "features"),
    ],
)
def test_a_need_that_is_not_met_is_said(
    rows: list[CandidateRows], given: dict[str, Any], need: str
) -> None:
    there = available_scores(rows, **given)
    lacking = [name for name, score in SCORES.items() if need in score.needs]
    assert lacking
    assert set(there) == set(SCORES) - set(lacking)
    assert list(score_candidates(rows, there, **given)) == list(there)
    for name in [*lacking, None]:
        with pytest.raises(IsoglossError, match="E430") as caught:
            score_candidates(rows, None if name is None else [name], **given)
        assert NEEDS[need] in str(caught.value)


def test_an_unknown_score_is_refused() -> None:
    with pytest.raises(IsoglossError, match="E409: the score is 'accuracy'"):
        score_candidates(CANDIDATES, ["accuracy"])


def test_rows_are_drawn_one_by_one_whatever_sentences_they_are_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("isogloss.selection.adapters.MOST_ROWS", 100)
    names = ["bnm", "weighted-bnm", "snd", "reverse-validation"]
    words = [
        replace(rows, source_groups=np.arange(300) // 6, target_groups=np.arange(400) // 8)
        for rows in CANDIDATES
    ]
    single = score_candidates(CANDIDATES, names, **GIVEN)
    for name, values in score_candidates(words, names, **GIVEN).items():
        np.testing.assert_array_equal(values, single[name])
    assert not np.array_equal(single["reverse-validation"], FOUND["reverse-validation"])
