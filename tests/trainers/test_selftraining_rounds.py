from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.correction import correct
from isogloss.labelshift.prior_estimation import PriorEstimate
from isogloss.trainers.estimation import RowEstimator
from isogloss.trainers.pseudolabels import (
    class_quotas,
    halfway,
    named_alike,
    predicted_shares,
    shares_within,
)
from isogloss.trainers.rows import collect_rows
from isogloss.trainers.selftraining_config import SelfTrainingConfig
from isogloss.trainers.selftraining_rounds import Labeller
from isogloss.trainers.selftraining_state import PseudoLabels
from tests.helpers.rows import PAD, encoded
from tests.trainers.common import classifier


def labeller(**changes: Any) -> Labeller:
    target = encoded(30, seed=2, token_task=True, prior=[0.7, 0.2, 0.1]).remove_columns("labels")
    held_out = encoded(20, seed=3, token_task=True)
    return Labeller(
        args=SelfTrainingConfig(**{"use_cpu": True, "fraction": 0.3, **changes}),
        target=target,
        pad_token_id=PAD,
        estimate=RowEstimator(source=held_out, target=target, pad_token_id=PAD),
    )


def rounds(label: Labeller, count: int) -> list[PseudoLabels]:
    model, found, pseudo = classifier(token=True), [], None
    for number in range(count):
        pseudo = label(model, pseudo, step=10 * number, number=number)
        found.append(pseudo)
    return found


@pytest.mark.parametrize("selection", ["prior", "confident"])
def test_rounds_go_on_until_nothing_is_left(selection: str) -> None:
    found = rounds(labeller(selection=selection), 5)
    totals = [int(pseudo.counts.sum()) for pseudo in found]
    assert totals == sorted(totals)
    assert [facts["step"] for facts in found[-1].rounds] == [0, 10, 20, 30, 40]
    if selection == "confident":
        examples = [len(pseudo.labelled_examples()) for pseudo in found]
        assert examples == [9, 18, 27, 30, 30]
        assert found[-1].free.sum() == 0


SHARPNESS = 4.0


@dataclass(frozen=True)
class Told:
    """Stands for a `RowEstimator` and for what it prepares: an estimate that is given."""

    weights: np.ndarray
    interval: np.ndarray
    assumption_p_value: float
    p_value_before: float = 1.0

    def prepare(self, model: Any) -> Told:
        return self

    def calibrated(self, probabilities: np.ndarray) -> np.ndarray:
        # Not what a classifier says, so that a use of that would be seen: of all classes, and sure.
        logs = np.log(probabilities)
        return np.roll(softmax(SHARPNESS * (logs - logs.mean(axis=0))), 1, axis=1)

    def estimate(
        self, probabilities: np.ndarray, *, groups: np.ndarray, p_value_before: float
    ) -> PriorEstimate:
        thirds = np.full(3, 1 / 3)
        return PriorEstimate(
            method="auto",
            prior=thirds * self.weights,
            weights=self.weights,
            interval=self.interval,
            level=0.95,
            shift_is_significant=True,
            assumption_p_value=min(self.assumption_p_value, p_value_before),
            raw_prior=thirds,
            source_prior=thirds,
            shrinkage=1.0,
            diagnostics={},
        )


WEIGHTS = np.array([0.2, 0.4, 2.4])
NARROW = np.array([[0.05, 0.1], [0.1, 0.2], [0.75, 0.85]])


def test_an_estimate_corrects_and_holds_the_quotas() -> None:
    label, model = labeller(keep_labels=False), classifier(token=True)
    told = Told(WEIGHTS, NARROW, 0.5)
    label = replace(label, estimate=told)
    plain = collect_rows(model, label.target, pad_token_id=PAD).probabilities
    believed = correct(told.calibrated(plain), WEIGHTS)
    aim = shares_within(predicted_shares(believed), NARROW)
    for number, pseudo in enumerate(rounds(label, 3)):
        facts = pseudo.rounds[-1]
        np.testing.assert_allclose(facts["aim"], aim)
        assert facts["sure"] == facts["coverage"] == pseudo.coverage == 1.0
        np.testing.assert_allclose(facts["estimate"], WEIGHTS / 3)
        assert (pseudo.counts < aim * round(0.3 * len(plain)) * (number + 1) + 2).all()
        given = ~pseudo.free
        np.testing.assert_array_equal(pseudo.labels[given], believed[given].argmax(axis=1))
        np.testing.assert_allclose(pseudo.beliefs[given], believed[given], rtol=1e-6)


