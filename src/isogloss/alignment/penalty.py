"""The zero-centred gradient penalty, which keeps the critic smooth between source and target."""

from __future__ import annotations

import torch

from isogloss.alignment.critic import Critic
from isogloss.errors import IsoglossError

PAIRINGS = ("index", "random")


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
    points = interpolate(source_u, target_u, pairing=pairing, generator=generator)
    if points.shape[0] == 0:
        return points.new_zeros(())
    return squared_gradients(critic, points).mean()


def interpolate(
    source_u: torch.Tensor,
    target_u: torch.Tensor,
    *,
    pairing: str = "random",
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Draw one uniform point on the segment of each pair.

    Args:
        source_u: (n, in_features).
        target_u: (m, in_features).
        pairing: see `zero_centred_penalty`.
        generator: likewise.

    Returns:
        (min(n, m), in_features), detached.

    Raises:
        IsoglossError: E409 for another pairing.
    """
    source, target = source_u.detach(), target_u.detach()
    count = min(len(source), len(target))
    source = source[_chosen(len(source), pairing, generator)[:count].to(source.device)]
    target = target[_chosen(len(target), pairing, generator)[:count].to(target.device)]
    share = torch.rand(count, 1, generator=generator).to(source)
    return torch.lerp(source, target, share)


def squared_gradients(critic: Critic, u: torch.Tensor) -> torch.Tensor:
    """Square the norm of the critic's input gradient, by the cheaper of two exact ways.

    Args:
        critic: the critic.
        u: (n, in_features).

    Returns:
        (n,) squared norms in at least single precision.
    """
    width, in_features = critic.hidden.weight.shape
    direct = len(u) * width * in_features
    gram = width * width * (in_features + len(u))
    if direct <= gram:
        return _precise(critic.input_gradient(u)).square().sum(dim=1)
    slopes = critic.slopes(u)
    products = critic.hidden.weight @ critic.hidden.weight.T
    return _precise((slopes @ products) * slopes).sum(dim=1)


def _chosen(length: int, pairing: str, generator: torch.Generator | None) -> torch.Tensor:
    if pairing not in PAIRINGS:
        raise IsoglossError(
            "E409", name="pairing", value=repr(pairing), choices=", ".join(PAIRINGS)
        )
    if pairing == "index":
        return torch.arange(length)
    return torch.randperm(length, generator=generator)


def _precise(values: torch.Tensor) -> torch.Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
