"""Pictures of class balances: of a run, beside the scores of its stages, or of a file alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from isogloss.data.atomic import naming, replacing
from isogloss.errors import IsoglossError

# Apart in lightness as well as in hue, so that they can be told in print and by everyone.
COLOURS = {
    "source": "#b8c4d0",
    "predicted": "#e0a458",
    "estimate": "#2a6f97",
    "true": "#1b1b1e",
}
NAMES = {
    "source": "source",
    "predicted": "target, as predicted",
    "estimate": "target, estimated",
    "true": "target, true",
}
SCORES = {"macro_f1": "Macro-F1", "f1": "Entity F1", "accuracy": "Accuracy"}
# More classes than this would not be legible; the largest are shown.
MOST_CLASSES = 16
# Bars of stages that stand beside each other with level names; with more the picture is wider.
MOST_LEVEL = 4
# Endings of pictures -> what matplotlib calls the format.
PICTURES = {".png": "png", ".pdf": "pdf", ".svg": "svg"}


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
    size = (9.0 + more, 3.6) if scores else (6.4, 3.6)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    if scores:
        left, right = figure.subplots(1, 2, width_ratios=(2.4, 1.0 + more / 2.65))
        _draw_scores(right, scores, score_name, optimum, served)
    else:
        left = figure.subplots()
    draw_priors(left, prior)
    _save(figure, path, format="png")


def draw_prior(prior: Mapping[str, Any], path: Path) -> None:
    """Draw an estimated class balance beside the source's and the predicted one.

    Args:
        prior: as `draw_run` takes it.
        path: the file to write, whole or not at all; it ends in one of `PICTURES`.

    Raises:
        IsoglossError: E650 for another ending, E121 where it cannot be written.
    """
    check_picture(path)
    figure = Figure(figsize=(6.4, 3.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    draw_priors(figure.subplots(), prior)
    _save(figure, path, format=PICTURES[path.suffix.lower()])


def check_picture(path: Path) -> None:
    """Refuse a picture of another format than those in `PICTURES`.

    Raises:
        IsoglossError: E650.
    """
    if path.suffix.lower() not in PICTURES:
        raise IsoglossError("E650", path=path, known=", ".join(PICTURES))


def _save(figure: Figure, path: Path, *, format: str) -> None:
    with replacing(path) as temporary, naming(path):
        figure.savefig(temporary, format=format)


def draw_priors(axes: Axes, prior: Mapping[str, Any]) -> None:
    """Draw the class balances of a prior report as bars, the estimate with its interval.

    Args:
        axes: to draw on.
        prior: `labels` and, each (k,), any of `source`, `predicted`, `estimate` and `true`;
            with `estimate` also `interval` (k pairs) at `level`. Of more than `MOST_CLASSES`
            classes those are drawn that are largest in any of them.
    """
    series = [name for name in NAMES if name in prior]
    largest = np.max([prior[name] for name in series], axis=0)
    shown = np.sort(np.argsort(-largest, kind="stable")[:MOST_CLASSES])
    width = 0.8 / len(series)
    for i, name in enumerate(series):
        shares = np.asarray(prior[name])[shown]
        places = np.arange(len(shown)) + (i - (len(series) - 1) / 2) * width
        axes.bar(places, shares, width * 0.92, color=COLOURS[name], label=NAMES[name])
        if name == "estimate":
            low, high = np.asarray(prior["interval"])[shown].T
            # The interval is the unshrunk estimate's, so its bar may lie beside the mark.
            middle = (low + high) / 2
            axes.errorbar(
                places, middle, (high - low) / 2, fmt="none", ecolor="#6b6b6b", capsize=2.5, lw=1
            )
    # parse_math off: a label is a user's text, and a dollar sign in it is just that.
    labels = [_short(str(prior["labels"][j])) for j in shown]
    axes.set_xticks(np.arange(len(shown)), labels, parse_math=False)
    if max(map(len, labels)) * len(labels) > 60:
        axes.tick_params(axis="x", rotation=40)
    axes.set_ylabel("share of rows")
    axes.set_title(_balance_title(prior, len(shown)), fontsize=10, loc="left")
    axes.legend(
        frameon=False,
        fontsize=8,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.12),
        ncols=len(series),
    )
    _plain(axes)


def _balance_title(prior: Mapping[str, Any], shown: int) -> str:
    notes = []
    if "estimate" in prior:
        notes.append(f"bars: {100 * prior.get('level', 0.95):g} % interval")
    if shown < len(prior["labels"]):
        notes.append(f"the {shown} largest of {len(prior['labels'])}")
    return f"Class balance ({'; '.join(notes)})" if notes else "Class balance"


def _draw_scores(
    axes: Axes,
    scores: Mapping[str, float],
    score_name: str,
    optimum: float | None,
    served: str | None,
) -> None:
    values = list(scores.values())
    strong = [served in (None, stage) for stage in scores]
    colours = [COLOURS["estimate" if used else "source"] for used in strong]
    bars = axes.bar(range(len(values)), values, 0.6, color=colours)
    axes.bar_label(bars, [f"{100 * value:.1f}" for value in values], fontsize=8, padding=2)
    if optimum is not None:
        axes.axhline(optimum, color=COLOURS["true"], lw=1, ls="--")
        note = f"best possible {100 * optimum:.1f}"
        place = axes.get_yaxis_transform()
        axes.text(0.98, optimum, note, transform=place, ha="right", va="bottom", fontsize=8)
    marked = [f"{stage}\n(served)" if stage == served else stage for stage in scores]
    axes.set_xticks(range(len(values)), marked, fontsize=8)
    if len(values) > MOST_LEVEL:
        axes.tick_params(axis="x", rotation=35)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")
    axes.set_ylim(0, max(1.0, *values))
    axes.set_title(
        f"{SCORES.get(score_name, score_name)} on the test file", fontsize=10, loc="left"
    )
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")


def _short(label: str) -> str:
    return label if len(label) <= 18 else label[:17] + "…"
