"""The guard as a whole: it adapts where that helps, and leaves things alone where it does not."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from isogloss.labelshift import PriorEstimate, estimate_prior
from isogloss.selection import CORRECTED, CandidateRows, Choice, choose
from isogloss.selection.expectation import expected_score
from tests.helpers.candidates import SOURCE_PRIOR, TARGET_PRIOR, Sides, candidate, draw_sides
from tests.helpers.shift import softmax


def prior_of(rows: CandidateRows) -> PriorEstimate:
    source, target = softmax(rows.source_logits), softmax(rows.target_logits)
    return estimate_prior(source, rows.source_labels, target)


def chosen(*candidates: CandidateRows, **options: object) -> Choice:
    estimates = {rows.name: prior_of(rows) for rows in candidates}
    return choose(candidates, estimates, zero_shot="zero-shot", **options)


def accuracy(rows: CandidateRows, sides: Sides) -> float:
    return float((rows.target_logits.argmax(axis=1) == sides.target_labels).mean())


SAME = draw_sides(500, 800, seed=3, target_prior=SOURCE_PRIOR)
SHIFTED = draw_sides(500, 800, seed=3, target_prior=TARGET_PRIOR)


def test_a_much_better_model_is_taken() -> None:
    zero, better = candidate(SAME, noise=1.0), candidate(SAME, name="iwda", noise=0.1)
    choice = chosen(zero, better)
    assert (choice.name, choice.model, choice.corrected) == ("iwda", "iwda", False)
    assert choice.reasons[0].startswith("iwda is chosen")
    assert accuracy(better, SAME) > accuracy(zero, SAME) + 0.02


def test_a_worse_model_and_an_equal_one_are_left_aside() -> None:
    zero = candidate(SAME, noise=0.1)
    worse, equal = candidate(SAME, name="st", noise=2.0), replace(zero, name="copy")
    choice = chosen(zero, worse, equal)
    assert choice.name == "zero-shot"
    assert choice.reasons[0] == (
        "Adapting is not expected to help here: the zero-shot model is kept."
    )
    assert [row["against"] for row in choice.table if not row["corrected"]] == ["", "gain", "gain"]


def test_a_settled_model_is_never_corrected() -> None:
    zero, taught = candidate(SHIFTED), candidate(SHIFTED, name="kd", noise=0.1)
    names = [row["name"] for row in chosen(zero, taught).table]
    assert names == ["zero-shot", "zero-shot+prior", "kd", "kd+prior"]
    settled = chosen(zero, replace(taught, settled=True))
    assert [row["name"] for row in settled.table] == names[:-1]


def test_one_that_predicts_a_single_class_is_left_aside() -> None:
    zero = candidate(SAME, noise=0.3)
    flat = np.array([9.0, 0.0, 0.0])
    collapsed = replace(
        zero,
        name="st",
        source_logits=np.tile(flat, (500, 1)),
        target_logits=np.tile(flat, (800, 1)),
    )
    assert chosen(zero, collapsed).name == "zero-shot"


def test_predictions_are_corrected_under_label_shift_alone() -> None:
    zero = candidate(SHIFTED)
    choice = chosen(zero)
    assert (choice.name, choice.model, choice.corrected) == (
        "zero-shot" + CORRECTED,
        "zero-shot",
        True,
    )
    assert chosen(candidate(SAME)).name == "zero-shot"
    moved = candidate(
        draw_sides(500, 800, seed=3, target_prior=TARGET_PRIOR, moved=1.2), name="zero-shot"
    )
    refuted = prior_of(moved)
    assert not refuted.assumption_holds
    assert not choose([moved], {"zero-shot": refuted}, zero_shot="zero-shot").corrected


def test_expected_scores_are_of_every_candidate_and_start_from_the_zero_shot_model() -> None:
    zero, better = candidate(SHIFTED, noise=1.0), candidate(SHIFTED, name="iwda")
    choice = chosen(zero, better, metric="accuracy", level=0.8)
    assert set(choice.expected) == {row["name"] for row in choice.table}
    base = expected_score(zero, prior_of(zero), metric="accuracy", level=0.8)
    assert choice.expected["zero-shot"] == base
    for row in choice.table:
        found = choice.expected[row["name"]]
        assert found.metric == "accuracy"
        assert found.level == 0.8
        assert found.value == pytest.approx(base.value + row["gain"])
        assert row["expected"] == found.to_dict()


def test_a_choice_is_plain_values() -> None:
    choice = chosen(candidate(SHIFTED, noise=1.0), candidate(SHIFTED, name="iwda"))
    assert json.loads(json.dumps(choice.table)) == choice.table
    assert json.dumps(asdict(choice))
    assert all(reason.endswith(".") for reason in choice.reasons)


def test_the_same_seed_chooses_the_same() -> None:
    rows = candidate(SHIFTED, noise=1.0), candidate(SHIFTED, name="iwda", noise=0.5)
    assert chosen(*rows, seed=4) == chosen(*rows, seed=4)
