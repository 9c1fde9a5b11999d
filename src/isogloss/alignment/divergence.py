"""Divergences as interchangeable parts: each takes conditioned rows and gives a loss to add."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

from isogloss.alignment.critic import Critic
from isogloss.alignment.losses import (
    jensen_shannon,
    jensen_shannon_costs,
    wasserstein,
    wasserstein_costs,
)
from isogloss.alignment.mmd import mmd
from isogloss.alignment.penalty import interpolate, nothing, squared_gradients
from isogloss.alignment.precision import precise
from isogloss.alignment.reversal import reverse
from isogloss.alignment.sliced import sliced_wasserstein
from isogloss.alignment.weighting import Divisors
from isogloss.errors import IsoglossError

# Of each the objective, and what it makes a source row cost.
_OBJECTIVES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "wasserstein": (wasserstein, wasserstein_costs),
    "jsd": (jensen_shannon, jensen_shannon_costs),
}
_DIRECT: dict[str, Callable[..., Any]] = {"mmd": mmd, "sliced": sliced_wasserstein}

WITH_CRITIC = tuple(_OBJECTIVES)
DIVERGENCES = (*_OBJECTIVES, *_DIRECT)


class Terms(NamedTuple):
    """What alignment adds to a step.

    Attributes:
        loss: scalar to minimise.
        distance: scalar without gradient, the divergence as it stands.
        penalty: scalar without gradient, the critic's mean squared slope; 0 without a critic.
        source_costs: (n,) without gradient, by how much each source row, of weight 1, lowers what
            the critic maximises; none without a critic.
    """

    loss: torch.Tensor
    distance: torch.Tensor
    penalty: torch.Tensor
    source_costs: torch.Tensor


class Divergence(nn.Module):
    """How far weighted source rows are from target rows; a subclass owns what it trains."""

    def terms(
        self,
        rows: torch.Tensor,
        weights: torch.Tensor,
        *,
        strength: float,
        divisors: Divisors | None = None,
    ) -> Terms:
        """The alignment part of a step's loss.

        Args:
            rows: (n + m, e) conditioned features, the n source rows first; gradients flow.
            weights: (n,) importance weight of each source row's true class; detached.
            strength: lambda, at least 0: the share of the divergence's gradient that reaches the
                rows.
            divisors: of the whole batch, where these rows are a part of it; divergences without a
                critic are no sums over rows, and go by their part.

        Returns:
            `Terms`, whose gradients are zero where a side has no rows.
        """
        raise NotImplementedError


class CriticDivergence(Divergence, Critic):
    """A divergence that a critic network finds while the features, reversed, work against it.

    The critic ascends the objective in full, whatever the strength.

    Args:
        in_features: e.
        width: hidden units.
        objective: of the critic's source scores, target scores and row weights, with `divisors`.
        costs: of source scores, what the objective loses by each row.
        penalty_strength: gamma of the zero-centred penalty; 0 leaves it out.
        pairing: see `zero_centred_penalty`.
        generator: of the initial parameters, on the CPU; the global one by default.

    References:
        Ganin et al., JMLR 2016; Xian, Ji & Zhao, ICLR 2022, appendix C.1.
    """

    def __init__(
        self,
        in_features: int,
        *,
        width: int,
        objective: Callable[..., torch.Tensor],
        costs: Callable[[torch.Tensor], torch.Tensor],
        penalty_strength: float,
        pairing: str,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_features, width=width, generator=generator)
        self.objective = objective
        self.costs = costs
        self.penalty_strength = penalty_strength
        self.pairing = pairing

    def terms(
        self,
        rows: torch.Tensor,
        weights: torch.Tensor,
        *,
        strength: float,
        divisors: Divisors | None = None,
    ) -> Terms:
        """See `Divergence`."""
        matrix = self.matrix(rows)
        preactivations = self.preactivations(reverse(rows, strength), matrix)
        source, target = self.scores(preactivations).tensor_split([len(weights)])
        distance = self.objective(source, target, weights, divisors=divisors)
        penalty = self._penalty(preactivations.detach(), len(weights), matrix)
        loss = self.penalty_strength * penalty - distance
        costs = self.costs(precise(source.detach()))
        return Terms(loss, distance.detach(), penalty.detach(), costs)

    def _penalty(
        self, preactivations: torch.Tensor, num_source: int, matrix: torch.Tensor
    ) -> torch.Tensor:
        if self.penalty_strength == 0.0:
            return nothing(matrix)
        source, target = preactivations.tensor_split([num_source])
        points = interpolate(source, target, pairing=self.pairing)
        return squared_gradients(self, points, matrix).mean() if len(points) else nothing(matrix)


class DirectDivergence(Divergence):
    """A divergence of the rows themselves, which the features minimise with the weight lambda.

    A lambda belongs to its divergence. MMD lies in 0..2 whatever the scale of the features; the
    sliced distance grows with the square of that scale; what a critic passes back is as large as
    its slopes, which the penalty holds down. On the same rows the three differ by powers of ten.

    Args:
        distance: of source rows, target rows and row weights; a scalar, at least 0.
    """

    def __init__(
        self, distance: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    ) -> None:
        super().__init__()
        self.distance = distance

    def terms(
        self,
        rows: torch.Tensor,
        weights: torch.Tensor,
        *,
        strength: float,
        divisors: Divisors | None = None,
    ) -> Terms:
        """See `Divergence`."""
        source, target = rows.tensor_split([len(weights)])
        distance = self.distance(source, target, weights)
        loss = strength * distance
        return Terms(loss, distance.detach(), nothing(distance), distance.new_zeros(0))


def make_divergence(
    name: str,
    in_features: int,
    *,
    width: int,
    normalize: bool = True,
    penalty_strength: float = 0.0,
    pairing: str = "random",
    generator: torch.Generator | None = None,
) -> Divergence:
    """The divergence of a name.

    Args:
        name: "wasserstein" or "jsd", each with a critic; "mmd" or "sliced", which have none and
            always self-normalise the weights. All but `in_features` is for critics alone.
        in_features: e.
        width: hidden units of the critic.
        normalize: divide weighted sums by the sum of the weights; else by n.
        penalty_strength: gamma.
        pairing: see `zero_centred_penalty`.
        generator: of the critic's initial parameters, on the CPU.

    Returns:
        A `Divergence`.

    Raises:
        IsoglossError: E409 for another name.
    """
    if name in _DIRECT:
        return DirectDivergence(_DIRECT[name])
    if name not in _OBJECTIVES:
        choices = ", ".join(DIVERGENCES)
        raise IsoglossError("E409", name="critic", value=repr(name), choices=choices)
    objective, costs = _OBJECTIVES[name]
    return CriticDivergence(
        in_features,
        width=width,
        objective=partial(objective, normalize=normalize),
        costs=costs,
        penalty_strength=penalty_strength,
        pairing=pairing,
        generator=generator,
    )
