"""Mean pooling that a plain transformers model can carry, as one more encoder layer.

The pooled vector of a sequence is `norm(h[CLS] + 64 · mean(h))`. One additional post-norm layer
computes just that at the first position: query and key weights are zero, so attention is uniform
over the unmasked tokens; the value projection is the identity and the output projection 64 times
the identity; the residual connection adds h[CLS]; the feed-forward part is zero. So a model
trained with mean pooling is exported as an ordinary model of one layer more. The factor 64 makes
the mean outweigh the one state that the residual connection brings along.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

MEAN_WEIGHT = 64.0


@dataclass(frozen=True, kw_only=True)
class LayerPaths:
    """Where an architecture keeps its layers, and in one layer the projections and norms."""

    layers: str
    value: str
    output: str
    norms: tuple[str, str]


_BERT_LIKE = LayerPaths(
    layers="encoder.layer",
    value="attention.self.value",
    output="attention.output.dense",
    norms=("attention.output.LayerNorm", "output.LayerNorm"),
)

FOLDED: dict[str, LayerPaths] = {
    **dict.fromkeys(("bert", "xlm-roberta", "roberta", "camembert"), _BERT_LIKE),
    "distilbert": LayerPaths(
        layers="transformer.layer",
        value="attention.v_lin",
        output="attention.out_lin",
        norms=("sa_layer_norm", "output_layer_norm"),
    ),
    "deberta-v2": LayerPaths(
        layers="encoder.layer",
        value="attention.self.value_proj",
        output="attention.output.dense",
        norms=("attention.output.LayerNorm", "output.LayerNorm"),
    ),
}
NATIVE = ("modernbert",)


def is_folded(model: PreTrainedModel) -> bool:
    """Whether mean pooling of this architecture is exported as one more layer."""
    return model.config.model_type in FOLDED


def is_native(model: PreTrainedModel) -> bool:
    """Whether the architecture has mean pooling of its own, chosen by its configuration."""
    return model.config.model_type in NATIVE


def masked_mean(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """The mean hidden state over the tokens that are not padding.

    Args:
        hidden: hidden states, (b, L, d).
        attention_mask: 1 for a token, 0 for padding, (b, L).

    Returns:
        (b, d); zero for a row of padding only.
    """
    mask = attention_mask.to(hidden.dtype)
    weights = mask / mask.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.einsum("bl,bld->bd", weights, hidden)


def pooled_mean(model: PreTrainedModel, hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """What the appended layer would give at the first position.

    Args:
        model: a model of an architecture in `FOLDED` or `NATIVE`.
        hidden: last hidden states, (b, L, d).
        attention_mask: 1 for a token, 0 for padding, (b, L).

    Returns:
        (b, d). For an architecture with mean pooling of its own, the bare masked mean.
    """
    mean = masked_mean(hidden, attention_mask)
    if is_native(model):
        return mean
    pooled = hidden[:, 0] + MEAN_WEIGHT * mean
    # Both norms of a layer, as the epsilon of the second would show in the sixth digit.
    for norm in _norms(model, layers_of(model)[-1]):
        pooled = functional.layer_norm(pooled, norm.normalized_shape, eps=norm.eps)
    return pooled


def layers_of(model: PreTrainedModel) -> nn.ModuleList:
    """The encoder layers of a model whose architecture is in `FOLDED`."""
    layers = model.base_model.get_submodule(FOLDED[model.config.model_type].layers)
    assert isinstance(layers, nn.ModuleList)
    return layers


def pooling_layer(model: PreTrainedModel) -> dict[str, Tensor]:
    """The tensors of the layer to append, by their names in the model's state dict."""
    paths = FOLDED[model.config.model_type]
    layers = layers_of(model)
    prefix = f"{model.base_model_prefix}.{paths.layers}.{len(layers)}."
    return {prefix + name: tensor for name, tensor in _layer_tensors(layers[-1], paths).items()}


def ends_in_pooling_layer(model: PreTrainedModel) -> bool:
    """Whether the last encoder layer is, number for number, the one that `pooling_layer` makes."""
    last = layers_of(model)[-1]
    wanted = _layer_tensors(last, FOLDED[model.config.model_type])
    return all(torch.equal(tensor, wanted[name]) for name, tensor in last.state_dict().items())


def drop_last_layer(model: PreTrainedModel) -> None:
    """Remove the last encoder layer, in the model and in its configuration."""
    layers = layers_of(model)
    del layers[-1]
    model.config.num_hidden_layers = len(layers)


def _norms(model: PreTrainedModel, layer: nn.Module) -> list[nn.LayerNorm]:
    norms = [layer.get_submodule(path) for path in FOLDED[model.config.model_type].norms]
    return [norm for norm in norms if isinstance(norm, nn.LayerNorm)]


def _layer_tensors(like: nn.Module, paths: LayerPaths) -> dict[str, Tensor]:
    """The state of a pooling layer with the names and shapes of the layer `like`.

    Everything that is not named here is zero. That includes every query and key projection, and
    in DeBERTa those of the relative positions, so that no score depends on content or distance.
    """
    tensors = {name: torch.zeros_like(tensor) for name, tensor in like.state_dict().items()}
    tensors[f"{paths.value}.weight"].fill_diagonal_(1.0)
    tensors[f"{paths.output}.weight"].fill_diagonal_(MEAN_WEIGHT)
    for norm in paths.norms:
        tensors[f"{norm}.weight"].fill_(1.0)
    return tensors
