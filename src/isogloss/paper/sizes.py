"""How large a cell's model is: in memory while it trains, and on disk."""

from __future__ import annotations

from functools import cache

import torch
from transformers import AutoModel

from isogloss.errors import IsoglossError
from isogloss.models.sources import locate, quiet_library, read_config

# Weights, their gradients and Adam's two moments, all in single precision.
_STATES = 4
# Of a process with its libraries, rows and activations; near, and on the safe side.
_PROCESS = 2 * 1024**3


@cache
def model_bytes(name: str) -> int:
    """Bytes of an encoder's weights in single precision; the weights themselves are not read.

    Args:
        name: as `isogloss adapt` takes it.

    Raises:
        IsoglossError: E3xx where its configuration cannot be had.
    """
    config = read_config(locate(name))
    with quiet_library(), torch.device("meta"):
        model = AutoModel.from_config(config)
    return sum(4 * weights.numel() for weights in model.parameters())


def training_bytes(name: str) -> int:
    """An estimate of the memory that training takes, in bytes.

    Args:
        name: of the encoder; where it cannot be had, nothing is added for it.
    """
    try:
        return _STATES * model_bytes(name) + _PROCESS
    except IsoglossError:
        # The run itself is going to say so.
        return _PROCESS
