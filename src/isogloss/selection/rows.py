"""What a candidate says of held-out source rows and of the target: checked once, kept as it is."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from isogloss.errors import IsoglossError
from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.checks import (
    Floats,
    Integers,
    check_labels,
    check_probabilities,
    check_shape,
    finite_array,
)
from isogloss.labelshift.correction import check_weights, reweigh
from isogloss.labelshift.priors import class_prior

# Rows that are turned into float64 at a time: features of a tagging task are many and wide.
BLOCK = 8_192


@dataclass(frozen=True, kw_only=True)
class CandidateRows:
    """The rows of one candidate model, without any label of the target.

    Nothing is copied: arrays stay in the precision that they came in.

    Attributes:
        name: what the candidate is called, such as "iwda+kd".
        source_logits: (n, k) on labelled source rows that the candidate was not trained on.
        source_labels: (n,) their classes in 0..k-1.
        target_logits: (m, k) on target rows.
        source_features: (n, d) what the final linear layer receives, or None.
        target_features: (m, d) likewise, or None.
        source_groups: (n,) integers; rows of one group (the words of a sentence) are not
            independent. `None` where all are.
        target_groups: (m,) likewise, or None.
        correction: (k,) importance weights that the candidate's predictions are corrected by when
            it is used, or None where it is used as it is. The logits are those before it.
        settled: whether training has put the target's balance into what it says of target rows,
            as a teacher corrected by the estimated prior does; then nothing corrects it again.

    Raises:
        IsoglossError: E400, E401, E403, E404, E405 for unusable rows, E408 for a correction that
            rules every class out.
    """

    name: str
    source_logits: np.ndarray
    source_labels: np.ndarray
    target_logits: np.ndarray
    source_features: np.ndarray | None = None
    target_features: np.ndarray | None = None
    source_groups: np.ndarray | None = None
    target_groups: np.ndarray | None = None
    correction: np.ndarray | None = None
    settled: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("name", "settled") and value is not None:
                object.__setattr__(self, field.name, np.asarray(value))
        _check_matrix(self.source_logits, name=self._called("source logits"))
        _check_matrix(
            self.target_logits, width=self.num_classes, name=self._called("target logits")
        )
        rows = len(self.source_logits)
        labels = check_labels(
            self.source_labels, self.num_classes, name=self._called("source labels")
        )
        check_shape(labels, (rows,), name=self._called("source labels"))
        self._check_side("source", self.source_features, self.source_groups, rows)
        self._check_side("target", self.target_features, self.target_groups, self.num_target_rows)
        if self.correction is not None:
            factors = check_weights(self.correction, num_classes=self.num_classes)
            if not factors.any():
                raise IsoglossError("E408", total=0.0)

    @property
    def num_classes(self) -> int:
        """k."""
        return int(self.source_logits.shape[1])

    @property
    def num_target_rows(self) -> int:
        """m."""
        return len(self.target_logits)

    def corrected(self, weights: npt.ArrayLike, *, name: str) -> CandidateRows:
        """The same rows as a candidate whose predictions are corrected for another balance.

        Args:
            weights: (k,) importance weights, at least 0; a common factor changes nothing.
            name: of the new candidate.

        Raises:
            IsoglossError: E400, E401, E405, E408 for unusable weights.
        """
        return replace(self, name=name, correction=np.asarray(weights))

    def posterior(self, probabilities: Floats, weights: Floats) -> Floats:
        """What target rows may be under the target's prior.

        Args:
            probabilities: (r, k) calibrated ones of target rows, in the source's balance, or in the
                target's where that is settled.
            weights: (k,) importance weights; a class without source rows gets nothing.
        """
        seen = class_prior(self.source_labels, self.num_classes) > 0
        factors = np.ones(self.num_classes) if self.settled else weights
        return reweigh(probabilities, np.where(seen, factors, 0.0))

    def served(self, logits: np.ndarray) -> Floats:
        """Probabilities (r, k) as the candidate gives them in use, of some of its logits (r, k)."""
        found = softmax(np.asarray(logits, dtype=np.float64))
        if self.correction is None:
            return found
        factors = np.asarray(self.correction, dtype=np.float64)
        return reweigh(found, factors / factors.max())

    def _check_side(
        self, side: str, features: np.ndarray | None, groups: np.ndarray | None, rows: int
    ) -> None:
        if groups is not None:
            check_shape(groups, (rows,), name=self._called(f"{side} groups"))
        if features is not None:
            source = self.source_features
            width = source.shape[1] if side == "target" and source is not None else -1
            _check_matrix(features, rows=rows, width=width, name=self._called(f"{side} features"))

    def _called(self, what: str) -> str:
        return f"{self.name}: the {what}"


def labelled(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[Floats, Integers, Floats]:
    """Check labelled source rows, and look up what each of them weighs.

    Args:
        probabilities: (n, k) predicted.
        labels: (n,) true classes.
        weights: (k,) importance weights, or None for none.

    Returns:
        Probabilities (n, k), classes (n,), and what each row weighs (n,), which sums to 1.

    Raises:
        IsoglossError: E400, E401, E403, E404, E405, E406 for unusable rows or weights, E408 where
            all rows weigh nothing.
    """
    rows = check_probabilities(probabilities, name="the source probabilities")
    classes = check_labels(labels, rows.shape[1], name="the source labels")
    check_shape(classes, (len(rows),), name="the source labels")
    return rows, classes, row_shares(classes, weights, num_classes=rows.shape[1])


def row_shares(classes: Integers, weights: npt.ArrayLike | None, *, num_classes: int) -> Floats:
    """What each row of a class weighs (n,), which sums to 1; see `labelled`."""
    if weights is None:
        return np.full(len(classes), 1.0 / len(classes))
    found = check_weights(weights, num_classes=num_classes)[classes]
    total = float(found.sum())
    if total <= 0.0:
        raise IsoglossError("E408", total=0.0)
    return found / total


def sample_rows(count: int, most: int, *, seed: int) -> Integers:
    """Ascending indices of all rows, or of `most` of them drawn without replacement.

    For a value that is a mean over rows or is fitted to them, and too costly on all. Rows are drawn
    one by one for tagging too, where they are words of sentences: words of one sentence are alike,
    so as many words of whole sentences say less of the target's, and the value would vary more from
    draw to draw (Kish, Survey Sampling, 1965, the design effect). How far a value may be off is
    another matter; there whole sentences are drawn, see `bundle_rows`.
    """
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def _check_matrix(array: np.ndarray, *, name: str, rows: int = -1, width: int = -1) -> None:
    check_shape(array, (rows, width), name=name)
    if not array.size:
        raise IsoglossError("E404", name=name)
    for start in range(0, len(array), BLOCK):
        finite_array(array[start : start + BLOCK], name=name)
