"""How alignment is phased in over the first steps."""

from __future__ import annotations

import torch

from isogloss.errors import IsoglossError

WARMUP = 0.1


def ramp(progress: float, warmup: float = WARMUP) -> float:
    """Rise linearly from 0 to 1 over the first part of training.

    Args:
        progress: share of training that is done, in 0..1.
        warmup: share of training that the rise takes, in 0..1; 0 means none.

    Returns:
        A factor in 0..1.

    Raises:
        IsoglossError: E407 for numbers outside their range.

    References:
        Xian, Ji & Zhao, ICLR 2022, appendix C.2.
    """
    for name, value in (("progress", progress), ("warmup", warmup)):
        if not 0.0 <= value <= 1.0:
            raise IsoglossError("E407", name=name, value=value, low=0.0, high=1.0)
    return min(1.0, progress / warmup) if warmup > 0 else 1.0


def applied_weights(weights: torch.Tensor, alpha: float) -> torch.Tensor:
    """Phase importance weights in: `alpha weights + (1 - alpha)`.

    Args:
        weights: (k,) or (n,) importance weights.
        alpha: how far in they are, in 0..1, such as `ramp` gives.

    Returns:
        The weights to apply, of the same shape.
    """
    return alpha * weights + (1.0 - alpha)
