"""The weights that adaptation starts from."""

from __future__ import annotations

from isogloss.labelshift.checks import check_range
from isogloss.labelshift.projection import Vector


def mix(weights: Vector, rho: float) -> Vector:
    """Mix estimated weights with no shift: `(1 - rho) weights + rho`.

    Args:
        weights: (k,) estimated weights.
        rho: distrust in the estimate, in 0..1; 0 keeps it, 1 drops it. The paper uses 0.25.

    Returns:
        (k,) weights on the same constraint set.

    Raises:
        IsoglossError: E407 for a rho outside 0..1.

    References:
        Xian, Ji & Zhao, ICLR 2022, appendix C.1.
    """
    check_range(rho, 0.0, 1.0, name="rho")
    return (1.0 - rho) * weights + rho
