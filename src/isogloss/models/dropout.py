"""Dropout whose masks are windows into one fixed pool of random multipliers.

Drawing random numbers costs a third of a training step on a CPU. A window at a random offset into
a pool drawn once keeps elementwise independence within a call at the price of one multiplication.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

# 2^24 multipliers in bfloat16, half as many in single precision. Larger pools repeat less.
POOL_BYTES = 1 << 25
_POOL_SEED = 20_220_425


def pooled_dropout(inputs: Tensor, p: float, *, training: bool = True) -> Tensor:
    """Zero elements with probability p and scale the others by 1 / (1 - p).

    The offset comes from torch's default CPU generator, so its saved state repeats the masks.
    A tensor of more than half the pool takes several windows; one on another device goes through
    torch's own dropout.

    Args:
        inputs: floating point, any shape.
        p: probability of a zero, in 0..1.
        training: False returns `inputs` unchanged.

    Returns:
        The same shape. Its gradient is multiplied by the same window.
    """
    if not training or p == 0:
        return inputs
    if p == 1 or inputs.device.type != "cpu":
        return functional.dropout(inputs, p)
    pool = multiplier_pool(p, inputs.dtype)
    count, most = inputs.numel(), len(pool) // 2
    if count <= most:
        return inputs * _window(pool, count).view(inputs.shape)
    windows = [_window(pool, min(most, count - done)) for done in range(0, count, most)]
    return inputs * torch.cat(windows).view(inputs.shape)


@cache
def multiplier_pool(p: float, dtype: torch.dtype) -> Tensor:
    """The multipliers of this process: 0 with probability p, else 1 / (1 - p).

    Args:
        p: in 0..1, 1 excluded.
        dtype: floating point.

    Returns:
        (POOL_BYTES / size of an element,) on the CPU; never write to it.
    """
    generator = torch.Generator().manual_seed(_POOL_SEED)
    # A pool first needed in inference mode must still serve a backward pass later.
    with torch.inference_mode(False), torch.no_grad():
        pool = torch.empty(POOL_BYTES // dtype.itemsize, dtype=dtype)
        return pool.bernoulli_(1 - p, generator=generator).div_(1 - p)


def _window(pool: Tensor, count: int) -> Tensor:
    """`count` neighbours in the pool, from a random place on."""
    offset = int(torch.randint(len(pool) - count + 1, ()))
    return pool[offset : offset + count]


class PooledDropout(nn.Dropout):
    """`nn.Dropout` by `pooled_dropout`; always out of place."""

    def forward(self, input: Tensor) -> Tensor:
        """`input` with elements dropped in training mode, unchanged in eval mode."""
        return pooled_dropout(input, self.p, training=self.training)


def replace_dropout(model: nn.Module) -> int:
    """Swap every `nn.Dropout` in `model` for a `PooledDropout`, in place.

    Returns:
        Number of modules swapped; 0 on a second call.
    """
    return _swap(model, nn.Dropout, PooledDropout)


def restore_dropout(model: nn.Module) -> int:
    """Swap every `PooledDropout` in `model` back for an `nn.Dropout`, in place.

    Returns:
        Number of modules swapped.
    """
    return _swap(model, PooledDropout, nn.Dropout)


def _swap(model: nn.Module, old: type[nn.Dropout], new: type[nn.Dropout]) -> int:
    swapped: dict[nn.Dropout, nn.Dropout] = {}
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            # Only the exact type: a subclass has behaviour of its own.
            if type(child) is old:
                if child not in swapped:
                    swapped[child] = new(child.p).train(child.training)
                setattr(parent, name, swapped[child])
    return len(swapped)
