"""Intervals of shares that no share below 0 or above 1 may belong to."""

from __future__ import annotations

import numpy as np
import scipy.stats

from isogloss.labelshift.checks import Floats


def within_bounds(free: Floats, interval: Floats, *, level: float) -> Floats:
    """The interval of a share that lies in 0..1, from one of an estimate that knows no bounds.

    An estimate of 1.25 ± 0.2 cut to 0..1 would say that the share is 1 and nothing else, though
    what it says is that it misses by more than it knows of. So the likelihood-ratio test of every
    share in 0..1 is inverted, against the nearest of them instead of against the estimate: with the
    estimate e beyond the bounds by b and its interval reaching r, shares stay that are within
    `sqrt(b² + r²)` of e. Where b is more than one standard deviation, r is stretched by as many.

    Args:
        free: (k,) estimates, not held to 0..1.
        interval: (k, 2) their lower and upper bounds.
        level: that the interval covers, in 0..1.

    Returns:
        (k, 2) in 0..1; as it was, but for the cut, where the estimate is within the bounds.

    References:
        Feldman & Cousins, Phys. Rev. D 57 (1998), whose ordering this is, with the chi-square's
        critical value; Birge, Phys. Rev. 40 (1932), the ratio that errors are stretched by.
    """
    nearest = free.clip(0.0, 1.0)
    beyond = np.abs(free - nearest)
    outside = beyond > 0.0
    reach = 0.5 * (interval[:, 1] - interval[:, 0])[outside]
    stretched = np.maximum(reach, scipy.stats.norm.ppf(0.5 + level / 2.0) * beyond[outside])
    kept = np.hypot(beyond[outside], stretched) - beyond[outside]
    found = interval.copy()
    found[outside] = nearest[outside, None] + kept[:, None] * [-1.0, 1.0]
    return np.asarray(found.clip(0.0, 1.0))


def holding(interval: Floats, estimate: Floats) -> Floats:
    """Intervals that are widened to the estimate where that lies outside.

    An estimate that is drawn to another one, for a smaller error, may leave the interval of the one
    that it was made of; an interval that does not hold what it stands beside tells nobody anything.

    Args:
        interval: (k, 2) lower and upper bounds.
        estimate: (k,) what is given beside them.

    Returns:
        (k, 2) within 0..1, no narrower than before.
    """
    # Rounding may leave a share a hair above 1.
    inside, (low, high) = np.clip(estimate, 0.0, 1.0), interval.T
    return np.stack([np.minimum(low, inside), np.maximum(high, inside)], axis=1)
