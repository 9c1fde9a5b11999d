"""What few labelled rows tell: intervals of scores, and errors of means."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.stats

from isogloss.labelshift.checks import Floats, Integers
from isogloss.selection.accuracy import appearances, macro_f1

# Units that the variance foretold without labels counts for beside the one that is seen.
_FORETOLD = 10.0


def score_interval(
    value: float, influence: Floats, units: Integers, *, level: float
) -> tuple[float, float]:
    """The interval of a score on few rows.

    The exact interval of a share (Clopper and Pearson), of as many independent rows as would give
    the score the variance that it has. For accuracy on independent rows these are the rows
    themselves; where rows go by units (the words of a sentence) they are fewer.

    Args:
        value: the score, in 0..1.
        influence: (r,) what each row adds to the score, `slope_of` at its place.
        units: (r,) integers; the rows of a unit are not independent.
        level: coverage that the interval aims at, above 0 and below 1.

    Returns:
        Lower and upper bound, in 0..1.

    References:
        Clopper & Pearson, Biometrika 26 (1934); Korn & Graubard, Survey Methodology 24 (1998), of
        shares under cluster sampling, here of any score.
    """
    rows, count = len(influence), len(np.unique(units))
    variance = float((unit_sums(influence - influence.mean(), units) ** 2).sum()) / rows**2
    if variance == 0.0:
        # There is only the number of units to go by.
        return exact_interval(value, count, level=level)
    tails = [float(scipy.stats.t.ppf(0.5 + level / 2, max(n - 1, 1))) for n in (rows, count)]
    size = value * (1.0 - value) / variance * (tails[0] / tails[1]) ** 2
    return exact_interval(value, float(np.clip(size, 1.0, rows)), level=level)


def exact_interval(value: float, rows: float, *, level: float) -> tuple[float, float]:
    """The interval of Clopper and Pearson for a share of so many rows, whole or not."""
    hits, misses, tail = value * rows, (1.0 - value) * rows, (1.0 - level) / 2.0
    low = scipy.stats.beta.ppf(tail, hits, misses + 1.0) if hits > 0 else 0.0
    high = scipy.stats.beta.ppf(1.0 - tail, hits + 1.0, misses) if misses > 0 else 1.0
    return float(low), float(high)


def mean_error(values: Floats, units: Integers, *, foretold: float) -> float:
    """The standard error of a mean over few rows.

    The variance that is seen among few units is itself uncertain, and 0 where by chance all agree.
    So it is averaged with one that is foretold, which counts for ten units.

    Args:
        values: (r,) of independent units of rows.
        units: (r,) integers, the unit of each row.
        foretold: variance of one row's value as it is expected without labels.

    References:
        Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6 (the scaled inverse chi-squared
        prior of a variance).
    """
    rows, sums = len(values), unit_sums(values - values.mean(), units)
    count = len(sums)
    # Sums of a unit: as many rows each as units have on average.
    expected = foretold * rows / count
    square = (_FORETOLD * expected + float((sums**2).sum())) / (_FORETOLD + count - 1)
    return float(np.sqrt(count * square)) / rows


def unit_sums(values: Floats, units: Integers) -> Floats:
    """Sums (u,) over the rows of each unit."""
    places = np.unique(units, return_inverse=True)[1]
    found: Floats = np.bincount(places, values).astype(np.float64)
    return found


def slope_of(metric: str, joint: Floats, *, classes: npt.NDArray[np.bool_] | None = None) -> Floats:
    """How a score changes with the joint shares.

    Args:
        metric: "accuracy" or "macro_f1".
        joint: (k, k) shares of rows predicted i that are j.
        classes: as for `score_of`.

    Returns:
        (k, k) derivatives; for accuracy 1 where a prediction is right. Macro-F1 does not change
        with the number of rows, so over the rows of `joint` its derivatives have the mean 0.
    """
    size = len(joint)
    if metric == "accuracy":
        return np.eye(size)
    either = appearances(joint)
    occurs = either > 0
    counted = occurs if classes is None else classes
    safe = np.where(occurs, either, 1.0)
    scores = np.where(counted, 2.0 * np.diagonal(joint) / safe, 0.0)
    share = np.where(counted & occurs, 1.0 / safe, 0.0)
    slope = 2.0 * np.diag(share) - (scores * share)[:, None] - (scores * share)[None, :]
    found: Floats = slope / max(1, int(counted.sum()))
    return found


def score_of(metric: str, joint: Floats, *, classes: npt.NDArray[np.bool_] | None = None) -> float:
    """A score of joint shares or counts.

    Args:
        metric: "accuracy" or "macro_f1".
        joint: (k, k) of rows predicted i that are j.
        classes: (k,) those that macro-F1 is the mean over; None: those that occur in `joint`.
    """
    if metric == "accuracy":
        return float(np.trace(joint) / joint.sum())
    return float(macro_f1(joint, classes=classes))
