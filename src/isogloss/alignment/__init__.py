"""Alignment of source and target features by an importance-weighted divergence."""

from __future__ import annotations

from isogloss.alignment.alternation import held_fixed, is_adversary_turn
from isogloss.alignment.conditioning import (
    CONDITIONINGS,
    Conditioning,
    Identity,
    Kronecker,
    RandomisedMultilinear,
    kronecker,
    make_conditioning,
)
from isogloss.alignment.critic import Critic
from isogloss.alignment.divergence import (
    DIVERGENCES,
    CriticDivergence,
    DirectDivergence,
    Divergence,
    Terms,
    make_divergence,
)
from isogloss.alignment.losses import jensen_shannon, wasserstein
from isogloss.alignment.mmd import mmd
from isogloss.alignment.penalty import zero_centred_penalty
from isogloss.alignment.reversal import reverse
from isogloss.alignment.schedule import applied_weights, ramp
from isogloss.alignment.sliced import sliced_wasserstein

__all__ = [
    "CONDITIONINGS",
    "DIVERGENCES",
    "Conditioning",
    "Critic",
    "CriticDivergence",
    "DirectDivergence",
    "Divergence",
    "Identity",
    "Kronecker",
    "RandomisedMultilinear",
    "Terms",
    "applied_weights",
    "held_fixed",
    "is_adversary_turn",
    "jensen_shannon",
    "kronecker",
    "make_conditioning",
    "make_divergence",
    "mmd",
    "ramp",
    "reverse",
    "sliced_wasserstein",
    "wasserstein",
    "zero_centred_penalty",
]
