"""Importance weights as a part of the model: softmax re-weighting is a shift of the last bias."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers import PreTrainedModel

from isogloss.errors import warn
from isogloss.labelshift.correction import check_weights
from isogloss.models.features import FeatureClassifier
from isogloss.models.heads import head_of
from isogloss.models.probing import probe_head

# Stands, as a share of the largest, for a weight of 0, whose logarithm no bias can hold.
SMALLEST_WEIGHT = 1e-30


def fold_into_bias(model: FeatureClassifier | PreTrainedModel, weights: npt.ArrayLike) -> None:
    """Correct every later prediction of a classifier by importance weights.

    Adds `log w` to the bias of the final linear layer, in place, so that the model's softmax is
    `correct(old softmax, w)` and a saved model needs nothing of isogloss. Folding twice corrects
    twice. A weight counts as at least 1e-30 of the largest, so that every bias stays finite; its
    class keeps about that much probability.

    Args:
        model: a `FeatureClassifier`, an `AutoModelForSequenceClassification` or an
            `AutoModelForTokenClassification` of k classes.
        weights: (k,) importance weights, at least 0; a common factor changes nothing.

    Raises:
        IsoglossError: E317 where the logits are not the output of a linear layer; E400, E401 or
            E405 for unusable weights.

    Warns:
        IsoglossWarning: W420 where the layer had no bias: the new one works, but an architecture
            that has none drops it on loading.

    References:
        Saerens, Latinne & Decaestecker, Neural Computation 14 (2002), eq. 2.4, in logarithms.
    """
    layer = final_linear_of(model)
    factors = check_weights(weights, num_classes=layer.out_features)
    shift = torch.as_tensor(np.log(np.maximum(factors, SMALLEST_WEIGHT * (factors.max() or 1.0))))
    shift = shift.to(device=layer.weight.device, dtype=layer.weight.dtype)
    bias: nn.Parameter | None = layer.bias
    if bias is None:
        plain = model.model if isinstance(model, FeatureClassifier) else model
        warn("W420", architecture=type(plain).__name__)
        layer.bias = nn.Parameter(shift, requires_grad=layer.weight.requires_grad)
        return
    with torch.no_grad():
        bias.add_(shift)


def final_linear_of(model: FeatureClassifier | PreTrainedModel) -> nn.Linear:
    """The layer that makes a classifier's logits.

    Raises:
        IsoglossError: E317 where the logits are not the output of a linear layer.
    """
    if isinstance(model, FeatureClassifier):
        return model.final_linear
    head = head_of(model) or probe_head(model)
    layer = model.get_submodule(head.linear)
    assert isinstance(layer, nn.Linear)
    return layer
