from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isogloss.trainers.estimation import RowEstimator
from isogloss.trainers.pseudolabels import shares_within
from isogloss.trainers.rows import collect_rows
from isogloss.trainers.selftraining_config import SelfTrainingConfig
from isogloss.trainers.selftraining_rounds import Labeller, corrected
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


def test_correction_is_calibration_then_weights() -> None:
    label, model = labeller(), classifier(token=True)
    estimator = label.estimate
    assert estimator is not None
    estimator.calibration = "none"
    plain = collect_rows(model, label.target, pad_token_id=PAD).probabilities
    estimate, probabilities = corrected(estimator, model, plain)
    expected = plain * estimate.weights
    np.testing.assert_allclose(probabilities, expected / expected.sum(axis=1, keepdims=True))


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


@pytest.mark.parametrize("in_doubt", ["confident", "predicted"])
def test_aim_is_what_is_predicted_within_the_interval_and_bounds_the_counts(in_doubt: str) -> None:
    label, model = labeller(keep_labels=False, in_doubt=in_doubt), classifier(token=True)
    plain = collect_rows(model, label.target, pad_token_id=PAD).probabilities
    assert label.estimate is not None
    estimate, probabilities = corrected(label.estimate, model, plain)
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    for number, pseudo in enumerate(rounds(label, 3)):
        surest = order[: round(0.3 * len(plain) * (number + 1))]
        asked = surest if in_doubt == "confident" else order
        predicted = np.bincount(probabilities[asked].argmax(axis=1), minlength=3) / len(asked)
        aim = shares_within(predicted, estimate.interval)
        facts = pseudo.rounds[-1]
        np.testing.assert_allclose(facts["aim"], aim)
        np.testing.assert_allclose(facts["estimate"], estimate.prior)
        assert (pseudo.counts < aim * round(0.3 * len(plain)) * (number + 1) + 2).all()
        given = ~pseudo.free
        np.testing.assert_array_equal(pseudo.labels[given], probabilities[given].argmax(axis=1))
        np.testing.assert_allclose(pseudo.beliefs[given], probabilities[given], rtol=1e-6)


def test_beliefs_as_published_are_the_model_s_own() -> None:
    label = labeller(selection="confident")
    pseudo = rounds(label, 1)[0]
    plain = collect_rows(classifier(token=True), label.target, pad_token_id=PAD).probabilities
    given = ~pseudo.free
    np.testing.assert_allclose(pseudo.beliefs[given], plain[given], rtol=1e-6)
    assert set(pseudo.rounds[0]) == {"step", "labelled", "share", "examples", "classes"}
