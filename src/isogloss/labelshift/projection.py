"""Projections onto the constraint set of importance weights, for arrays and tensors alike."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

from isogloss.errors import IsoglossError

Vector = TypeVar("Vector", np.ndarray, torch.Tensor)


def project_simplex(values: Vector) -> Vector:
    """Project onto the probability simplex `{v >= 0, sum(v) = 1}`, exactly.

    Args:
        values: (..., k) real numbers.

    Returns:
        (..., k) the nearest points in Euclidean distance, of the same kind and type.

    Raises:
        IsoglossError: E400 for NaN or infinity.

    References:
        Duchi et al., ICML 2008.
    """
    tensor = _to_tensor(values)
    return _like(_nearest(tensor, torch.ones_like(tensor)), values)


def project_weights(weights: Vector, prior: Vector) -> Vector:
    """Project onto the importance weights of a prior, `{w >= 0, prior·w = 1}`, exactly.

    A class with prior 0 has no rows to weigh and no part in the constraint: its weight becomes 1.

    Args:
        weights: (..., k) real numbers.
        prior: (k,) source prior: nonnegative, summing to 1.

    Returns:
        (..., k) the nearest weights in Euclidean distance, of the same kind and type.

    Raises:
        IsoglossError: E400 for NaN or infinity (arrays, and tensors on the CPU).

    References:
        Duchi et al., ICML 2008, for the sort; Tachet des Combes et al., NeurIPS 2020, for the set.
    """
    normal = _to_tensor(prior)
    projected = _nearest(_to_tensor(weights), normal)
    return _like(torch.where(normal > 0, projected, 1.0), weights)


def clamp_and_rescale(weights: Vector, prior: Vector) -> Vector:
    """Clamp weights at 0 and rescale them to `prior·w = 1`, as the paper does.

    This is not the Euclidean projection. Where nothing is left to rescale, all weights become 1,
    as does the weight of a class with prior 0.

    Args:
        weights: (..., k) real numbers.
        prior: (k,) source prior: nonnegative, summing to 1.

    Returns:
        (..., k) weights on the constraint set, of the same kind and type.

    Raises:
        IsoglossError: E400 for NaN or infinity (arrays, and tensors on the CPU).

    References:
        Xian, Ji & Zhao, ICLR 2022, section 3 (improving stability of the weight estimates).
    """
    normal = _to_tensor(prior)
    clamped = _to_tensor(weights).clamp(min=0.0)
    total = (clamped * normal).sum(-1, keepdim=True)
    usable = (normal > 0) & (total > 0)
    return _like(torch.where(usable, clamped / torch.where(total > 0, total, 1.0), 1.0), weights)


def _nearest(values: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
    """Project (..., k) onto `{v >= 0, normal·v = 1}` by sorting the breakpoints.

    The answer is `max(v - t normal, 0)`. Entry i is positive while `t` lies below its breakpoint
    `v_i / normal_i`, so one pass over the sorted breakpoints finds `t`.
    """
    normal = normal.expand_as(values)
    active = normal > 0
    divisor = torch.where(active, normal, 1.0)
    breakpoints = torch.where(active, values / divisor, -torch.inf)
    breakpoints, order = breakpoints.sort(dim=-1, descending=True)
    values_sorted, normal_sorted = values.gather(-1, order), normal.gather(-1, order)
    excess = (values_sorted * normal_sorted).cumsum(-1) - 1.0
    thresholds = excess / normal_sorted.square().cumsum(-1)
    last = (breakpoints > thresholds).sum(-1, keepdim=True) - 1
    threshold = thresholds.gather(-1, last.clamp(min=0))
    return (values - threshold * normal).clamp(min=0.0)


def _to_tensor(values: np.ndarray | torch.Tensor) -> torch.Tensor:
    tensor = torch.as_tensor(values).detach().to(torch.float64)
    # On an accelerator the check would wait for the device at every step.
    if tensor.device.type == "cpu" and not bool(torch.isfinite(tensor).all()):
        raise IsoglossError("E400", name="the vector to project")
    return tensor


def _like(result: torch.Tensor, values: Vector) -> Vector:
    if isinstance(values, torch.Tensor):
        return result.to(values.dtype)
    return result.numpy()
