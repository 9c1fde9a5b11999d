"""Maximum mean discrepancy: a divergence without a critic network."""

from __future__ import annotations

import torch

from isogloss.alignment.precision import full_precision, precise
from isogloss.alignment.weighting import check_weights, shares, where_present

# Bandwidths from a quarter to four times the median squared distance, each twice the one before.
KERNELS = 5
WIDEST = 4.0

# Of the mean squared norm: far above what rounding makes of the distance of equal rows, and
# below any distance that single precision resolves.
_FLOOR = 1e-10


def mmd(
    source: torch.Tensor,
    target: torch.Tensor,
    weights: torch.Tensor,
    *,
    bandwidth: torch.Tensor | None = None,
) -> torch.Tensor:
    """Squared maximum mean discrepancy of weighted source rows and target rows.

    The kernel is the mean of five Gaussians `exp(-‖u - v‖² / (s b))`, s = 1/4, 1/2, 1, 2, 4.

    Args:
        source: (n, e); gradients flow.
        target: (m, e); gradients flow.
        weights: (n,) importance weight of each source row's true class; detached, self-normalised.
        bandwidth: b, a positive scalar; by default the weighted median of the squared distances
            between the sides, without gradient. As it follows the rows, scaling them all does not
            change the result.

    Returns:
        A scalar in 0..2, in at least single precision, the V-statistic: 0 for equal samples. 0,
        with zero gradients, where a side has no rows or the weights are all 0.

    Raises:
        IsoglossError: E405 unless there is one weight a source row.

    References:
        Gretton et al., JMLR 2012, the biased statistic; several kernels: Long et al., ICML 2015
        (DAN); importance weights: Xian, Ji & Zhao, ICLR 2022, appendix C.1.
    """
    check_weights(weights, num_rows=len(source))
    if len(source) == 0 or len(target) == 0:
        return 0.0 * (source.sum() + target.sum())
    with full_precision(source):
        rows = precise(torch.cat([source, target]))
        row_shares, present = shares(weights)
        each = torch.full((len(target),), 1.0 / len(target)).to(rows)
        distances = squared_distances(rows)
        if bandwidth is None:
            between = distances.detach()[: len(source), len(source) :]
            floor = _FLOOR * rows.detach().square().sum(dim=1).mean()
            bandwidth = median_bandwidth(between, row_shares, floor)
        signed = torch.cat([row_shares.to(rows), -each])
        value = signed @ gaussian_mixture(distances, bandwidth) @ signed
        return where_present(present, value)


def squared_distances(rows: torch.Tensor) -> torch.Tensor:
    """All squared distances, by inner products.

    Args:
        rows: (n, e) in at least single precision.

    Returns:
        (n, n), at least 0; the memory is n (n + e), not n² e.
    """
    # Distances do not depend on the origin, but what rounding leaves of them does.
    centred = rows - rows.detach().mean(dim=0)
    norms = centred.square().sum(dim=1)
    products = centred @ centred.T
    return (norms.unsqueeze(1) + norms.unsqueeze(0) - 2.0 * products).clamp(min=0.0)


def gaussian_mixture(distances: torch.Tensor, bandwidth: torch.Tensor) -> torch.Tensor:
    """Average the Gaussian kernels.

    Args:
        distances: squared, any shape.
        bandwidth: positive scalar.

    Returns:
        The kernel's values in 0..1, of the same shape.
    """
    # Halving a bandwidth squares the kernel, so one exponential is enough.
    kernel = torch.exp(-distances / (WIDEST * bandwidth))
    total = kernel
    for _ in range(KERNELS - 1):
        kernel = kernel.square()
        total = total + kernel
    return total / KERNELS


def median_bandwidth(
    distances: torch.Tensor, row_shares: torch.Tensor, floor: torch.Tensor
) -> torch.Tensor:
    """Weighted median of the squared distances between the sides.

    Taken between the sides, not over all pairs, it does not depend on how often a row is listed,
    if its weight is shared out.

    Args:
        distances: (n, m).
        row_shares: (n,) of the source rows, summing to 1 (or all 0).
        floor: scalar; a bandwidth below it would be of rounding errors.

    Returns:
        A positive scalar.
    """
    ordered, order = distances.flatten().sort()
    count = distances.shape[1]
    below = (row_shares.double() / count).repeat_interleave(count)[order].cumsum(0)
    # Equal shares must not pass by the half for a rounding error.
    position = (below < 0.5 - 1e-9).sum().clamp(max=len(ordered) - 1)
    return ordered[position].maximum(floor.to(ordered)).clamp(min=torch.finfo(ordered.dtype).tiny)
