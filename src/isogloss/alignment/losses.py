"""What the critic maximises: how far target scores are above weighted source scores."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn import functional as F

from isogloss.alignment.precision import precise
from isogloss.alignment.weighting import Divisors, check_weights, where_present


def wasserstein(
    critic_source: torch.Tensor,
    critic_target: torch.Tensor,
    weights: torch.Tensor,
    *,
    normalize: bool = True,
    divisors: Divisors | None = None,
) -> torch.Tensor:
    """Subtract the weighted mean source score from the mean target score.

    Args:
        critic_source: (n,) scores of source rows.
        critic_target: (m,) scores of target rows.
        weights: (n,) importance weight of each source row's true class; detached.
        normalize: divide by the sum of the weights, so that a constant added to the critic changes
            nothing; else by n, as the paper does.
        divisors: of the whole batch, where these rows are a part of it.

    Returns:
        A scalar to maximise; 0, with zero gradients, where a side has no rows or (normalised) the
        weights are all 0, as there is then nothing to tell apart.

    Raises:
        IsoglossError: E405 unless scores and weights are one-dimensional and match.

    References:
        Arjovsky, Chintala & Bottou, ICML 2017; Xian, Ji & Zhao, ICLR 2022, appendix C.1.
    """
    return _contrast(critic_source, critic_target, weights, normalize, divisors, wasserstein_costs)


def jensen_shannon(
    critic_source: torch.Tensor,
    critic_target: torch.Tensor,
    weights: torch.Tensor,
    *,
    normalize: bool = True,
    divisors: Divisors | None = None,
) -> torch.Tensor:
    """Estimate the Jensen-Shannon divergence by the domain cross-entropy (the loss of DANN).

    Args:
        critic_source: (n,) scores of source rows, the log-odds of being target.
        critic_target: (m,) scores of target rows.
        weights: (n,) importance weight of each source row's true class; detached.
        normalize: divide by the sum of the weights; else by n.
        divisors: of the whole batch, where these rows are a part of it.

    Returns:
        A scalar to maximise, log 2 minus the cross-entropy averaged over the two sides: at most
        the divergence in nats, which the best critic reaches, and 0 for a critic that cannot tell.
        0, with zero gradients, where a side has no rows or (normalised) the weights are all 0.

    Raises:
        IsoglossError: E405 unless scores and weights are one-dimensional and match.

    References:
        Goodfellow et al., NeurIPS 2014, section 4.1; Ganin et al., JMLR 2016.
    """
    return _contrast(
        critic_source, critic_target, weights, normalize, divisors, jensen_shannon_costs
    )


def wasserstein_costs(critic_source: torch.Tensor) -> torch.Tensor:
    """What source rows cost the critic of `wasserstein`: by how much a row, of weight 1, lowers it.

    Args:
        critic_source: (n,) scores of source rows.

    Returns:
        (n,) the scores themselves.
    """
    return critic_source


def jensen_shannon_costs(critic_source: torch.Tensor) -> torch.Tensor:
    """What source rows cost the critic of `jensen_shannon`: half their cross-entropy above log 2.

    A class that the critic takes for the target costs it more the surer it is, and one that it
    knows for the source spares it log 2 / 2 at most; so classes are in another order by their mean
    cost than by their mean score.

    Args:
        critic_source: (n,) scores of source rows, the log-odds of being target.

    Returns:
        (n,) costs.
    """
    return -0.5 * (F.logsigmoid(-critic_source) + math.log(2.0))


_Costs = Callable[[torch.Tensor], torch.Tensor]


def _contrast(
    source: torch.Tensor,
    target: torch.Tensor,
    weights: torch.Tensor,
    normalize: bool,
    divisors: Divisors | None,
    costs: _Costs,
) -> torch.Tensor:
    """Weighted mean of what source rows cost, off the mean of what target rows gain.

    A target row gains what a source row of the opposite score would spare.
    """
    check_weights(source)
    check_weights(weights, num_rows=len(source))
    over = divisors or Divisors.of_rows(weights, len(target))
    total = over.weights if normalize else over.source
    present = (total > 0) & (over.target > 0)
    if divisors is None and (len(source) == 0 or len(target) == 0):
        return 0.0 * (source.sum() + target.sum())
    source_gain, target_gain = -costs(precise(source)), -costs(-precise(target))
    dtype = source_gain.dtype
    row_shares = precise(weights.detach()) / torch.where(present, total, 1.0)
    weighted = (row_shares.to(dtype) * source_gain).sum()
    mean = target_gain.sum() / torch.where(present, over.target, 1.0).to(dtype)
    return where_present(present, mean + weighted)
