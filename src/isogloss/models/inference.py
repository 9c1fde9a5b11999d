"""Forward passes without gradients: what runs in bfloat16 then, and how much at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from isogloss.models.precision import Precision

if TYPE_CHECKING:
    from isogloss.models.features import FeatureClassifier

# On a CPU the activations of a batch should stay in the cache, and short batches sorted by length
# need less padding; an accelerator wants to be filled.
CPU_TOKENS, ACCELERATOR_TOKENS = 1024, 16_384


def tokens_per_batch(device: torch.device) -> int:
    """How many tokens, padding counted, one forward pass should have."""
    return CPU_TOKENS if device.type == "cpu" else ACCELERATOR_TOKENS


@contextmanager
def inference(classifier: FeatureClassifier, precision: Precision) -> Iterator[None]:
    """A region of forward passes in eval mode; afterwards the classifier is as it was before.

    In bf16 the encoder runs under autocast: matrix products in bfloat16, residual stream and layer
    norms in fp32. Pooling and head, which cost next to nothing, run in fp32, since eight bits
    would show in the probabilities.

    Args:
        classifier: its weights must not change within the region.
        precision: of the encoder's matrix products.
    """
    was_training = classifier.training
    classifier.eval()
    try:
        # Not in inference mode, where autocast casts every weight again for every batch.
        with torch.no_grad(), _encoder_precision(classifier, precision):
            yield
    finally:
        classifier.train(was_training)


@contextmanager
def _encoder_precision(classifier: FeatureClassifier, precision: Precision) -> Iterator[None]:
    if precision == "fp32":
        yield
        return
    encoder: Any = classifier.encoder
    device, own, plain = encoder.device.type, vars(encoder).get("forward"), encoder.forward

    @wraps(plain)
    def forward(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(device, dtype=torch.bfloat16):
            output = plain(*args, **kwargs)
        return _in_fp32(output)

    encoder.forward = forward
    try:
        # Autocast forgets the weights it has cast when the outermost region ends; this one,
        # itself without effect, lets one cast serve all batches.
        with torch.autocast(device, dtype=torch.bfloat16, enabled=False):
            yield
    finally:
        del encoder.forward
        if own is not None:
            encoder.forward = own


def _in_fp32(output: Any) -> Any:
    """A model's output with its floating-point tensors in fp32."""
    if isinstance(output, tuple):
        return tuple(map(_float, output))
    for name, value in output.items():
        output[name] = _float(value)
    return output


def _float(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value
