"""What the critic sees of a row: its feature alone, or its feature crossed with its prediction."""

from __future__ import annotations

import torch
from torch import nn

from isogloss.errors import IsoglossError

CONDITIONINGS = ("auto", "cdan", "random", "none")

# "auto" crosses exactly up to this many entries, as CDAN does (Long et al., 2018). There a step
# costs some three times one of the randomised map, and beyond it grows with the classes.
EXACT_SIZE = 4096
RANDOM_SIZE = 1024


def kronecker(features: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """Cross features with predicted probabilities (CDAN).

    Args:
        features: (n, d); gradients flow through them.
        probabilities: (n, k) softmax outputs; they are detached.

    Returns:
        (n, d * k), entry `i * k + j` being `features[:, i] * probabilities[:, j]`.

    Raises:
        IsoglossError: E405 unless both have the same number of rows.

    References:
        Long et al., NeurIPS 2018; Xian, Ji & Zhao, ICLR 2022, appendix C.1.
    """
    _check_rows(features, probabilities)
    return (features.unsqueeze(2) * probabilities.detach().unsqueeze(1)).flatten(1)


class Conditioning(nn.Module):
    """Turns features and predictions into the rows that a divergence compares.

    Attributes:
        out_features: how wide those rows are.
    """

    def __init__(self, out_features: int) -> None:
        super().__init__()
        self.out_features = out_features

    def forward(self, features: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        """Condition features on predictions.

        Args:
            features: (n, d); gradients flow through them.
            probabilities: (n, k) softmax outputs; they are detached.

        Returns:
            (n, out_features).

        Raises:
            IsoglossError: E405 unless both have the same number of rows.
        """
        raise NotImplementedError


class Identity(Conditioning):
    """The features as they are."""

    def forward(self, features: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        """See `Conditioning`; the probabilities are not used."""
        _check_rows(features, probabilities)
        return features


class Kronecker(Conditioning):
    """Features times predicted probabilities, d * k wide: see `kronecker`."""

    def forward(self, features: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        """See `Conditioning`."""
        return kronecker(features, probabilities)


class RandomisedMultilinear(Conditioning):
    """A random map of fixed width whose inner products are those of the Kronecker product.

    `(R_z z) ⊙ (R_p p) / √size`: the expected inner product of two rows is that of `z ⊗ p`, and its
    error falls with √size. The entries of R_z and R_p are random signs, which have the mean 0 and
    variance 1 that the map needs, and of all such distributions the smallest error. They are
    buffers: not trained, and part of a checkpoint.

    References:
        Long et al., NeurIPS 2018 (CDAN), the randomised multilinear map.
    """

    feature_signs: torch.Tensor
    class_signs: torch.Tensor

    def __init__(
        self,
        feature_size: int,
        num_classes: int,
        *,
        size: int = RANDOM_SIZE,
        generator: torch.Generator | None = None,
    ) -> None:
        """Draw the map.

        Args:
            feature_size: d.
            num_classes: k.
            size: width of the rows it gives.
            generator: of the signs, on the CPU; the global one by default.
        """
        super().__init__(size)
        for name, rows in (("feature_signs", feature_size), ("class_signs", num_classes)):
            bits = torch.randint(2, (rows, size), generator=generator)
            self.register_buffer(name, 2.0 * bits - 1.0)

    def forward(self, features: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        """See `Conditioning`."""
        _check_rows(features, probabilities)
        crossed = (features @ self.feature_signs.to(features.dtype)) * (
            probabilities.detach() @ self.class_signs.to(probabilities.dtype)
        )
        return crossed * self.out_features**-0.5


def make_conditioning(
    name: str,
    feature_size: int,
    num_classes: int,
    *,
    size: int = RANDOM_SIZE,
    generator: torch.Generator | None = None,
) -> Conditioning:
    """The conditioning of a name.

    Args:
        name: "cdan", the Kronecker product; "random", its randomised map; "auto", the Kronecker
            product up to `EXACT_SIZE` entries and the randomised map beyond; "none".
        feature_size: d.
        num_classes: k.
        size: width under the randomised map.
        generator: of the randomised map, on the CPU; nothing else draws from it.

    Returns:
        A `Conditioning`.

    Raises:
        IsoglossError: E409 for another name.
    """
    if name not in CONDITIONINGS:
        choices = ", ".join(CONDITIONINGS)
        raise IsoglossError("E409", name="conditioning", value=repr(name), choices=choices)
    exact = feature_size * num_classes
    if name == "none":
        return Identity(feature_size)
    if name == "cdan" or (name == "auto" and exact <= EXACT_SIZE):
        return Kronecker(exact)
    return RandomisedMultilinear(feature_size, num_classes, size=size, generator=generator)


def _check_rows(features: torch.Tensor, probabilities: torch.Tensor) -> None:
    if features.ndim != 2 or probabilities.ndim != 2 or len(features) != len(probabilities):
        shape, expected = tuple(probabilities.shape), f"({features.shape[0]}, any)"
        raise IsoglossError("E405", name="the probabilities", shape=shape, expected=expected)
