"""Scores of a run's stages, or of any candidates, as bars."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import check_range
from isogloss.plots.style import INK, MUTED, SERIES, axes_or_new, name_ticks, percent, styled

MEASURES = {"macro_f1": "Macro-F1", "f1": "Entity F1", "accuracy": "Accuracy"}


@styled
def plot_scores(
    scores: Mapping[str, float],
    *,
    measure: str = "score",
    where: str = "",
    intervals: Mapping[str, tuple[float, float]] | None = None,
    served: str | None = None,
    optimum: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one bar a score, with its value above it.

    Args:
        scores: stage -> score, 0 to 1.
        measure: what the scores are, such as "macro_f1".
        where: what they were measured on, for the title.
        intervals: stage -> bounds of its score, for as many stages as have one.
        served: the stage whose model is used; the others' bars are paler. None: all are alike.
        optimum: the best score there can be, where it is known, 0 to 1.
        ax: to draw on; by default a new figure's.

    Returns:
        The axes, from 0 to 100 %.

    Raises:
        IsoglossError: E404 without a score, E407 for one outside 0 to 1.
    """
    if not scores:
        raise IsoglossError("E404", name="the scores")
    for stage, score in scores.items():
        check_range(score, 0.0, 1.0, name=f"the score of {stage}")
    axes, values = axes_or_new(ax, size=(3.6, 3.6)), list(scores.values())
    colours = [SERIES["estimate" if served in (None, stage) else "source"] for stage in scores]
    bars = axes.bar(range(len(values)), values, 0.6, color=colours, edgecolor=INK, lw=0.4)
    bounds = intervals or {}
    ends = [max(score, bounds.get(stage, (0.0, 0.0))[1]) for stage, score in scores.items()]
    for place, (stage, score) in enumerate(scores.items()):
        if stage in bounds:
            axes.plot([place, place], bounds[stage], color=MUTED, lw=1, marker="_", ms=6)
        axes.annotate(
            f"{100 * score:.1f}", (place, ends[place]), (0, 3), textcoords="offset points",
            ha="center", fontsize=8,
        )  # fmt: skip
    if optimum is not None:
        _mark_optimum(axes, optimum)
    marked = [f"{stage} (served)" if stage == served else stage for stage in scores]
    name_ticks(axes, marked)
    axes.set_ylim(0, 1.08)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlim(-0.6, len(bars) - 0.4)
    axes.yaxis.set_major_formatter(percent)
    axes.set_title(" ".join(filter(None, [MEASURES.get(measure, measure), where])))
    return axes


def _mark_optimum(axes: Axes, optimum: float) -> None:
    axes.axhline(optimum, color=INK, lw=1, ls="--")
    place = axes.get_yaxis_transform()
    note = f"best possible {100 * optimum:.1f}"
    axes.text(0.98, optimum, note, transform=place, ha="right", va="bottom", fontsize=8)
