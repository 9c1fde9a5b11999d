"""What the critic sees of a row: its feature alone, or its feature crossed with its prediction."""

from __future__ import annotations

from collections.abc import Callable

import torch

from isogloss.errors import IsoglossError


def kronecker(features: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """Cross features with predicted probabilities (CDAN).

    Args:
        features: (n, d); gradients flow through them.
        probabilities: (n, k) softmax outputs; they are detached.

    Returns:
        (n, d * k), entry `i * k + j` being `features[:, i] * probabilities[:, j]`.

    Raises:
        IsoglossError: E405 unless both have the same number of rows.

    References:
        Long et al., NeurIPS 2018; Xian, Ji & Zhao, ICLR 2022, appendix C.1.
    """
    _check_rows(features, probabilities)
    return (features.unsqueeze(2) * probabilities.detach().unsqueeze(1)).flatten(1)


def identity(features: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """Show the critic the features as they are.

    Args:
        features: (n, d).
        probabilities: (n, k); not used.

    Returns:
        The features (n, d).

    Raises:
        IsoglossError: E405 unless both have the same number of rows.
    """
    _check_rows(features, probabilities)
    return features


CONDITIONINGS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "kronecker": kronecker,
    "identity": identity,
}


def _check_rows(features: torch.Tensor, probabilities: torch.Tensor) -> None:
    if features.ndim != 2 or probabilities.ndim != 2 or len(features) != len(probabilities):
        shape, expected = tuple(probabilities.shape), f"({features.shape[0]}, any)"
        raise IsoglossError("E405", name="the probabilities", shape=shape, expected=expected)
