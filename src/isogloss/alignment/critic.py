"""The critic: one hidden ReLU layer, whose input gradient is known in closed form."""

from __future__ import annotations

import math

import torch
from torch import nn

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
            (n,) scores.
        """
        return self.output(torch.relu(self.hidden(u))).squeeze(1)

    def slopes(self, u: torch.Tensor) -> torch.Tensor:
        """Find which hidden units pass a row on, and with what weight.

        Args:
            u: (n, in_features); no gradient flows to it, as the slopes are piecewise constant.

        Returns:
            (n, width) `v ⊙ 1[W u + b > 0]`, differentiable in v.
        """
        with torch.no_grad():
            active = self.hidden(u) > 0
        return self.output.weight * active

    def input_gradient(self, u: torch.Tensor) -> torch.Tensor:
        """Differentiate the scores by their rows, without a backward pass.

        Args:
            u: (n, in_features).

        Returns:
            (n, in_features) `W' (v ⊙ 1[W u + b > 0])`, differentiable in the parameters.
        """
        return self.slopes(u) @ self.hidden.weight
