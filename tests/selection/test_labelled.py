"""Labelled target rows: scores on them, the correction of the models, and how much they count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from isogloss.errors import IsoglossError
from isogloss.labelshift import PriorEstimate, estimate_prior
from isogloss.selection import (
    CandidateRows,
    LabelledRows,
    choose,
    expected_score,
    opinions_of,
    sharpened,
    sharpened_score,
    weigh_candidates,
    weigh_labelled,
)
from isogloss.selection.labelled import see_labelled, share_of_labelled
from isogloss.selection.opinions import Opinions, entries_of
from tests.helpers.candidates import SOURCE_PRIOR, candidate, draw_sides, random_rows
from tests.helpers.shift import softmax

# Texts of a class look like those of the next one: no model can see that without labels.
SIDES = draw_sides(400, 1_200, seed=3, moved=0.9, target_prior=SOURCE_PRIOR)
FREE = slice(0, 600)


def model(name: str, noise: float = 0.0) -> tuple[CandidateRows, np.ndarray]:
    """A candidate of the first 600 target rows, and its logits of all."""
    whole = candidate(SIDES, name=name, noise=noise)
    rows = replace(whole, target_logits=whole.target_logits[FREE], target_features=None)
    return replace(rows, source_features=None), whole.target_logits


def prior_of(rows: CandidateRows) -> PriorEstimate:
    return estimate_prior(
        softmax(rows.source_logits), rows.source_labels, softmax(rows.target_logits)
    )


def labelled_rows(count: int, *, start: int = 600, **logits: np.ndarray) -> LabelledRows:
    some = slice(start, start + count)
    return LabelledRows(
        labels=SIDES.target_labels[some], logits={name: x[some] for name, x in logits.items()}
    )


def random_opinions(
    unlabelled: int, labelled: int, *, classes: int
) -> tuple[Opinions, Opinions, np.ndarray]:
    """Of a jury of one that is the only candidate, on both kinds of rows; labels of the latter."""
    jury, labels = random_rows(labelled, classes, seed=1)
    seen, _ = random_rows(unlabelled, classes, seed=2)
    target, told = (
        Opinions(jury=rows, predicted=rows.argmax(1)[None], units=np.arange(len(rows)))
        for rows in (seen, jury)
    )
    return target, told, labels


def test_accuracy_is_corrected_by_what_the_jury_misses() -> None:
    target, told, labels = random_opinions(400, 50, classes=3)
    seen, jury = target.jury, told.jury
    (found,) = weigh_labelled(target, told, labels, base=0, metric="accuracy")
    right = jury.argmax(1) == labels
    wanted = seen.max(1).mean() + (right - jury.max(1)).mean()
    assert found.value == pytest.approx(wanted)
    assert (found.gain, found.gain_error) == (0.0, 0.0)
    assert found.scores["accuracy"].value == pytest.approx(accuracy_score(labels, jury.argmax(1)))
    assert found.scores["macro_f1"].value == pytest.approx(
        f1_score(labels, jury.argmax(1), average="macro", zero_division=0.0)
    )
    parts = np.var(right - jury.max(1)) / 50 + np.var(seen.max(1)) / 400
    assert found.error == pytest.approx(np.sqrt(parts), rel=0.2)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_estimates_are_right_on_average_and_err_as_they_say(metric: str) -> None:
    zero, logits = model("zero-shot")
    other, others = model("iwda", 0.6)
    entries = [*entries_of(zero, prior_of(zero))[:1], *entries_of(other, prior_of(other))[:1]]
    target = opinions_of(entries)
    labels = SIDES.target_labels
    truth = {
        "accuracy": [accuracy_score(labels, x.argmax(1)) for x in (logits, others)],
        "macro_f1": [f1_score(labels, x.argmax(1), average="macro") for x in (logits, others)],
    }[metric]
    rng, gaps = np.random.default_rng(0), []
    for _ in range(150):
        some = np.sort(rng.choice(np.arange(600, 1_200), 80, replace=False))
        few = LabelledRows(
            labels=labels[some], logits={"zero-shot": logits[some], "iwda": others[some]}
        )
        found = weigh_labelled(
            target, see_labelled(entries, few), few.labels, base=0, metric=metric
        )
        gaps.append(
            [
                (found[1].value - truth[1], found[1].error),
                (found[1].gain - (truth[1] - truth[0]), found[1].gain_error),
            ]
        )
    errors, said = np.moveaxis(np.array(gaps), 2, 0)
    assert np.abs(errors.mean(axis=0)).max() < 0.02
    # Without labels the score is missed by much more than that.
    assert abs(expected_score(other, prior_of(other), metric=metric).value - truth[1]) > 0.05
    np.testing.assert_allclose(said.mean(axis=0), errors.std(axis=0), rtol=0.35)


def test_ten_rows_hardly_count_and_two_hundred_decide() -> None:
    zero, logits = model("zero-shot")
    other, others = model("iwda", 0.6)
    estimates = {rows.name: prior_of(rows) for rows in (zero, other)}
    shares = []
    for count in (10, 50, 200):
        few = labelled_rows(count, **{"zero-shot": logits, "iwda": others})
        standings = weigh_candidates([zero, other], estimates, zero_shot="zero-shot", labelled=few)
        found = next(each for each in standings if each.name == "iwda")
        heard = found.heard(0.05)
        assert found.labelled is not None
        low, high = sorted((found.gain, found.labelled.gain))
        assert low <= heard.gain <= high
        assert heard.spread >= found.spread
        assert standings[0].heard(0.05) == standings[0]
        shares.append(heard.labelled_share)
    assert shares == sorted(shares)
    assert shares[0] < 0.35
    assert shares[2] > 0.6


def test_labels_overrule_models_that_agree_in_error() -> None:
    """Three copies of a bad model outvote a good one, until labelled rows speak."""
    bad, bad_logits = model("zero-shot", 1.5)
    good, logits = model("iwda")
    copies = {name: replace(bad, name=name) for name in ("zero-shot", "st", "kd")}
    rows = [copies["zero-shot"], copies["st"], copies["kd"], good]
    estimates = {each.name: prior_of(each) for each in rows}
    few = labelled_rows(300, **dict.fromkeys(copies, bad_logits), iwda=logits)
    with_labels = choose(rows, estimates, zero_shot="zero-shot", labelled=few)
    assert with_labels.model == "iwda"
    assert "the labelled rows together, it is expected to gain" in with_labels.reasons[0]
    assert with_labels.reasons[-1].startswith("In these gains 300 labelled target rows count ")
    other = replace(few, labels=bad_logits[600:900].argmax(1))
    assert choose(rows, estimates, zero_shot="zero-shot", labelled=other).model == "zero-shot"


def test_what_is_expected_comes_nearer_and_says_so() -> None:
    zero, logits = model("zero-shot")
    estimate = prior_of(zero)
    truth = accuracy_score(SIDES.target_labels, logits.argmax(1))
    free = expected_score(zero, estimate)
    found, evidence = sharpened_score(
        zero, estimate, labelled_rows(200, **{"zero-shot": logits}), model="zero-shot"
    )
    assert abs(found.value - truth) < abs(free.value - truth)
    assert found.interval[0] <= truth <= found.interval[1]
    assert found.parts["unlabelled"] == free.value
    assert found.parts["labelled"] == evidence.value
    share = found.parts["labelled_share"]
    assert found.value == pytest.approx((1 - share) * free.value + share * evidence.value)
    assert f"200 labelled target rows give {100 * share:.0f} %" in found.sentence
    assert sharpened(free, None) is free


def four_classes(*shares: float, scale: float) -> tuple[CandidateRows, np.ndarray, np.ndarray]:
    """A candidate of 2,000 target rows of such shares; its logits and the labels of 3,000."""
    rng = np.random.default_rng(5)
    sides = [rng.choice(4, 1_500), rng.choice(4, 3_000, p=shares)]
    source, target = (
        scale * (scale * np.eye(4)[some] + rng.normal(size=(len(some), 4))) for some in sides
    )
    rows = CandidateRows(
        name="zero-shot",
        source_logits=source,
        source_labels=sides[0],
        target_logits=target[:2_000],
    )
    return rows, target, sides[1]


def macro_f1_of(logits: np.ndarray, labels: np.ndarray) -> float:
    found = f1_score(labels, logits.argmax(1), average="macro", zero_division=0.0)
    return float(found)


def test_a_class_that_the_target_lacks_is_not_in_the_mean() -> None:
    rows, logits, labels = four_classes(0.4, 0.3, 0.3, 0.0, scale=6.0)
    some = slice(2_000, 2_100)
    few = LabelledRows(labels=labels[some], logits={"zero-shot": logits[some]})
    found, evidence = sharpened_score(
        rows, prior_of(rows), few, model="zero-shot", metric="macro_f1"
    )
    truth = macro_f1_of(logits[:2_000], labels[:2_000])
    assert truth > 0.99
    assert evidence.value == pytest.approx(truth, abs=0.01)
    assert found.interval[0] <= truth <= found.interval[1]


def test_rows_predicted_as_an_absent_class_cost_those_that_predict_it() -> None:
    """As in the scores of a test set, where such a class is one more in the mean."""
    rows, logits, labels = four_classes(0.4, 0.3, 0.3, 0.0, scale=4.0)
    spared = logits - np.array([0.0, 0.0, 0.0, 50.0])
    other = replace(
        rows,
        name="iwda",
        source_logits=rows.source_logits - np.array([0.0, 0.0, 0.0, 50.0]),
        target_logits=spared[:2_000],
    )
    some = slice(2_000, 2_200)
    few = LabelledRows(
        labels=labels[some], logits={"zero-shot": logits[some], "iwda": spared[some]}
    )
    estimates = {"zero-shot": prior_of(rows), "iwda": prior_of(rows)}
    standings = weigh_candidates(
        [rows, other], estimates, zero_shot="zero-shot", jury=["zero-shot"], labelled=few
    )
    told = {each.name: each.labelled for each in standings}
    truths = [macro_f1_of(each[:2_000], labels[:2_000]) for each in (logits, spared)]
    assert 0 < (logits[:2_000].argmax(1) == 3).sum() < 20
    assert truths[1] - truths[0] > 0.2
    for name, truth in zip(("zero-shot", "iwda"), truths, strict=True):
        assert told[name] is not None
        assert told[name].value == pytest.approx(truth, abs=0.03)
    assert told["iwda"].gain == pytest.approx(truths[1] - truths[0], abs=0.03)


def test_a_rare_class_that_no_labelled_row_has_stays_in_the_mean() -> None:
    rows, logits, labels = four_classes(0.4, 0.3, 0.29, 0.01, scale=2.0)
    never = np.array([0.0, 0.0, 0.0, 50.0])
    blind = replace(
        rows,
        name="iwda",
        source_logits=rows.source_logits - never,
        target_logits=rows.target_logits - never,
    )
    some = 2_000 + np.flatnonzero(labels[2_000:] != 3)[:100]
    few = LabelledRows(
        labels=labels[some], logits={"zero-shot": logits[some], "iwda": logits[some] - never}
    )
    estimates = {"zero-shot": prior_of(rows), "iwda": prior_of(rows)}
    standings = weigh_candidates(
        [rows, blind], estimates, zero_shot="zero-shot", jury=["zero-shot"], labelled=few
    )
    told = next(each.labelled for each in standings if each.name == "iwda")
    assert told is not None
    # Over three classes it would be above 0.8.
    assert told.value == pytest.approx(macro_f1_of(logits[:2_000] - never, labels[:2_000]), abs=0.1)
    assert told.gain < 0.1


def test_where_all_classes_are_there_the_mean_is_over_all_of_them() -> None:
    target, told, labels = random_opinions(500, 60, classes=4)
    seen, jury = target.jury, told.jury
    (found,) = weigh_labelled(target, told, labels, base=0, metric="macro_f1")
    surprise = np.eye(4)[labels] - jury
    joint = np.zeros((4, 4))
    for place in range(500):
        joint[seen[place].argmax()] += seen[place] / 500
    for place in range(60):
        joint[jury[place].argmax()] += surprise[place] / 60
    joint = np.maximum(joint, 0.0)
    each = [2 * joint[j, j] / (joint[j].sum() + joint[:, j].sum()) for j in range(4)]
    assert found.value == pytest.approx(np.mean(each), abs=1e-12)


def test_corrected_candidates_are_asked_as_they_are_used() -> None:
    zero, logits = model("zero-shot")
    weights = np.array([0.0, 1.0, 1.0])
    corrected = zero.corrected(weights, name="zero-shot+prior")
    few = labelled_rows(100, **{"zero-shot": logits})
    _, plain = sharpened_score(zero, prior_of(zero), few, model="zero-shot")
    _, moved = sharpened_score(corrected, prior_of(zero), few, model="zero-shot")
    never = softmax(logits[600:700])
    never[:, 0] = 0.0
    wanted = accuracy_score(few.labels, never.argmax(1))
    assert moved.scores["accuracy"].value == pytest.approx(wanted)
    assert plain.scores["accuracy"].value > wanted


def test_shares_are_by_inverse_variance() -> None:
    assert share_of_labelled(0.1, 0.1) == 0.5
    assert share_of_labelled(0.1, 0.0) == 1.0
    assert share_of_labelled(0.1, 0.3) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"labels": np.array([0, 1, 3])}, "E403"),
        ({"labels": np.array([0, 1])}, "E405"),
        ({"groups": np.array([0, 1])}, "E405"),
        ({"logits": {"a": np.full((3, 3), np.nan)}}, "E400"),
    ],
)
def test_unusable_rows(changes: dict[str, object], code: str) -> None:
    good = {"labels": np.array([0, 1, 2]), "logits": {"a": np.eye(3)}}
    LabelledRows(**good)  # type: ignore[arg-type]
    with pytest.raises(IsoglossError) as caught:
        LabelledRows(**{**good, **changes})  # type: ignore[arg-type]
    assert caught.value.code == code


def test_every_model_has_to_be_asked() -> None:
    zero, logits = model("zero-shot")
    with pytest.raises(IsoglossError) as caught:
        sharpened_score(zero, prior_of(zero), labelled_rows(20, other=logits), model="zero-shot")
    assert caught.value.code == "E409"
