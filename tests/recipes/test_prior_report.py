"""What is told of an estimate, beside its numbers."""

from __future__ import annotations

import json

import numpy as np

from isogloss.labelshift.prior_estimation import estimate_prior
from isogloss.recipes.prior_report import class_shares_of, describe_prior
from tests.helpers.candidates import random_rows

NAMES = ("bad", "good", "rare")


def test_a_class_that_no_source_row_has_is_not_said_to_be_absent() -> None:
    rows, _ = random_rows(60, 3, seed=0)
    target, _ = random_rows(40, 3, seed=1)
    predicted = class_shares_of(target.argmax(axis=1), 3)
    for classes, said in ((2, True), (3, False)):
        labels = np.arange(60) % classes
        estimate = estimate_prior(rows, labels, target)
        report = describe_prior(estimate, labels=NAMES, predicted=predicted)
        told = [text for text in report["sentences"] if "cannot be told" in text]
        assert bool(told) == said
        assert report["sentences"][: len(estimate.sentences())] == estimate.sentences()
        assert json.loads(json.dumps(report, allow_nan=False)) == report
        if said:
            assert "No held-out source row has 'rare':" in told[0]
            assert report["estimate"][2] == 0.0


def test_shares_of_no_rows_are_zeros() -> None:
    assert class_shares_of(np.array([], dtype=int), 3).tolist() == [0.0, 0.0, 0.0]
    assert class_shares_of(np.array([2, 2, 0, 1]), 3).tolist() == [0.25, 0.25, 0.5]
