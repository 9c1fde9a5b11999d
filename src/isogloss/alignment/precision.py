"""Which arithmetic a step's parts run in, where automatic mixed precision is on."""

from __future__ import annotations

import torch


def compute_dtype(rows: torch.Tensor) -> torch.dtype:
    """The type that matrix products with these rows run in.

    Args:
        rows: any tensor.

    Returns:
        Autocast's type for the device where autocast is on, else that of the rows.
    """
    device = rows.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else rows.dtype


def full_precision(rows: torch.Tensor) -> torch.autocast:
    """A region without autocast, for differences that half precision would drown.

    Args:
        rows: any tensor of the device in question.
    """
    return torch.autocast(rows.device.type, enabled=False)


def precise(values: torch.Tensor) -> torch.Tensor:
    """Values in at least single precision.

    Args:
        values: any shape, floating point.
    """
    return values.to(torch.promote_types(values.dtype, torch.float32))
