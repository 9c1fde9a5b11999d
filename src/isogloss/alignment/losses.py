"""What the critic maximises."""

from __future__ import annotations

import torch

from isogloss.errors import IsoglossError


def wasserstein(
    critic_source: torch.Tensor,
    critic_target: torch.Tensor,
    weights: torch.Tensor,
    *,
    normalize: bool = True,
) -> torch.Tensor:
    """Subtract the weighted mean source score from the mean target score.

    Args:
        critic_source: (n,) scores of source rows.
        critic_target: (m,) scores of target rows.
        weights: (n,) importance weight of each source row's true class; detached.
        normalize: divide by the sum of the weights, so that a constant added to the critic changes
            nothing; else by n, as the paper does.

    Returns:
        A scalar to maximise; 0, with zero gradients, where a side has no rows or (normalised) the
        weights are all 0, as there is then nothing to tell apart.

    Raises:
        IsoglossError: E405 unless scores and weights are one-dimensional and match.

    References:
        Arjovsky, Chintala & Bottou, ICML 2017; Xian, Ji & Zhao, ICLR 2022, appendix C.1.
    """
    if critic_source.ndim != 1 or weights.shape != critic_source.shape:
        shape, expected = tuple(weights.shape), tuple(critic_source.shape)
        raise IsoglossError("E405", name="the row weights", shape=shape, expected=expected)
    if len(critic_source) == 0 or len(critic_target) == 0:
        return 0.0 * (critic_source.sum() + critic_target.sum())
    precise = torch.promote_types(critic_source.dtype, torch.float32)
    critic_source, critic_target = critic_source.to(precise), critic_target.to(precise)
    row_weights = weights.detach().to(precise)
    weighted = (row_weights * critic_source).sum()
    if not normalize:
        return critic_target.mean() - weighted / len(critic_source)
    total = row_weights.sum()
    present = total > 0
    source_mean = weighted / torch.where(present, total, torch.ones_like(total))
    return torch.where(present, critic_target.mean() - source_mean, 0.0 * weighted)
