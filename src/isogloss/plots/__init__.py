"""Plots of what a run found: each a function from arrays to the axes that it drew on."""

from isogloss.plots.confusion import confusion_shares, plot_confusion
from isogloss.plots.features import plot_features, principal_components
from isogloss.plots.layers import plot_layer_curves
from isogloss.plots.priors import plot_priors
from isogloss.plots.reliability import Reliability, plot_reliability, reliability
from isogloss.plots.saving import save_plot
from isogloss.plots.scores import plot_scores
from isogloss.plots.study import (
    plot_estimate_error,
    plot_improvement,
    plot_score_by_shift,
    plot_shifts_jointly,
)
from isogloss.plots.style import plot_style
from isogloss.plots.training import plot_training

__all__ = [
    "Reliability",
    "confusion_shares",
    "plot_confusion",
    "plot_estimate_error",
    "plot_features",
    "plot_improvement",
    "plot_layer_curves",
    "plot_priors",
    "plot_reliability",
    "plot_score_by_shift",
    "plot_scores",
    "plot_shifts_jointly",
    "plot_style",
    "plot_training",
    "principal_components",
    "reliability",
    "save_plot",
]
