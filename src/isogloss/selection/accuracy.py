"""Accuracy on the target from labelled source rows and the target's confidences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from isogloss.labelshift.checks import Floats, check_choice, check_probabilities
from isogloss.selection.rows import labelled

CONFIDENCES = ("confidence", "entropy")
# Sums of shares that should be equal differ by rounding.
_ROUNDING = 1e-12


def source_accuracy(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> float:
    """Accuracy on source rows that weigh as their classes do in the target.

    Args:
        probabilities: (n, k) predicted on labelled source rows, held out from training.
        labels: (n,) their classes.
        weights: (k,) importance weights of the classes, none by default; a common factor changes
            nothing.

    Returns:
        `Σ_i w[y_i] 1[ŷ_i = y_i] / Σ_i w[y_i]`, in 0..1.

    Raises:
        IsoglossError: E400, E401, E403, E404, E405, E406 for unusable rows or weights, E408 where
            all rows weigh nothing.

    References:
        Sugiyama, Krauledat & Müller, JMLR 8 (2007), importance-weighted validation, with the
        weights of label shift (Lipton, Wang & Smola, ICML 2018).
    """
    rows, classes, shares = labelled(probabilities, labels, weights)
    return float(shares @ (rows.argmax(axis=1) == classes))


def source_macro_f1(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> float:
    """Macro-F1 on source rows that weigh as their classes do in the target.

    Args:
        probabilities: as for `source_accuracy`.
        labels: as for `source_accuracy`.
        weights: as for `source_accuracy`.

    Returns:
        In 0..1; the mean of F1 is over the classes that have weight or are predicted.

    Raises:
        IsoglossError: as `source_accuracy`.
    """
    rows, classes, shares = labelled(probabilities, labels, weights)
    size = rows.shape[1]
    places = rows.argmax(axis=1) * size + classes
    cells: Floats = np.bincount(places, shares, minlength=size**2).astype(np.float64)
    return float(macro_f1(cells.reshape(size, size)))


def macro_f1(
    confusion: Floats, *, least: float = 0.0, classes: npt.NDArray[np.bool_] | None = None
) -> Floats:
    """Macro-F1 of joint confusion matrices.

    Args:
        confusion: (..., k, k) shares or counts, `[i, j]` of rows predicted i that are j.
        least: the mean is over classes that are predicted or true more often than this, together.
        classes: (k,) those that the mean is over instead; F1 is 0 of one that does not occur.

    Returns:
        (...) in 0..1; 0 where no class is left.
    """
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    either = appearances(confusion)
    counted = either > least if classes is None else classes
    scores = np.where(counted, 2.0 * right / np.where(either > 0, either, 1.0), 0.0)
    found: Floats = scores.sum(axis=-1) / np.maximum(counted.sum(axis=-1), 1)
    return found


def appearances(confusion: Floats) -> Floats:
    """How often each class is predicted or true, together: (..., k) of (..., k, k)."""
    found: Floats = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    return found


def average_thresholded_confidence(
    source_probabilities: npt.ArrayLike,
    source_labels: npt.ArrayLike,
    target_probabilities: npt.ArrayLike,
    *,
    kind: str = "confidence",
    weights: npt.ArrayLike | None = None,
) -> float:
    """Estimate accuracy as the share of target rows that are surer than a threshold (ATC).

    The threshold is the one that as large a share of the source rows falls short of as is wrong.

    Args:
        source_probabilities: (n, k) predicted on labelled source rows, held out from training,
            best calibrated.
        source_labels: (n,) their classes.
        target_probabilities: (m, k) predicted on target rows, calibrated alike.
        kind: "confidence" (the largest probability) or "entropy" (the negative entropy).
        weights: (k,) importance weights for both shares of the source; none as published.

    Returns:
        In 0..1.

    Raises:
        IsoglossError: as `source_accuracy`, and E409 for another kind.

    References:
        Garg et al., ICLR 2022.
    """
    check_choice(kind, CONFIDENCES, name="kind")
    rows, classes, shares = labelled(source_probabilities, source_labels, weights)
    target = check_probabilities(
        target_probabilities, name="the target probabilities", num_classes=rows.shape[1]
    )
    sureness = _sureness(rows, kind)
    wrong = float(shares @ (rows.argmax(axis=1) != classes))
    order = np.argsort(sureness, kind="stable")
    beyond = np.cumsum(shares[order]) > wrong + _ROUNDING
    if not beyond.any():
        return 0.0
    threshold = sureness[order[int(np.argmax(beyond))]]
    return float((_sureness(target, kind) >= threshold).mean())


def difference_of_confidences(
    source_probabilities: npt.ArrayLike,
    source_labels: npt.ArrayLike,
    target_probabilities: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
) -> float:
    """Estimate accuracy as that on the source less what confidence is lost on the target (DoC).

    Args:
        source_probabilities: as for `average_thresholded_confidence`.
        source_labels: as for `average_thresholded_confidence`.
        target_probabilities: as for `average_thresholded_confidence`.
        weights: (k,) importance weights for both means of the source; none as published.

    Returns:
        Accuracy on the source + mean confidence on the target - mean confidence on the source; may
        leave 0..1.

    Raises:
        IsoglossError: as `source_accuracy`.

    References:
        Guillory et al., ICCV 2021, with a slope of 1 for want of shifted sets to fit one.
    """
    rows, classes, shares = labelled(source_probabilities, source_labels, weights)
    excess = (rows.argmax(axis=1) == classes) - rows.max(axis=1)
    return float(shares @ excess) + mean_confidence(target_probabilities)


def mean_confidence(
    probabilities: npt.ArrayLike, *, predicted: npt.ArrayLike | None = None
) -> float:
    """Mean probability of the predicted classes: the accuracy that calibrated rows expect.

    Args:
        probabilities: (m, k) on target rows.
        predicted: (m,) the classes that are predicted; the most probable ones by default.

    Returns:
        In 0..1.

    Raises:
        IsoglossError: E400, E401, E404, E405, E406 for unusable rows.

    References:
        Guillory et al., ICCV 2021 (average confidence).
    """
    rows = check_probabilities(probabilities, name="the target probabilities")
    if predicted is None:
        return float(rows.max(axis=1).mean())
    return float(np.take_along_axis(rows, np.asarray(predicted)[:, None], axis=1).mean())


def _sureness(rows: Floats, kind: str) -> Floats:
    found: Floats = rows.max(axis=1) if kind == "confidence" else -entr(rows).sum(axis=1)
    return found
