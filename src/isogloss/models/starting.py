"""What a classifier's head starts from: the checkpoint's own, a fresh one, or the identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from isogloss.errors import IsoglossError, warn
from isogloss.models.features import FeatureClassifier


def check_encoder(model: PreTrainedModel, report: dict[str, Any], *, name: str) -> None:
    """Raise E316 where a tensor of the encoder itself is absent or of another shape.

    Args:
        model: the loaded model.
        report: transformers' loading report (`missing_keys`, `mismatched_keys`).
        name: of the model, for the message.
    """
    prefix = model.base_model_prefix + "."
    keys = {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}
    # A pooler belongs to the head; checkpoints without one are common.
    lost = sorted(
        key for key in keys if key.startswith(prefix) and not key.startswith(prefix + "pooler.")
    )
    if lost:
        reason = f"{len(lost)} tensors of the encoder are missing or of another shape: {lost[0]}"
        raise IsoglossError("E316", name=name, reason=reason)


def settle_labels(
    classifier: FeatureClassifier,
    report: dict[str, Any],
    *,
    recorded: dict[int, str],
    names: Sequence[str],
    seed: int,
    name: str,
) -> None:
    """Keep, reorder or replace the final layer, by the labels that it was trained for.

    Args:
        classifier: the loaded model.
        report: transformers' loading report.
        recorded: the checkpoint's id2label.
        names: the labels wanted, in the order of their ids.
        seed: of new weights.
        name: of the model, for the warning W311 that trained weights are given up.
    """
    linear = classifier.final_linear
    weight = next(key for key, p in classifier.model.named_parameters() if p is linear.weight)
    if weight in report["missing_keys"]:
        return
    found = [recorded[index] for index in sorted(recorded)]
    if sorted(found) == sorted(names):
        _reorder(linear, [found.index(label) for label in names])
        return
    warn("W311", name=name, found=_listed(found), wanted=_listed(names), stacklevel=4)
    _renew(linear, std=getattr(classifier.model.config, "initializer_range", 0.02), seed=seed)


def start_as_identity(linear: nn.Linear) -> None:
    """Make a square layer hand on its input.

    A mean over the encoder's states is informative as it is, and a random projection would only
    blur it until training has undone that; a single [CLS] state that was never trained to stand
    for its sequence has no such claim, so there the library's random start stays.
    """
    with torch.no_grad():
        nn.init.eye_(linear.weight)
        if linear.bias is not None:
            nn.init.zeros_(linear.bias)


def _reorder(linear: nn.Linear, order: list[int]) -> None:
    with torch.no_grad():
        linear.weight.copy_(linear.weight[order])
        linear.bias.copy_(linear.bias[order])


def _renew(linear: nn.Linear, *, std: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        linear.weight.normal_(0.0, std, generator=generator)
        linear.bias.zero_()


def _listed(labels: Sequence[str], *, most: int = 6) -> str:
    shown = ", ".join(labels[:most])
    return shown + (", …" if len(labels) > most else "")