ALONE = Told(np.array([3.0, 0.0, 0.0]), np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]), 0.5)


@pytest.mark.parametrize("told", [Told(WEIGHTS, NARROW, 0.01), ALONE], ids=["false", "alone"])
def test_an_estimate_that_is_found_false_or_denies_a_class_is_left_aside(told: Told) -> None:
    """Each class keeps its share among the predictions, in rows that do not hang on the balance."""
    label, model = labeller(keep_labels=False), classifier(token=True)
    pseudo = rounds(replace(label, estimate=told), 1)[0]
    plain = collect_rows(model, label.target, pad_token_id=PAD).probabilities
    believed = told.calibrated(plain)
    shares = np.bincount(believed.argmax(axis=1), minlength=3) / len(plain)
    np.testing.assert_allclose(pseudo.rounds[-1]["aim"], shares)
    sure = named_alike(believed, halfway(shares, np.full(3, 1 / 3)))
    assert 0 < pseudo.rounds[-1]["sure"] == sure.mean() < 1
    np.testing.assert_array_equal(pseudo.counts, class_quotas(shares, round(0.3 * len(plain))))
    given = ~pseudo.free
    assert sure[given].all()
    np.testing.assert_allclose(pseudo.beliefs[given], believed[given], rtol=1e-6)


@pytest.mark.parametrize("fraction", [0.5, 1.0])
def test_where_few_rows_are_sure_the_shares_hold_all_the_same(fraction: float) -> None:
    """All classes get fewer labels then, over all rounds."""
    label, told = labeller(fraction=fraction), Told(WEIGHTS, NARROW, 0.01)
    found = rounds(replace(label, estimate=told), 2)
    for pseudo in found:
        aim = np.array(pseudo.rounds[-1]["aim"])
        total = pseudo.counts.sum()
        assert np.abs(pseudo.counts - aim * total).max() < 1
        wanted = fraction * len(pseudo.labels) * len(pseudo.rounds)
        assert pseudo.coverage == pytest.approx(total / min(wanted, len(pseudo.labels)), abs=0.01)
    assert found[-1].coverage < 1.0
    assert 0 < found[-1].counts.sum() < len(found[-1].labels)


def test_the_estimate_is_of_a_sample_of_the_rows_that_get_the_labels() -> None:
    """One pass over the target serves both."""
    seen: list[tuple[int, int]] = []

    class Counting(Told):
        def estimate(
            self, probabilities: np.ndarray, *, groups: np.ndarray, p_value_before: float
        ) -> PriorEstimate:
            seen.append((len(probabilities), len(np.unique(groups))))
            return super().estimate(probabilities, groups=groups, p_value_before=p_value_before)

    told = Counting(np.ones(3), np.tile([0.0, 1.0], (3, 1)), 0.5)
    rounds(replace(labeller(estimate_sample=7), estimate=told), 1)
    assert seen[0][1] == 7 < seen[0][0]


@pytest.mark.parametrize(("before", "first"), [(1.0, 0.5), (0.01, 0.01)])
def test_what_was_refuted_once_stays_so(before: float, first: float) -> None:
    """By the model before, or in an earlier round, whatever a later one finds."""
    found = iter([0.5, 0.02, 0.9])

    class Changing(Told):
        def estimate(self, *rows: Any, p_value_before: float, **more: Any) -> PriorEstimate:
            told = Told(self.weights, self.interval, next(found))
            return told.estimate(*rows, p_value_before=p_value_before, **more)

    told = Changing(WEIGHTS, NARROW, 0.5, before)
    last = rounds(replace(labeller(), estimate=told), 3)[-1]
    tested = [facts["assumption_p_value"] for facts in last.rounds]
    assert tested == [first, min(first, 0.02), min(first, 0.02)]


def test_beliefs_as_published_are_the_model_s_own() -> None:
    label = labeller(selection="confident")
    pseudo = rounds(label, 1)[0]
    plain = collect_rows(classifier(token=True), label.target, pad_token_id=PAD).probabilities
    given = ~pseudo.free
    np.testing.assert_allclose(pseudo.beliefs[given], plain[given], rtol=1e-6)
    assert set(pseudo.rounds[0]) == {"step", "labelled", "share", "examples", "classes"}
