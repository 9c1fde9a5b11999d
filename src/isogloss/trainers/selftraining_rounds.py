"""One round of self-training: a pass over the target that gives some of its rows a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss.labelshift.correction import correct
from isogloss.labelshift.prior_estimation import PriorEstimate
from isogloss.models.features import FeatureClassifier
from isogloss.models.precision import Precision
from isogloss.trainers.estimation import RowEstimator
from isogloss.trainers.pseudolabels import (
    class_quotas,
    halfway,
    most_confident,
    most_in_shares,
    named_alike,
    predicted_shares,
    rules_out,
    shares_within,
    within_quotas,
)
from isogloss.trainers.rows import CollectedRows, collect_rows
from isogloss.trainers.selftraining_config import SelfTrainingConfig
from isogloss.trainers.selftraining_state import PseudoLabels


@dataclass(frozen=True, kw_only=True)
class Labeller:
    """Gives the pseudo-labels of a round.

    Args:
        args: says how they are chosen, and how many.
        target: encoded target examples, without labels.
        pad_token_id: of the tokenizer.
        estimate: estimates the prior; needed by `selection="prior"`.
    """

    args: SelfTrainingConfig
    target: Any
    pad_token_id: int
    estimate: RowEstimator | None = None

    def __call__(
        self, classifier: FeatureClassifier, before: PseudoLabels | None, *, step: int, number: int
    ) -> PseudoLabels:
        """The labels from a round on.

        Args:
            classifier: who gives them, with dropout off.
            before: those of the earlier rounds.
            step: that the round begins at.
            number: of the round, from 0.
        """
        precision: Precision = "bf16" if self.args.bf16 else "fp32"
        rows = collect_rows(
            classifier, self.target, pad_token_id=self.pad_token_id, precision=precision
        )
        before = before or PseudoLabels.none(
            rows.examples, count=len(self.target), num_classes=classifier.num_labels
        )
        before = before if self.args.keep_labels else before.cleared()
        if self.args.selection == "prior":
            after, facts = self._by_prior(classifier, before, rows, number)
        else:
            after, facts = self._by_confidence(before, rows, number), {}
        return after.with_round({"step": step, **after.facts(), **facts})

    def _by_confidence(
        self, before: PseudoLabels, rows: CollectedRows, number: int
    ) -> PseudoLabels:
        wanted = self._so_far(len(self.target), number) - len(before.labelled_examples())
        probabilities = rows.probabilities
        choice = most_confident(probabilities, rows.examples, count=wanted, free=before.free)
        return before.with_choice(choice, probabilities)

    def _by_prior(
        self,
        classifier: FeatureClassifier,
        before: PseudoLabels,
        rows: CollectedRows,
        number: int,
    ) -> tuple[PseudoLabels, dict[str, Any]]:
        assert self.estimate is not None
        known = rows.sample(self.args.estimate_sample, seed=int(self.args.seed))
        estimator = self.estimate.prepare(classifier)
        # From the second round on the model has been trained on its own labels.
        tested = [found["assumption_p_value"] for found in before.rounds]
        estimate = estimator.estimate(
            known.probabilities,
            groups=known.examples,
            p_value_before=min([self.estimate.p_value_before, *tested]),
        )
        probabilities = estimator.calibrated(rows.probabilities)
        aim = predicted_shares(probabilities)
        sure = np.ones(len(probabilities), dtype=bool)
        total = wanted = self._so_far(len(rows.labels), number)
        asked = _asked_for(estimate, probabilities)
        if asked is not None:
            probabilities, aim = asked
        else:
            # No balance is known then. Rows that hang on it would teach the next model what this
            # one favours: what it seldom says, it would say more seldom still.
            sure = named_alike(probabilities, halfway(aim, estimate.source_prior))
            classes = probabilities[before.free & sure].argmax(axis=1)
            there = before.counts + np.bincount(classes, minlength=len(aim))
            total = min(total, most_in_shares(aim, there))
        quotas = np.maximum(class_quotas(aim, total) - before.counts, 0)
        choice = within_quotas(probabilities, quotas, free=before.free & sure)
        facts = {
            "aim": aim.tolist(),
            "sure": float(sure.mean()),
            "coverage": total / wanted,
            "estimate": estimate.prior.tolist(),
            "shift_is_significant": bool(estimate.shift_is_significant),
            "assumption_p_value": float(estimate.assumption_p_value),
        }
        return before.with_choice(choice, probabilities), facts

    def _so_far(self, count: int, number: int) -> int:
        """How many of `count` are to have a label in round `number`: at least one a round."""
        return min(count, max(number + 1, round(self.args.fraction * count * (number + 1))))


def _asked_for(
    estimate: PriorEstimate, probabilities: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Probabilities (n, k) corrected by an estimate, and the class shares (k,) it asks for.

    None where it cannot be trusted: its assumption is refuted, or it all but denies a class.
    """
    if not estimate.assumption_holds:
        return None
    corrected = correct(probabilities, estimate.weights)
    asked = shares_within(predicted_shares(corrected), estimate.interval)
    if rules_out(asked, predicted_shares(probabilities), estimate.source_prior):
        return None
    return corrected, asked
