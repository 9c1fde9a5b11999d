"""Sliced Wasserstein distance: exact transport along random directions, without a critic."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from isogloss.alignment.precision import full_precision, precise
from isogloss.alignment.weighting import check_weights, shares, where_present

DIRECTIONS = 64


def sliced_wasserstein(
    source: torch.Tensor,
    target: torch.Tensor,
    weights: torch.Tensor,
    *,
    directions: int | torch.Tensor = DIRECTIONS,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Average the squared 2-Wasserstein distance of the rows' projections on random directions.

    A direction is of length √e, so that a shift of all rows by a vector costs its squared length
    on average, whatever e is (e times the distance with directions of length 1).

    Args:
        source: (n, e); gradients flow.
        target: (m, e); gradients flow.
        weights: (n,) importance weight of each source row's true class; detached, self-normalised.
        directions: how many to draw, at least 1; or the directions themselves, (count, e).
        generator: of the directions, on the CPU; the global one by default.

    Returns:
        A scalar, at least 0, in at least single precision: 0 for equal samples. 0, with zero
        gradients, where a side has no rows or the weights are all 0.

    Raises:
        IsoglossError: E405 unless there is one weight a source row.

    References:
        Rabin et al., SSVM 2011; Bonneel et al., JMIV 2015; for adaptation: Lee et al., CVPR 2019.
    """
    check_weights(weights, num_rows=len(source))
    if len(source) == 0 or len(target) == 0:
        return 0.0 * (source.sum() + target.sum())
    if isinstance(directions, int):
        directions = draw_directions(directions, source.shape[1], generator=generator)
    row_shares, present = shares(weights)
    with full_precision(source):
        axes = precise(directions.to(source))
        of_source, of_target = (axes @ precise(rows).T for rows in (source, target))
        distances = quantile_distances(of_source, of_target, row_shares)
        return where_present(present, distances.mean())


def draw_directions(
    count: int, size: int, *, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Draw directions uniformly.

    Args:
        count: how many.
        size: e.
        generator: on the CPU; the global one by default.

    Returns:
        (count, e), each of length √e.
    """
    return F.normalize(torch.randn(count, size, generator=generator), dim=1) * size**0.5


def quantile_distances(
    source: torch.Tensor, target: torch.Tensor, row_shares: torch.Tensor
) -> torch.Tensor:
    """Squared 2-Wasserstein distances of one-dimensional samples.

    On a line the best transport keeps the order, so that the distance is the integral of the
    squared difference of the quantile functions. Both are steps: the integral is a finite sum.

    Args:
        source: (count, n) values, n > 0.
        target: (count, m) values of equal weight, m > 0.
        row_shares: (n,) weights of the source values, summing to 1 (or all 0).

    Returns:
        (count,), differentiable in the values.

    References:
        Peyré & Cuturi, Computational Optimal Transport, 2019, remark 2.30.
    """
    source, order = source.sort(dim=1)
    target = target.sort(dim=1).values
    count, m = target.shape
    upto = row_shares.double()[order].cumsum(dim=1)
    steps = torch.arange(1, m + 1, device=target.device).double() / m
    levels = torch.cat([upto, steps.expand(count, m)], dim=1).clamp(max=1.0).sort(dim=1).values
    widths = levels.diff(dim=1, prepend=torch.zeros_like(levels[:, :1]))
    middles = levels - widths / 2
    at_source = torch.searchsorted(upto, middles).clamp(max=source.shape[1] - 1)
    at_target = (middles * m).long().clamp(max=m - 1)
    gaps = source.gather(1, at_source) - target.gather(1, at_target)
    return (widths.to(gaps.dtype) * gaps.square()).sum(dim=1)
