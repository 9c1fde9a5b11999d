"""Leaving the bottom of an encoder as it is while the rest trains."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from transformers import PreTrainedModel

from isogloss.errors import IsoglossError
from isogloss.models.features import FeatureClassifier


def freeze_bottom(classifier: FeatureClassifier, *, layers: int, embeddings: bool = True) -> None:
    """Take the gradient from the embeddings and the lowest layers, in place.

    Frozen parameters belong in no optimizer, so that weight decay does not move them either.
    Dropout stays on in frozen layers while the classifier trains.

    Args:
        classifier: any architecture; its embedding may be trimmed.
        layers: how many encoder layers to freeze, from the bottom, 0 or more.
        embeddings: freeze the embeddings: word pieces, positions, types and their norm.

    Raises:
        IsoglossError: E345 where the encoder has fewer layers.
    """
    found = encoder_layers(classifier.encoder)
    check_layers(layers, len(found), name=type(classifier.model).__name__)
    if embeddings:
        embedding_module(classifier.encoder).requires_grad_(False)
    for layer in found[:layers]:
        layer.requires_grad_(False)


def check_layers(wanted: int, there: int, *, name: str) -> None:
    """Require that an encoder has as many layers as are to be frozen; E345 where not."""
    if wanted > there:
        raise IsoglossError("E345", wanted=wanted, name=name, there=there)


def encoder_layers(encoder: PreTrainedModel) -> Sequence[nn.Module]:
    """The layers of an encoder, the lowest first; none where they are in no list."""
    count = getattr(encoder.config, "num_hidden_layers", None)
    lists = (m for m in encoder.modules() if isinstance(m, nn.ModuleList) and len(m) == count)
    return list(next(lists, ()))


def embedding_module(encoder: PreTrainedModel) -> nn.Module:
    """The part of an encoder that makes vectors of token ids, positions and norms included."""
    table = encoder.get_input_embeddings()
    holders = (child for child in encoder.children() if any(m is table for m in child.modules()))
    return next(holders, table)
