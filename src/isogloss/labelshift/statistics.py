"""What label-shift estimation needs to know: a source confusion matrix and target predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isogloss.labelshift.checks import (
    Floats,
    check_labels,
    check_nonnegative,
    check_probabilities,
    check_shape,
    finite_array,
)


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """The two sides of the label-shift equation `mu = C w`.

    A class without source rows leaves a zero column, a class that is never predicted a zero row;
    both are allowed, and the estimators say what they answer.

    Attributes:
        confusion: C (k, k), `C[i, j] = P_S(prediction = i, label = j)`; sums to 1.
        target_mean: mu (k,), `mu[i] = P_T(prediction = i)`; sums to 1.

    References:
        Xian, Ji & Zhao, ICLR 2022, eq. 3.
    """

    confusion: Floats
    target_mean: Floats

    def __post_init__(self) -> None:
        check_confusion(self.confusion, self.target_mean)

    @property
    def source_prior(self) -> Floats:
        """(k,) class shares of the rows behind the confusion matrix."""
        return self.confusion.sum(axis=0)

    @property
    def source_mean(self) -> Floats:
        """(k,) prediction shares on the source; what `target_mean` is without a shift."""
        return self.confusion.sum(axis=1)


def check_confusion(confusion: npt.ArrayLike, target_mean: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Check a confusion matrix and a target mean of the same classes.

    Args:
        confusion: (k, k) nonnegative.
        target_mean: (k,) nonnegative.

    Returns:
        Both in float64.

    Raises:
        IsoglossError: E400 for NaN or infinity, E401 for negative values, E405 for shapes.
    """
    matrix = finite_array(confusion, name="the confusion matrix")
    num_classes = matrix.shape[0] if matrix.ndim else -1
    check_shape(matrix, (num_classes, num_classes), name="the confusion matrix")
    mean = finite_array(target_mean, name="the target mean")
    check_shape(mean, (num_classes,), name="the target mean")
    check_nonnegative(matrix, name="the confusion matrix")
    check_nonnegative(mean, name="the target mean")
    return matrix, mean


def harden(probabilities: Floats) -> Floats:
    """Turn probabilities into one-hot predictions; ties go to the smaller class id.

    Args:
        probabilities: (n, k).

    Returns:
        (n, k) zeros and ones, one per row.
    """
    hard = np.zeros_like(probabilities)
    np.put_along_axis(hard, probabilities.argmax(axis=1)[:, None], 1.0, axis=1)
    return hard


def source_statistics(probabilities: npt.ArrayLike, labels: npt.ArrayLike, *, hard: bool) -> Floats:
    """Estimate the joint confusion matrix.

    Args:
        probabilities: (n, k) predicted on labelled source rows, best held out from training.
        labels: (n,) their true classes in 0..k-1.
        hard: count argmax predictions rather than average probabilities.

    Returns:
        C (k, k), `C[i, j] = P_S(prediction = i, label = j)`; sums to 1.

    Raises:
        IsoglossError: E400, E401, E403, E404, E405, E406 for unusable rows.

    References:
        Lipton, Wang & Smola, ICML 2018 (hard); Garg et al., NeurIPS 2020 (soft).
    """
    rows = check_probabilities(probabilities, name="the source probabilities")
    num_rows, num_classes = rows.shape
    ids = check_labels(labels, num_classes, name="the source labels")
    check_shape(ids, (num_rows,), name="the source labels")
    if hard:
        cells = rows.argmax(axis=1) * num_classes + ids
        counts = np.bincount(cells, minlength=num_classes**2)
        return counts.reshape(num_classes, num_classes) / num_rows
    columns = [np.bincount(ids, rows[:, i], minlength=num_classes) for i in range(num_classes)]
    return np.stack(columns) / num_rows


def target_statistics(probabilities: npt.ArrayLike, *, hard: bool) -> Floats:
    """Estimate the distribution of predictions on the target.

    Args:
        probabilities: (m, k) predicted on target rows.
        hard: count argmax predictions rather than average probabilities.

    Returns:
        mu (k,); sums to 1.

    Raises:
        IsoglossError: E400, E401, E404, E405, E406 for unusable rows.
    """
    rows = check_probabilities(probabilities, name="the target probabilities")
    return (harden(rows) if hard else rows).mean(axis=0)


def gather_statistics(
    source_probabilities: npt.ArrayLike,
    source_labels: npt.ArrayLike,
    target_probabilities: npt.ArrayLike,
    *,
    hard: bool,
) -> Statistics:
    """Gather both sides' statistics.

    Args:
        source_probabilities: (n, k).
        source_labels: (n,).
        target_probabilities: (m, k).
        hard: see `source_statistics`.

    Returns:
        The statistics.

    Raises:
        IsoglossError: E400, E401, E403, E404, E405, E406 for unusable rows.
    """
    return Statistics(
        confusion=source_statistics(source_probabilities, source_labels, hard=hard),
        target_mean=target_statistics(target_probabilities, hard=hard),
    )
