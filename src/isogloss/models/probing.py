"""Heads of architectures that are not listed in `heads`, found by watching one forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from isogloss.errors import IsoglossError


@dataclass(frozen=True, kw_only=True)
class ProbedHead:
    """The paths of the module whose input the features are, and of the final linear layer."""

    source: str
    linear: str


def probe_head(model: PreTrainedModel) -> ProbedHead:
    """Find the linear layer that makes the logits, and the dropout just before it.

    Args:
        model: any sequence or token classifier that is not an encoder-decoder.

    Returns:
        The paths. Without a dropout before the final layer, both are the same.

    Raises:
        IsoglossError: E317 where the logits are not the output of a linear layer.
    """
    seen: list[tuple[str, nn.Module, Tensor, Tensor]] = []
    with _watch(model, (nn.Linear, nn.Dropout), seen), _eval_mode(model):
        logits = _run(model)
    linear = next((call for call in reversed(seen) if call[3] is logits), None)
    if linear is None or not isinstance(linear[1], nn.Linear):
        raise IsoglossError("E317", architecture=type(model).__name__)
    name, _, received, _ = linear
    source = next((call[0] for call in reversed(seen) if call[3] is received), name)
    return ProbedHead(source=source, linear=name)


@contextmanager
def captured_input(module: nn.Module, into: list[Tensor]) -> Iterator[None]:
    """Append what `module` receives in every call to `into` while the block runs."""
    handle = module.register_forward_pre_hook(lambda _, args: into.append(args[0]))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def captured_states(encoder: PreTrainedModel, into: list[Tensor]) -> Iterator[None]:
    """Append the last hidden states, (b, L, d), of every call of `encoder` to `into`."""
    handle = encoder.register_forward_hook(lambda _, args, output: into.append(output[0]))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _watch(
    model: PreTrainedModel,
    kinds: tuple[type[nn.Module], ...],
    seen: list[tuple[str, nn.Module, Tensor, Tensor]],
) -> Iterator[None]:
    def record(name: str) -> Any:
        return lambda module, args, output: seen.append((name, module, args[0], output))

    handles = [
        module.register_forward_hook(record(name))
        for name, module in model.named_modules()
        if isinstance(module, kinds)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _eval_mode(model: PreTrainedModel) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def _run(model: PreTrainedModel) -> Tensor:
    """The logits of two short made-up inputs."""
    ids = torch.full((2, 4), 1, device=model.device)
    try:
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise IsoglossError("E317", architecture=type(model).__name__) from error
