"""Alternating updates: whose turn a step is, and keeping the other side as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


def is_adversary_turn(step: int, adversary_steps: int) -> bool:
    """Whether a step of alternating training is the adversary's.

    A cycle is `adversary_steps` steps of the adversary (critic, discriminator), then one of the
    model it works against, each on a batch of its own.

    Args:
        step: finished steps, at least 0.
        adversary_steps: steps in a row that the adversary has, at least 1.

    Returns:
        False on the model's turn.

    References:
        Goodfellow et al., NeurIPS 2014, algorithm 1; four adversary steps: Xian, Ji & Zhao, ICLR
        2022, appendix A.2.
    """
    return (step + 1) % (adversary_steps + 1) != 0


@contextmanager
def held_fixed(module: nn.Module) -> Iterator[None]:
    """Let gradients pass through a module to its inputs while its own parameters take none.

    Holds for what is computed inside the block, whenever the backward pass runs.

    Args:
        module: any; parameters that need no gradient anyway stay as they are.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
