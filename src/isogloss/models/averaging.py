"""The mean of a classifier's weights as they were at several times, or in several trainings."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn


class WeightAverage:
    """A running uniform mean of the weights that train; frozen ones never differ.

    It lies in the machine's memory, in single precision, wherever the classifier is. A weight that
    is the same in all that is averaged comes out as it is, to the last bit. Encoders keep no
    statistics of batches, so there is nothing to recompute for the mean.

    Args:
        count: of what went into `mean`.
        mean: by the parameter's name; empty where `count` is 0.

    References:
        Izmailov et al., UAI 2018 (of one training); Wortsman et al., ICML 2022 (of several that
        share their start), uniform soup.
    """

    def __init__(self, *, count: int = 0, mean: dict[str, Tensor] | None = None) -> None:
        self.count = count
        self.mean = mean or {}

    @torch.no_grad()
    def add(self, classifier: nn.Module) -> None:
        """Take one more into the mean.

        Args:
            classifier: its parameters have the names and shapes of those that came before.
        """
        self.count += 1
        for name, parameter in trained_parameters(classifier):
            now = parameter.detach().to("cpu", torch.float32)
            if self.count == 1:
                self.mean[name] = now.clone()
            else:
                # Not a sum that is divided in the end: the mean of equal numbers is that number.
                self.mean[name] += (now - self.mean[name]) / self.count

    @torch.no_grad()
    def put_into(self, classifier: nn.Module) -> None:
        """Set the weights to the mean; those that are frozen stay.

        Args:
            classifier: with parameters of the names and shapes of the mean.
        """
        for name, parameter in trained_parameters(classifier):
            parameter.copy_(self.mean[name])


def trained_parameters(classifier: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters that have gradients, by name."""
    return ((name, p) for name, p in classifier.named_parameters() if p.requires_grad)
