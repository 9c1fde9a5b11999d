"""A change of a classification head as a part of the model: its final linear layer moves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from isogloss.models.bias import final_linear_of
from isogloss.models.features import FeatureClassifier


def add_to_head(
    model: FeatureClassifier | PreTrainedModel, weight: npt.ArrayLike, bias: npt.ArrayLike
) -> None:
    """Add to weight and bias of the final linear layer, in place; nothing else changes.

    A logit is `old + features @ weight.T + bias` afterwards, for features as that layer receives
    them, so a saved model needs nothing of isogloss. Whatever the head does before that layer (a
    dense layer, a norm, an activation) stays as it is.

    Args:
        model: a `FeatureClassifier`, an `AutoModelForSequenceClassification` or an
            `AutoModelForTokenClassification`, whose final layer has a bias.
        weight: (k, d).
        bias: (k,).

    Raises:
        IsoglossError: E317 where the logits are not the output of a linear layer.
    """
    layer = final_linear_of(model)
    with torch.no_grad():
        for parameter, change in ((layer.weight, weight), (layer.bias, bias)):
            added = torch.as_tensor(np.asarray(change, dtype=np.float64)).to(parameter.device)
            # Rounded once, after the sum.
            parameter.copy_((parameter.double() + added).to(parameter.dtype))
