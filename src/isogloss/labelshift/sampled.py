"""Class shares from a random handful of labelled rows, as facts for an estimate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isogloss.labelshift.checks import check_labels
from isogloss.labelshift.facts import KnownFacts
from isogloss.labelshift.rows import make_bundles


def labelled_facts(
    labels: npt.ArrayLike, groups: npt.ArrayLike | None = None, *, num_classes: int
) -> KnownFacts:
    """What labelled rows say of class shares, for `PriorEstimator.estimate`.

    Independent rows are counted as they are. Rows of one group (the words of a sentence) tell less
    than as many independent ones: they count for `rows / deff`, where deff is the variance of the
    shares over groups by that of as many independent rows, summed over the classes.

    Args:
        labels: (r,) classes in 0..k-1 of rows, or groups, drawn at random.
        groups: (r,) integers, or None where all rows are independent.
        num_classes: k.

    Raises:
        IsoglossError: E403, E404, E405 for unusable labels or groups.

    References:
        Kish, Survey Sampling (1965), section 8.2 (design effects).
    """
    ids = check_labels(labels, num_classes, name="the labelled rows")
    if groups is None:
        return KnownFacts(labelled=ids)
    bundles = make_bundles(len(ids), groups, seed=0, name="the groups of the labelled rows")
    shares = np.bincount(ids, minlength=num_classes) / len(ids)
    apart = bundles.sums(np.eye(num_classes)[ids] - shares)
    seen = float((apart**2).sum()) / len(ids) * bundles.count / max(bundles.count - 1, 1)
    independent = float((shares * (1.0 - shares)).sum())
    # Where all rows are of one class there is only the number of groups to go by.
    rows = len(ids) * independent / seen if independent > 0 and seen > 0 else bundles.count
    return KnownFacts(belief=shares, strength=float(np.clip(rows, 1.0, len(ids))))
