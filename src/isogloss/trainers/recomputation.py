"""Long batches, or all of them, keep less in memory and compute more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from isogloss.errors import IsoglossError

# What a `Trainer` calls on its model where gradient checkpointing is on; the name has changed.
_SWITCHES = ("activation_checkpointing_enable", "gradient_checkpointing_enable")


class Recomputation:
    """Gradient checkpointing for the batches that need it, of as many layers as they need.

    Peak memory is set by the few longest batches. Of these only so many layers keep their
    activations as a batch of `tokens` could keep in all layers; the others compute them again in
    the backward pass, from the same random numbers, so gradients do not change. These others are
    the lowest: their turn comes when the upper layers' activations are gone.

    Args:
        model: holds one encoder, as `FeatureClassifier` does.
        tokens: what a batch may have, padding counted, without recomputation; 0 for no bound.
        always: every layer of every batch recomputes, whatever `tokens` is.

    Raises:
        IsoglossError: E514 where there is no layer to recompute, and `always` asks for it.

    References:
        Chen et al., 2016 (gradient checkpointing).
    """

    def __init__(self, model: nn.Module, tokens: int, *, always: bool = False) -> None:
        self.tokens, self.always = tokens, always
        # Set layer by layer: the call for a whole model knows nothing of batches.
        self._layers = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
        if always and not self._layers:
            raise IsoglossError("E514", architecture=_architecture(model))
        for layer in self._layers:
            layer._gradient_checkpointing_func = _recompute  # type: ignore[assignment]
        for name in _SWITCHES:
            setattr(model, name, _leave_it_to_us)

    def prepare(self, input_ids: Tensor) -> int:
        """Set the encoder up for a batch (b, L); returns how many layers are recomputed."""
        count = self._count(input_ids.numel())
        for i, layer in enumerate(self._layers):
            layer.gradient_checkpointing = i < count
        return count

    def _count(self, tokens: int) -> int:
        """How many layers of a batch of so many tokens are recomputed."""
        layers = len(self._layers)
        if self.always or self.tokens <= 0:
            return layers if self.always else 0
        return max(0, layers - layers * self.tokens // max(1, tokens))


def _recompute(function: Callable[..., Any], *args: Any) -> Any:
    return checkpoint(function, *args, use_reentrant=False)


def _leave_it_to_us(**options: Any) -> None:
    """In place of upstream's switch, which would set the layers once and for all."""


def _architecture(model: nn.Module) -> str:
    """The name of the Hugging Face model inside."""
    inner = [type(m).__name__ for m in model.modules() if isinstance(m, PreTrainedModel)]
    return inner[0] if inner else type(model).__name__
