"""The critic network: one hidden ReLU layer, whose input gradient is known in closed form."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from isogloss.alignment.precision import compute_dtype, full_precision, precise

WIDTH = 2048


class Critic(nn.Module):
    """`f(u) = v·relu(W u + b) + c`.

    Attributes:
        hidden: the layer (W, b), `in_features` to `width`.
        output: the layer (v, c), `width` to 1.

    References:
        Xian, Ji & Zhao, ICLR 2022, appendix C.1.
    """

    def __init__(
        self, in_features: int, *, width: int = WIDTH, generator: torch.Generator | None = None
    ) -> None:
        """Draw the initial parameters.

        Args:
            in_features: size of what the critic sees (`d * k` under Kronecker conditioning).
            width: hidden units.
            generator: of the initial parameters, on the CPU; the global one by default.
        """
        super().__init__()
        self.hidden = nn.utils.skip_init(nn.Linear, in_features, width)
        self.output = nn.utils.skip_init(nn.Linear, width, 1)
        for layer in (self.hidden, self.output):
            bound = 1.0 / math.sqrt(layer.in_features)
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Score rows; high means target.

        Args:
            u: (n, in_features).

        Returns:
            (n,) scores in at least single precision.
        """
        return self.scores(self.preactivations(u, self.matrix(u)))

    def matrix(self, u: torch.Tensor) -> torch.Tensor:
        """W in the precision that matrix products with `u` run in.

        One cast serves all products of a step; autograd adds their gradients up before it is
        undone.

        Args:
            u: rows on the critic's device.

        Returns:
            (width, in_features), differentiable in W.
        """
        return self.hidden.weight.to(compute_dtype(u))

    def preactivations(self, u: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
        """The affine part of the hidden layer, W u + b.

        Args:
            u: (n, in_features).
            matrix: (width, in_features) `self.matrix(u)`.

        Returns:
            (n, width) in the precision of `matrix`.
        """
        return F.linear(u.to(matrix.dtype), matrix, self.hidden.bias.to(matrix.dtype))

    def scores(self, preactivations: torch.Tensor) -> torch.Tensor:
        """Score rows by their preactivations.

        Args:
            preactivations: (n, width).

        Returns:
            (n,) scores in at least single precision: their small differences are the loss.
        """
        with full_precision(preactivations):
            return self.output(precise(torch.relu(preactivations))).squeeze(1)
