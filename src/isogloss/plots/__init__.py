"""Plots of what a run found: each a function from arrays to the axes that it drew on."""

from isogloss.plots.study import (
    plot_estimate_error,
    plot_improvement,
    plot_score_by_shift,
    plot_shifts_jointly,
)

__all__ = [
    "plot_estimate_error",
    "plot_improvement",
    "plot_score_by_shift",
    "plot_shifts_jointly",
]
