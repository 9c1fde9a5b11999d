"""What scores look at, computed once for each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from isogloss.errors import IsoglossError
from isogloss.labelshift.calibration import Calibration, fit_calibration, softmax
from isogloss.labelshift.checks import Floats, Integers, check_choice, check_shape
from isogloss.labelshift.correction import check_weights
from isogloss.labelshift.priors import class_prior
from isogloss.selection.agreement import ensemble
from isogloss.selection.rows import CandidateRows, row_shares, sample_rows
from isogloss.selection.shift import conditional_feature_shift

# Rows that a calibration is fitted to at most: it has few parameters.
MOST_CALIBRATED = 20_000


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Candidates that are compared, and what they share.

    Attributes:
        candidates: of the same classes, the same source rows and the same target rows, each with a
            name of its own.
        weights: (k,) estimated importance weights, or None; a common factor changes nothing.
        zero_shot: name of the candidate that others are compared with, or None.
        seed: of every draw.

    Raises:
        IsoglossError: E400, E401, E405 for weights or candidates that do not fit, E408 for weights
            that leave no source row, E409 for an unknown `zero_shot`, E431 without candidates and
            E432 for two of the same name.
    """

    candidates: Sequence[CandidateRows]
    weights: npt.ArrayLike | None = None
    zero_shot: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.candidates:
            raise IsoglossError("E431")
        names = [candidate.name for candidate in self.candidates]
        for name in names:
            if names.count(name) > 1:
                raise IsoglossError("E432", name=name)
        first = self.candidates[0]
        for other in self.candidates[1:]:
            shape = first.target_logits.shape
            check_shape(other.target_logits, shape, name=f"{other.name}: the target logits")
            shape = first.source_logits.shape
            check_shape(other.source_logits, shape, name=f"{other.name}: the source logits")
        if self.weights is not None:
            row_shares(first.source_labels, self.weights, num_classes=first.num_classes)
        if self.zero_shot is not None:
            check_choice(self.zero_shot, names, name="zero_shot")

    @cached_property
    def ensemble(self) -> Floats:
        """(m, k) mean of the candidates' predictions, as they are used."""
        return ensemble(each.served(each.target_logits) for each in self.candidates)

    @cached_property
    def reference(self) -> Evidence:
        """The zero-shot candidate, or the first where none is named."""
        chosen = [each for each in self.candidates if each.name == self.zero_shot]
        return Evidence(rows=[*chosen, self.candidates[0]][0], shared=self)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One candidate among others.

    Attributes:
        rows: of the candidate.
        shared: what it is compared with.
    """

    rows: CandidateRows
    shared: Comparison

    @cached_property
    def labels(self) -> Integers:
        """(n,) of the source rows."""
        return np.asarray(self.rows.source_labels, dtype=np.int64)

    @cached_property
    def weights(self) -> Floats:
        """(k,) importance weights, 1 where none are known; `source prior · w == 1`."""
        size = self.rows.num_classes
        if self.shared.weights is None:
            return np.ones(size)
        found = check_weights(self.shared.weights, num_classes=size)
        return found / float(class_prior(self.labels, size) @ found)

    @cached_property
    def prior(self) -> Floats:
        """(k,) of the target, as the weights imply it; 0 for a class without source rows."""
        return class_prior(self.labels, self.rows.num_classes) * self.weights

    @cached_property
    def source(self) -> Floats:
        """(n, k) predicted on the source, as the candidate is used."""
        return self.rows.served(self.rows.source_logits)

    @cached_property
    def target(self) -> Floats:
        """(m, k) predicted on the target, as the candidate is used."""
        return self.rows.served(self.rows.target_logits)

    @cached_property
    def tempered(self) -> tuple[Floats, Floats]:
        """Both sides under a temperature that is fitted to the source rows."""
        return self._tempered(np.ones(self.rows.num_classes))

    @cached_property
    def tempered_by_prior(self) -> tuple[Floats, Floats]:
        """Both sides under a temperature that is fitted to source rows that weigh as the target."""
        return self._tempered(self.weights)

    @cached_property
    def posterior(self) -> Floats:
        """(m, k) of the target's classes: calibrated, then corrected for the estimated prior.

        Whether the candidate corrects its own predictions plays no part. A class without source
        rows gets nothing.
        """
        calibrated = calibrated_target(self.rows, seed=self.shared.seed)
        return self.rows.posterior(calibrated, self.weights)

    @cached_property
    def feature_shift(self) -> float:
        """Estimated conditional feature shift."""
        return self._feature_shift(scaled=False)

    @cached_property
    def scaled_feature_shift(self) -> float:
        """The same by the spread of the source's classes."""
        return self._feature_shift(scaled=True)

    def _feature_shift(self, *, scaled: bool) -> float:
        source, target = self.rows.source_features, self.rows.target_features
        assert source is not None
        assert target is not None
        return conditional_feature_shift(source, self.labels, target, self.posterior, scaled=scaled)

    def _tempered(self, weights: Floats) -> tuple[Floats, Floats]:
        found = _calibration(self.source, self.labels, weights, "temperature", self.shared.seed)
        return found(self.source), found(self.target)


def calibrated_target(rows: CandidateRows, *, seed: int = 0) -> Floats:
    """Calibrate what a candidate says of the target before any correction of its own.

    Args:
        rows: of the candidate.
        seed: of the choice of source rows, where there are very many.

    Returns:
        (m, k) probabilities under the source's prior, rows sum to 1.
    """
    source = softmax(np.asarray(rows.source_logits, dtype=np.float64))
    labels = np.asarray(rows.source_labels, dtype=np.int64)
    found = _calibration(source, labels, np.ones(rows.num_classes), "bcts", seed)
    return found(softmax(np.asarray(rows.target_logits, dtype=np.float64)))


def _calibration(
    probabilities: Floats, labels: Integers, weights: Floats, kind: str, seed: int
) -> Calibration:
    """Fitted to rows that count by the weights of their classes."""
    chosen = sample_rows(len(labels), MOST_CALIBRATED, seed=seed)
    classes = labels[chosen]
    return fit_calibration(probabilities[chosen], classes, kind=kind, counts=weights[classes])
