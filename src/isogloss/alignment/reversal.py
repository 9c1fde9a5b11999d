"""Gradient reversal: one backward pass that trains the critic and, against it, the features."""

from __future__ import annotations

from typing import Any

import torch


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, strength: float | torch.Tensor) -> torch.Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return -ctx.strength * gradients[0], None


def reverse(x: torch.Tensor, strength: float | torch.Tensor) -> torch.Tensor:
    """Pass rows on unchanged, and their gradient back times `-strength`.

    Args:
        x: any shape.
        strength: the paper's lambda, at least 0; a number or a scalar tensor.

    Returns:
        The same values.

    References:
        Ganin et al., JMLR 2016.
    """
    return _Reverse.apply(x, strength)
