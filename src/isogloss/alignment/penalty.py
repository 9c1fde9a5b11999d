"""The zero-centred gradient penalty, which keeps the critic smooth between source and target."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from isogloss.alignment.critic import Critic
from isogloss.alignment.precision import precise
from isogloss.errors import IsoglossError

PAIRINGS = ("index", "random")

# From here on one product with W costs more than two passes over its entries (measured on a CPU,
# where the two meet at some 50 rows in bf16 and 20 in fp32).
FEW_ROWS = 48


def zero_centred_penalty(
    critic: Critic,
    source_u: torch.Tensor,
    target_u: torch.Tensor,
    *,
    pairing: str = "random",
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Average the squared input gradient at random points between paired rows.

    Args:
        critic: the critic.
        source_u: (n, in_features); detached.
        target_u: (m, in_features); detached.
        pairing: "index" pairs the first min(n, m) rows (the paper); "random" pairs every row of
            the shorter side with a random one of the longer, so that none is always left out.
        generator: of the coefficients and the pairing, on the CPU; the global one by default.

    Returns:
        A scalar, differentiable in the critic's parameters; 0 where a side has no rows.

    Raises:
        IsoglossError: E409 for another pairing.

    References:
        Thanh-Tung, Tran & Venkatesh, ICLR 2019; Xian, Ji & Zhao, ICLR 2022, appendix C.1.
    """
    matrix = critic.matrix(source_u)
    with torch.no_grad():
        sides = [critic.preactivations(rows, matrix) for rows in (source_u, target_u)]
    points = interpolate(*sides, pairing=pairing, generator=generator)
    return squared_gradients(critic, points, matrix).mean() if len(points) else nothing(matrix)


def interpolate(
    source: torch.Tensor,
    target: torch.Tensor,
    *,
    pairing: str = "random",
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Draw one uniform point on the segment of each pair.

    Args:
        source: (n, e): rows, or their preactivations. These are affine in the rows, so that those
            of a point between two rows lie between theirs, and no product with W is needed.
        target: (m, e) likewise.
        pairing: see `zero_centred_penalty`.
        generator: likewise.

    Returns:
        (min(n, m), e), detached, in at least single precision.

    Raises:
        IsoglossError: E409 for another pairing.
    """
    count = min(len(source), len(target))
    first, second = (
        precise(rows.detach()[_chosen(len(rows), pairing, generator)[:count].to(rows.device)])
        for rows in (source, target)
    )
    share = torch.rand(count, 1, generator=generator).to(first)
    return torch.lerp(first, second, share)


def squared_gradients(
    critic: Critic, preactivations: torch.Tensor, matrix: torch.Tensor
) -> torch.Tensor:
    """Square the norm of the critic's input gradient, `W' (v ⊙ 1[W u + b > 0])`.

    Args:
        critic: the critic.
        preactivations: (n, width) `W u + b`; no gradient flows to it, as the slopes are piecewise
            constant.
        matrix: (width, in_features) `critic.matrix(u)`.

    Returns:
        (n,) squared norms in at least single precision, differentiable in W and v.
    """
    active = preactivations > 0
    squares: torch.Tensor = _SquaredGradients.apply(matrix, critic.output.weight[0], active)
    return squares


class _SquaredGradients(torch.autograd.Function):
    """`‖g_i‖²` with `g_i = W' (v ⊙ a_i)` for each row a_i of 0 and 1, with fewer products backward.

    With upstream gradients c, that of W is `2 Σ_i c_i (v ⊙ a_i) g_i'` and that of v is
    `2 Σ_i c_i a_i ⊙ W g_i`. For many rows `M = 2 Σ_i c_i a_i g_i'` gives both: `v ⊙ M` and the
    products of the rows of M with those of W.
    """

    @staticmethod
    def forward(
        ctx: Any, matrix: torch.Tensor, outputs: torch.Tensor, active: torch.Tensor
    ) -> torch.Tensor:
        slopes = (outputs * active).to(matrix.dtype)
        gradients = slopes @ matrix
        ctx.save_for_backward(matrix, outputs, active, slopes, gradients)
        return precise(gradients).square().sum(dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        matrix, outputs, active, slopes, gradients = ctx.saved_tensors
        scaled = (2.0 * upstream[0].unsqueeze(1) * gradients).to(matrix.dtype)
        if len(active) < FEW_ROWS:
            of_outputs = ((scaled @ matrix.T) * active).sum(dim=0)
            return slopes.T @ scaled, of_outputs.to(outputs.dtype), None
        moved = active.to(matrix.dtype).T @ scaled
        of_outputs = torch.linalg.vecdot(moved, matrix)
        of_matrix = moved.mul_(outputs.to(matrix.dtype).unsqueeze(1))
        return of_matrix, of_outputs.to(outputs.dtype), None


def nothing(matrix: torch.Tensor) -> torch.Tensor:
    """The penalty where there are no pairs.

    Args:
        matrix: any tensor of the critic's device.
    """
    return precise(matrix.new_zeros(()))


def _chosen(length: int, pairing: str, generator: torch.Generator | None) -> torch.Tensor:
    if pairing not in PAIRINGS:
        raise IsoglossError(
            "E409", name="pairing", value=repr(pairing), choices=", ".join(PAIRINGS)
        )
    if pairing == "index":
        return torch.arange(length)
    return torch.randperm(length, generator=generator)
