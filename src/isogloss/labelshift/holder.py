"""Importance weights as module state, so that a checkpoint holds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import check_nonnegative, check_shape, finite_array
from isogloss.labelshift.priors import check_prior

# Weights often arrive in float32.
_SUM_TOLERANCE = 1e-4


class ClassWeights(nn.Module):
    """What every holder of importance weights offers; its state stays in float64.

    Attributes:
        prior: (k,) source prior, a buffer.
    """

    prior: torch.Tensor

    def __init__(self, num_classes: int) -> None:
        """Start without a shift, under a uniform prior.

        Args:
            num_classes: k.
        """
        super().__init__()
        uniform = torch.full((num_classes,), 1.0 / num_classes, dtype=torch.float64)
        self.register_buffer("prior", uniform)

    @property
    def weights(self) -> torch.Tensor:
        """(k,) float64 current weights, without gradient; `prior·weights == 1`."""
        raise NotImplementedError

    @property
    def target_prior(self) -> torch.Tensor:
        """(k,) float64 the target prior that the weights imply."""
        return self.prior * self.weights

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
        # `.half()` or `.to(bfloat16)` on the model around must move this state, not round it.
        kept = dict(self._buffers)
        super()._apply(fn, recurse)
        for name, before in kept.items():
            after = self._buffers[name]
            if before is not None and after is not None and after.dtype != before.dtype:
                self._buffers[name] = before.to(after.device)
        return self


class FixedWeights(ClassWeights):
    """Weights that change only when set: none, the true ones, or an estimate made outside."""

    current: torch.Tensor

    def __init__(self, num_classes: int) -> None:
        """Start with all weights 1.

        Args:
            num_classes: k.
        """
        super().__init__(num_classes)
        self.register_buffer("current", torch.ones(num_classes, dtype=torch.float64))

    @property
    def weights(self) -> torch.Tensor:
        """(k,) float64 current weights."""
        return self.current

    def set(self, weights: npt.ArrayLike, prior: npt.ArrayLike) -> None:
        """Replace the weights.

        Args:
            weights: (k,) nonnegative, with `prior·weights == 1` within 1e-4 (divided out).
            prior: (k,) source prior.

        Raises:
            IsoglossError: E400, E401, E402, E405 for unusable vectors, E408 off the constraint.
        """
        checked, shares = check_weights(weights, prior, num_classes=self.prior.numel())
        self.prior.copy_(torch.from_numpy(shares))
        self.current.copy_(torch.from_numpy(checked))


def check_weights(
    weights: npt.ArrayLike, prior: npt.ArrayLike, *, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Check importance weights against their source prior.

    Args:
        weights: (k,) nonnegative, with `prior·weights == 1` within 1e-4.
        prior: (k,) source prior.
        num_classes: k.

    Returns:
        Both (k,) in float64, meeting the constraint up to rounding.

    Raises:
        IsoglossError: E400, E401, E402, E405 for unusable vectors, E408 off the constraint.
    """
    shares = check_prior(_to_numpy(prior), name="the source prior", num_classes=num_classes)
    array = finite_array(_to_numpy(weights), name="the weights")
    check_shape(array, (num_classes,), name="the weights")
    check_nonnegative(array, name="the weights")
    total = float(shares @ array)
    if abs(total - 1.0) > _SUM_TOLERANCE:
        raise IsoglossError("E408", total=round(total, 6))
    return array / total, shares


def _to_numpy(values: npt.ArrayLike | torch.Tensor) -> npt.ArrayLike:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
