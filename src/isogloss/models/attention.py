"""Attention for training on a CPU, registered with transformers under the name "isogloss".

On a CPU the backward pass of torch's fused attention is slower than that of plain matrix products,
and eager attention as transformers writes it spends its time in the random numbers of dropout and,
under autocast, in single precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from isogloss.models.dropout import pooled_dropout

if TYPE_CHECKING:
    from isogloss.models.features import FeatureClassifier

NAME = "isogloss"
# Encoders whose attention is softmax(q k^T / sqrt(d) + mask) v, with one key head per query head.
MODEL_TYPES = ("bert", "roberta", "xlm-roberta", "distilbert", "modernbert")


def use_fast_attention(model: FeatureClassifier) -> bool:
    """Give the encoder this module's attention, where its architecture allows.

    Args:
        model: changed in place. The choice is not saved with the model.

    Returns:
        False where the architecture has an attention of its own, as DeBERTa; it keeps that.
    """
    supported = model.model.config.model_type in MODEL_TYPES
    if supported:
        model.model.set_attn_implementation(NAME)
    return supported


def attention_forward(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attention as transformers calls it: matrix products for training on a CPU, else sdpa.

    Args:
        module: the layer that asks.
        query: (b, heads, m, d).
        key: (b, heads, n, d).
        value: (b, heads, n, d).
        attention_mask: boolean, True where a query may look, or additive; broadcastable to
            (b, heads, m, n). None for no mask.
        scaling: what the scores are multiplied by; None takes 1 / sqrt(d).
        dropout: probability of dropping an attention probability, 0 in eval mode.
        options: passed on to sdpa.

    Returns:
        Context vectors (b, m, heads, d), and the probabilities (b, heads, m, n) or None from sdpa.
    """
    trains = dropout > 0 or (torch.is_grad_enabled() and query.requires_grad)
    wanted = trains or bool(options.get("output_attentions"))
    if query.device.type != "cpu" or not wanted:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
    factor = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = torch.matmul(query * factor, key.transpose(-1, -2))
    if attention_mask is not None:
        # In place, because nothing needs the bare scores again and they are the largest tensor.
        scores.add_(_bias(attention_mask, scores.dtype))
    probabilities = pooled_dropout(functional.softmax(scores, dim=-1), dropout)
    context = torch.matmul(probabilities, value)
    return context.transpose(1, 2).contiguous(), probabilities


def attention_mask(*args: Any, **options: Any) -> Tensor | None:
    """The boolean mask of sdpa; like eager attention, never replaced by a causal flag."""
    return sdpa_mask(*args, **{**options, "allow_is_causal_skip": False})


def _bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """What is added to the scores: finite, so that a row with nothing to look at is no NaN."""
    lowest = torch.finfo(dtype).min
    if mask.dtype == torch.bool:
        return torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, lowest)
    return mask.clamp(min=lowest).to(dtype)


AttentionInterface.register(NAME, attention_forward)
AttentionMaskInterface.register(NAME, attention_mask)
