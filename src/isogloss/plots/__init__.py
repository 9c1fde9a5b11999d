"""Plots that draw on axes given to them."""

from isogloss.plots.layers import plot_layer_curves

__all__ = ["plot_layer_curves"]
