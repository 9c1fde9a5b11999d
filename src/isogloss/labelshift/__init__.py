"""Label shift: class priors, importance weights and their uncertainty."""

from __future__ import annotations

from isogloss.labelshift.calibration import CALIBRATIONS, Calibration, fit_calibration
from isogloss.labelshift.correction import correct
from isogloss.labelshift.crossfit import cross_calibrate, cross_fit, fold_indices
from isogloss.labelshift.facts import KnownFacts
from isogloss.labelshift.holder import ClassWeights, FixedWeights
from isogloss.labelshift.initial import mix
from isogloss.labelshift.interval import IntervalWeights
from isogloss.labelshift.measures import (
    absolute_error,
    kullback_leibler,
    normalised_absolute_error,
    normalised_kullback_leibler,
    normalised_relative_absolute_error,
    prior_shift_correction,
    relative_absolute_error,
    total_variation,
)
from isogloss.labelshift.mixture import mixture_weights
from isogloss.labelshift.online import OnlineWeights, rate_per_row
from isogloss.labelshift.prior_estimation import (
    METHODS,
    PriorEstimate,
    PriorEstimator,
    estimate_prior,
)
from isogloss.labelshift.priors import (
    check_prior,
    class_prior,
    importance_weights,
)
from isogloss.labelshift.projection import clamp_and_rescale, project_simplex, project_weights
from isogloss.labelshift.quadratic import solve_weights
from isogloss.labelshift.sampled import labelled_facts
from isogloss.labelshift.statistics import (
    Statistics,
    gather_statistics,
    source_statistics,
    target_statistics,
)

__all__ = [
    "CALIBRATIONS",
    "METHODS",
    "Calibration",
    "ClassWeights",
    "FixedWeights",
    "IntervalWeights",
    "KnownFacts",
    "OnlineWeights",
    "PriorEstimate",
    "PriorEstimator",
    "Statistics",
    "absolute_error",
    "check_prior",
    "clamp_and_rescale",
    "class_prior",
    "correct",
    "cross_calibrate",
    "cross_fit",
    "estimate_prior",
    "fit_calibration",
    "fold_indices",
    "gather_statistics",
    "importance_weights",
    "kullback_leibler",
    "labelled_facts",
    "mix",
    "mixture_weights",
    "normalised_absolute_error",
    "normalised_kullback_leibler",
    "normalised_relative_absolute_error",
    "prior_shift_correction",
    "project_simplex",
    "project_weights",
    "rate_per_row",
    "relative_absolute_error",
    "solve_weights",
    "source_statistics",
    "target_statistics",
    "total_variation",
]
