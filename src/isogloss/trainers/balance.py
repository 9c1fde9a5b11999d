"""Balanced sampling from a trainer's view: the source's shares, and what they do to a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from isogloss.data import scans
from isogloss.data.balancing import Shares, balanced
from isogloss.trainers.config import RowTrainingArguments


@dataclass(frozen=True, kw_only=True)
class SourceBalance:
    """How the labelled rows of a trainer are drawn, and the class balance that it sees of them.

    Attributes:
        shares: of the examples.
    """

    shares: Shares

    @classmethod
    def of(cls, args: RowTrainingArguments, dataset: Any, num_classes: int) -> SourceBalance | None:
        """The balance of encoded, labelled examples; None where `args.sampling` is "natural"."""
        if args.sampling == "natural":
            return None
        return cls(shares=balanced(*scans.flat(dataset, "labels"), num_classes))

    def seen(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits (n, k) under the class balance that the drawn rows have; see `as_drawn`."""
        return as_drawn(logits, self.shares)


def as_drawn(logits: torch.Tensor, shares: Shares) -> torch.Tensor:
    """Put logits that stand for the natural class balance under that of the drawn rows.

    A classifier fitted to drawn rows learns the posterior of their balance. With the loss taken of
    these logits it is they that do so, and the classifier's own go on standing for the balance of
    the rows as they are: whatever reads it (estimates, corrections, teachers, later stages) need
    not know how it was trained.

    Args:
        logits: (n, k) of the classifier.
        shares: of the examples that the rows were drawn from.

    Returns:
        (n, k) `logits + log(drawn / natural)`.

    References:
        Saerens, Latinne & Decaestecker, Neural Computation 14 (2002), eq. 2.4; as a loss: Menon et
        al., ICLR 2021 (logit adjustment).
    """
    return logits + torch.from_numpy(np.log(shares.ratio)).to(logits)
