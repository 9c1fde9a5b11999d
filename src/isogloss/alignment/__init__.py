"""Alignment of source and target features by an importance-weighted critic."""

from __future__ import annotations

from isogloss.alignment.conditioning import CONDITIONINGS, identity, kronecker
from isogloss.alignment.critic import Critic
from isogloss.alignment.losses import wasserstein
from isogloss.alignment.penalty import zero_centred_penalty
from isogloss.alignment.reversal import reverse
from isogloss.alignment.schedule import applied_weights, ramp

__all__ = [
    "CONDITIONINGS",
    "Critic",
    "applied_weights",
    "identity",
    "kronecker",
    "ramp",
    "reverse",
    "wasserstein",
    "zero_centred_penalty",
]
