"""Class weights from what a classifier says of source rows with labels and of target rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from isogloss.labelshift.estimation import WeightEstimate, estimate_weights
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
        hard: statistics of predicted classes instead of probabilities.
        shrink: draw the estimate towards "no shift" by its own uncertainty.
        seed: of the resampling.

    References:
        Xian, Ji & Zhao, ICLR 2022, eq. 3.
    """

    source: Any
    target: Any
    pad_token_id: int
    precision: Literal["bf16", "fp32"] = "fp32"
    hard: bool = False
    shrink: bool = True
    seed: int = 0

    def __call__(self, classifier: FeatureClassifier) -> np.ndarray:
        """(k,) the weights that the classifier's predictions on both sides imply."""
        return self.estimate(classifier).weights

    def estimate(self, classifier: FeatureClassifier) -> WeightEstimate:
        """The weights with the prior they imply and its interval."""
        return self.estimate_from(
            self.collect(classifier, self.source), self.collect(classifier, self.target)
        )

    def estimate_from(self, source: CollectedRows, target: CollectedRows) -> WeightEstimate:
        """The same from rows that were collected before."""
        return estimate_weights(
            source.probabilities,
            source.labels,
            target.probabilities,
            hard=self.hard,
            shrink=self.shrink,
            seed=self.seed,
            source_groups=source.examples,
            target_groups=target.examples,
        )

    def collect(self, classifier: FeatureClassifier, dataset: Any) -> CollectedRows:
        """The rows of `dataset` under `classifier`."""
        return collect_rows(
            classifier, dataset, pad_token_id=self.pad_token_id, precision=self.precision
        )
