"""Class weights from what a classifier says of source rows with labels and of target rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from isogloss.labelshift.prior_estimation import PriorEstimate, PriorEstimator
from isogloss.models.features import FeatureClassifier
from isogloss.trainers.rows import CollectedRows, collect_rows


@dataclass(kw_only=True)
class RowEstimator:
    """Solves for the class weights of the current classifier, with dropout off.

    Args:
        source: encoded source examples with labels, held out from training unless the paper's
            procedure is wanted.
        target: encoded target examples, unlabelled.
        pad_token_id: of the tokenizer.
        precision: of the matrix products.
        method: as for `PriorEstimator`.
        calibration: as for `PriorEstimator`.
        seed: of the estimate's random choices.
        p_value_before: as for `PriorEstimator.estimate`: of the model before it was adapted to the
            target, where it has been.

    References:
        Xian, Ji & Zhao, ICLR 2022, eq. 3.
    """

    source: Any
    target: Any
    pad_token_id: int
    precision: Literal["bf16", "fp32"] = "fp32"
    method: str = "auto"
    calibration: str = "bcts"
    seed: int = 0
    p_value_before: float = 1.0

    def __call__(self, classifier: FeatureClassifier) -> PriorEstimate:
        """The weights that the classifier's predictions on both sides imply, and their interval."""
        estimator = self.prepare(classifier)
        target = self.collect(classifier, self.target)
        return estimator.estimate(
            target.probabilities, groups=target.examples, p_value_before=self.p_value_before
        )

    def prepare(self, classifier: FeatureClassifier) -> PriorEstimator:
        """An estimator for any target rows that the classifier has seen, from the source's."""
        source = self.collect(classifier, self.source)
        return PriorEstimator(
            source.probabilities,
            source.labels,
            method=self.method,
            calibration=self.calibration,
            groups=source.examples,
            seed=self.seed,
        )

    def collect(self, classifier: FeatureClassifier, dataset: Any) -> CollectedRows:
        """The rows of `dataset` under `classifier`."""
        return collect_rows(
            classifier, dataset, pad_token_id=self.pad_token_id, precision=self.precision
        )
