"""Label shift: class priors, importance weights and their uncertainty."""

from __future__ import annotations

from isogloss.labelshift.estimation import WeightEstimate, estimate_weights
from isogloss.labelshift.holder import ClassWeights, FixedWeights
from isogloss.labelshift.initial import mix
from isogloss.labelshift.online import OnlineWeights, rate_per_row
from isogloss.labelshift.priors import (
    check_prior,
    class_prior,
    importance_weights,
    prior_shift_correction,
    total_variation,
)
from isogloss.labelshift.projection import clamp_and_rescale, project_simplex, project_weights
from isogloss.labelshift.quadratic import solve_weights
from isogloss.labelshift.statistics import (
    Statistics,
    gather_statistics,
    source_statistics,
    target_statistics,
)
from isogloss.labelshift.uncertainty import Bootstrap, bootstrap_weights, shrink

__all__ = [
    "Bootstrap",
    "ClassWeights",
    "FixedWeights",
    "OnlineWeights",
    "Statistics",
    "WeightEstimate",
    "bootstrap_weights",
    "check_prior",
    "clamp_and_rescale",
    "class_prior",
    "estimate_weights",
    "gather_statistics",
    "importance_weights",
    "mix",
    "prior_shift_correction",
    "project_simplex",
    "project_weights",
    "rate_per_row",
    "shrink",
    "solve_weights",
    "source_statistics",
    "target_statistics",
    "total_variation",
]
