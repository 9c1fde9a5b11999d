"""Long batches keep less in memory and compute more; the others are left as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer


class Recomputation:
    """Gradient checkpointing for the batches that need it, and for them alone.

    Peak memory is set by the few longest batches. In these each layer's activations are computed
    again in the backward pass, from the same random numbers, so gradients do not change.

    Args:
        model: holds one encoder, as `FeatureClassifier` does.
        tokens: a batch of more tokens than this, padding counted, is recomputed; 0 for none.
    """

    def __init__(self, model: nn.Module, tokens: int) -> None:
        self.tokens = tokens
        # Set layer by layer, since the call that does it for a whole model has changed its name.
        layers = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
        self._layers = layers if tokens > 0 else []
        for layer in self._layers:
            layer._gradient_checkpointing_func = _recompute  # type: ignore[assignment]

    def prepare(self, input_ids: Tensor) -> bool:
        """Set the encoder up for a batch (b, L); returns whether it is recomputed."""
        on = bool(self._layers) and input_ids.numel() > self.tokens
        self.switch(on=on)
        return on

    def switch(self, *, on: bool) -> None:
        """Recompute from now on, or not."""
        for layer in self._layers:
            layer.gradient_checkpointing = on


def _recompute(function: Callable[..., Any], *args: Any) -> Any:
    return checkpoint(function, *args, use_reentrant=False)
