"""Pictures of class balances: of a run, beside the scores of its stages, or of a file alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from isogloss.plots import plot_priors, plot_scores, plot_style, save_plot
from isogloss.plots.saving import check_picture

NAMES = {
    "source": "source",
    "predicted": "target, as predicted",
    "estimate": "target, estimated",
    "true": "target, true",
}
# With more bars of scores than these the picture is wider.
MOST_LEVEL = 4


def draw_run(
    prior: Mapping[str, Any],
    scores: Mapping[str, float],
    score_name: str,
    path: Path,
    *,
    optimum: float | None = None,
    served: str | None = None,
) -> None:
    """Draw the target's estimated class balance beside the scores of the stages.

    Args:
        prior: as in `prior.json`: `labels` and, each (k,), `source`, `predicted`, `estimate`,
            `interval` at `level`, and perhaps `true`.
        scores: stage -> score in [0, 1]; may be empty, then the balance is drawn alone.
        score_name: what the scores are.
        path: the PNG file to write, whole or not at all.
        optimum: the best score there can be, where it is known.
        served: the stage whose model is used; the others' bars are paler. None: all are alike.
    """
    more = 0.45 * max(0, len(scores) - MOST_LEVEL)
    with plot_style():
        size = (9.0 + more, 3.6) if scores else (6.4, 3.6)
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        if scores:
            left, right = figure.subplots(1, 2, width_ratios=(2.4, 1.0 + more / 2.65))
        else:
            left = figure.subplots()
    draw_priors(prior, left)
    if scores:
        plot_scores(
            scores,
            measure=score_name,
            where="on the test file",
            served=served,
            optimum=optimum,
            ax=right,
        )
    save_plot(figure, path)


def draw_prior(prior: Mapping[str, Any], path: Path) -> None:
    """Draw an estimated class balance beside the source's and the predicted one.

    Args:
        prior: as `draw_run` takes it.
        path: the file to write, whole or not at all; it ends in one of `PICTURES`.

    Raises:
        IsoglossError: E650 for another ending, E121 where it cannot be written.
    """
    check_picture(path)
    save_plot(draw_priors(prior), path)


def draw_priors(prior: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw the class balances of a prior report as bars, the estimate with its interval.

    Args:
        prior: `labels` and, each (k,), any of `source`, `predicted`, `estimate` and `true`;
            with `estimate` also `interval` (k pairs) at `level`.
        ax: to draw on; by default a new figure's.

    Returns:
        The axes, as `plot_priors` draws them.
    """
    return plot_priors(
        {name: prior[name] for name in NAMES if name in prior},
        prior["labels"],
        # The interval is the unshrunk estimate's, so its bar may lie beside the mark.
        interval=prior.get("interval"),
        level=prior.get("level", 0.95),
        names=NAMES,
        ax=ax,
    )
