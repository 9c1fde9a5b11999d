"""Long batches keep less in memory and compute more; the others are left as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer


class Recomputation:
    """Gradient checkpointing for the batches that need it, of as many layers as they need.

    Peak memory is set by the few longest batches. Of these only so many layers keep their
    activations as a batch of `tokens` could keep in all layers; the others compute them again in
    the backward pass, from the same random numbers, so gradients do not change. These others are
    the lowest: their turn comes when the upper layers' activations are gone.

    Args:
        model: holds one encoder, as `FeatureClassifier` does.
        tokens: what a batch may have, padding counted, without recomputation; 0 for no bound.

    References:
        Chen et al., 2016 (gradient checkpointing).
    """

    def __init__(self, model: nn.Module, tokens: int) -> None:
        self.tokens = tokens
        # Set layer by layer, since the call that does it for a whole model has changed its name.
        layers = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
        self._layers = layers if tokens > 0 else []
        for layer in self._layers:
            layer._gradient_checkpointing_func = _recompute  # type: ignore[assignment]

    def prepare(self, input_ids: Tensor) -> int:
        """Set the encoder up for a batch (b, L); returns how many layers are recomputed."""
        keeping = len(self._layers) * self.tokens // max(1, input_ids.numel())
        count = max(0, len(self._layers) - keeping)
        for i, layer in enumerate(self._layers):
            layer.gradient_checkpointing = i < count
        return count


def _recompute(function: Callable[..., Any], *args: Any) -> Any:
    return checkpoint(function, *args, use_reentrant=False)
