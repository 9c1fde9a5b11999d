"""Row weights as a distribution over rows."""

from __future__ import annotations

import torch

from isogloss.alignment.precision import precise
from isogloss.errors import IsoglossError


def check_weights(weights: torch.Tensor, *, num_rows: int | None = None) -> None:
    """Refuse weights that belong to other rows.

    Args:
        weights: importance weights.
        num_rows: how many there must be; with None only the number of dimensions counts.

    Raises:
        IsoglossError: E405 unless they are one-dimensional and as many.
    """
    if weights.ndim != 1 or num_rows not in (None, len(weights)):
        expected = ("any",) if num_rows is None else (num_rows,)
        raise IsoglossError(
            "E405", name="the row weights", shape=tuple(weights.shape), expected=expected
        )


def shares(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Self-normalise importance weights.

    Args:
        weights: (n,), at least 0; detached.

    Returns:
        (n,) shares that sum to 1, in at least single precision, and whether they do: where all
        weights are 0 the shares are, too.
    """
    row_weights = precise(weights.detach())
    total = row_weights.sum()
    present = total > 0
    return row_weights / torch.where(present, total, torch.ones_like(total)), present


def where_present(present: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """A divergence, or 0 with zero gradients where there is no weight to compare by.

    Args:
        present: scalar bool, from `shares`.
        value: scalar.
    """
    return torch.where(present, value, 0.0 * value)
