"""Scores and shifts of many sets at once, from sums over their rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isogloss.labelshift.checks import Floats


def accuracies(confusions: npt.ArrayLike) -> Floats:
    """The share of right predictions of every set.

    Args:
        confusions: (m, k, k) counts, `[s, j, i]` of rows of class j predicted as i.

    Returns:
        (m,) in [0, 1]; 0 for a set without rows.
    """
    counts = np.asarray(confusions, dtype=np.float64)
    return _divide(np.trace(counts, axis1=1, axis2=2), counts.sum(axis=(1, 2)))


def macro_f1s(confusions: npt.ArrayLike) -> Floats:
    """The mean F1 of every set over the classes that occur among its labels or predictions.

    Args:
        confusions: as for `accuracies`.

    Returns:
        (m,) in [0, 1]; a class without a true positive counts 0.
    """
    counts = np.asarray(confusions, dtype=np.float64)
    right = np.diagonal(counts, axis1=1, axis2=2)
    both = counts.sum(axis=1) + counts.sum(axis=2)
    scores = _divide(2.0 * right, both)
    return _divide(scores.sum(axis=1), (both > 0).sum(axis=1))


def entity_f1s(entities: npt.ArrayLike) -> Floats:
    """The micro-averaged F1 of entities of every set.

    Args:
        entities: (m, 3) numbers of entities found rightly, predicted, and true.

    Returns:
        (m,) in [0, 1]; 0 where nothing is found rightly.
    """
    right, predicted, true = np.asarray(entities, dtype=np.float64).T
    return _divide(2.0 * right, predicted + true)


def prior_shifts(priors: npt.ArrayLike, source_prior: npt.ArrayLike) -> Floats:
    """Total variation between the prior of every set and the source's.

    Args:
        priors: (m, k).
        source_prior: (k,).

    Returns:
        (m,) in [0, 1].

    References:
        Xian, Ji & Zhao, ICLR 2022, section 2.2.
    """
    return np.asarray(0.5 * np.abs(np.asarray(priors) - np.asarray(source_prior)).sum(axis=-1))


def shares_corrected(shifts: npt.ArrayLike, errors: npt.ArrayLike) -> Floats:
    """The share of every prior shift that its estimate corrects.

    Args:
        shifts: (m,) total variation between source prior and true prior.
        errors: (m,) total variation between estimated and true prior.

    Returns:
        (m,) at most 1; 0 is as good as assuming no shift; NaN where there is none.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 4.2.
    """
    shift = np.asarray(shifts, dtype=np.float64)
    return _divide(shift - np.asarray(errors), shift, empty=np.nan)


def percent_improvements(scores: npt.ArrayLike, baseline: npt.ArrayLike) -> Floats:
    """How much better every score is than the baseline's on the same set, in percent.

    Args:
        scores: (m,) at least 0.
        baseline: (m,) likewise.

    Returns:
        (m,) at least -100; NaN where the baseline scores 0.

    References:
        Xian, Ji & Zhao, ICLR 2022, figures 3 and 9.
    """
    before = np.asarray(baseline, dtype=np.float64)
    return 100.0 * _divide(np.asarray(scores) - before, before, empty=np.nan)


def _divide(above: npt.ArrayLike, below: npt.ArrayLike, *, empty: float = 0.0) -> Floats:
    """A quotient that is `empty` where the divisor is 0."""
    top, bottom = np.broadcast_arrays(
        np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    )
    return np.divide(top, bottom, out=np.full(top.shape, empty), where=bottom != 0)
