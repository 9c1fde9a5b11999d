"""Plots of a study: scores against shifts, improvement and estimates as the prior moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from isogloss.plots.panels import save_panels
from isogloss.plots.style import (
    INK,
    MUTED,
    axes_or_new,
    colour,
    marker,
    name_series,
    percent,
    styled,
)

SCORES = {"macro_f1": "macro-F1", "f1": "entity F1", "accuracy": "accuracy"}
# Points in a picture; more would only hide each other and make the SVG large.
MOST_POINTS = 2_000
# Bands of shift in which curves are averaged, and the fewest sets that make a mean.
_BANDS, _FEWEST = 12, 3
# Of a band's values as many lie below it, and above it.
_LOW = 0.1
_SIZE = (5.6, 4.0)
_Groups = Mapping[str, npt.ArrayLike]


@styled
def plot_score_by_shift(
    shift: _Groups,
    score: _Groups,
    *,
    shift_name: str,
    score_name: str,
    among: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Scatter scores against a shift, one point a set, with the mean of each group marked.

    Args:
        shift: group (a language, a model) -> (m,).
        score: the same groups -> (m,) in [0, 1].
        shift_name: what the horizontal axis says.
        score_name: what the vertical axis says.
        among: all groups of a picture, so that each has its colour in every part of it.
        ax: to draw on; None for a figure of its own.

    Returns:
        The axes.

    References:
        Xian, Ji & Zhao, ICLR 2022, figure 1, left.
    """
    ax = axes_or_new(ax, size=_SIZE)
    for name, index in _places(shift, among).items():
        across, up = _finite(shift[name], score[name])
        some = _some(len(across))
        style: dict[str, Any] = {"color": colour(index), "marker": marker(index)}
        ax.scatter(across[some], up[some], s=9, alpha=0.35, linewidths=0, **style)
        if len(across):
            edge: dict[str, Any] = {"edgecolors": INK, "linewidths": 1.0, "zorder": 3}
            ax.scatter(across.mean(), up.mean(), s=85, **style, **edge)
    ax.set_xlabel(shift_name)
    ax.set_ylabel(score_name)
    ax.yaxis.set_major_formatter(percent)
    _name(ax, _places(shift, among), title="large mark: mean")
    return ax


@styled
def plot_shifts_jointly(
    prior_shift: npt.ArrayLike,
    feature_shift: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    score_name: str,
    ax: Axes | None = None,
) -> Axes:
    """Scatter sets by both shifts, coloured by their score.

    Args:
        prior_shift: (m,) in [0, 1].
        feature_shift: (m,) at least 0.
        score: (m,) in [0, 1].
        score_name: what the colour bar says.
        ax: to draw on; None for a figure of its own.

    Returns:
        The axes.

    References:
        Xian, Ji & Zhao, ICLR 2022, figures 1 (right), 4, 6 and 8.
    """
    ax = axes_or_new(ax, size=_SIZE)
    across, up, height = _finite(prior_shift, feature_shift, score)
    some = _some(len(across))
    drawn = ax.scatter(across[some], up[some], s=12, c=height[some], cmap="viridis", linewidths=0)
    bar = ax.figure.colorbar(drawn, ax=ax, format=percent)
    bar.set_label(score_name)
    bar.outline.set_visible(False)
    ax.set_xlabel("class prior shift (total variation)")
    ax.set_ylabel("conditional feature shift")
    return ax


@styled
def plot_improvement(
    shift: _Groups,
    improvement: _Groups,
    *,
    baseline: str = "zero-shot",
    among: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw the percent improvement over a baseline as the shift grows, with bands.

    Args:
        shift: method -> (m,) prior shift in [0, 1].
        improvement: the same methods -> (m,) percent.
        baseline: what it is over.
        among: all groups of a picture, so that each has its colour in every part of it.
        ax: to draw on; None for a figure of its own.

    Returns:
        The axes: for each method the mean of the sets of similar shift, and the band in which the
        middle 80 % of them lie.

    References:
        Xian, Ji & Zhao, ICLR 2022, figures 3 and 9.
    """
    ax = axes_or_new(ax, size=_SIZE)
    ax.axhline(0.0, color=MUTED, lw=1, ls="--")
    for name, index in _places(shift, among).items():
        _draw_curve(ax, *_finite(shift[name], improvement[name]), index=index)
    ax.set_xlabel("class prior shift (total variation)")
    ax.set_ylabel("improvement, %")
    ax.set_title("")
    _name(ax, _places(shift, among), title=f"over {baseline}; band: middle 80 %", lines=True)
    return ax


@styled
def plot_estimate_error(
    shift: _Groups, error: _Groups, *, among: Sequence[str] = (), ax: Axes | None = None
) -> Axes:
    """Draw the error of the estimated prior as the shift grows, beside that of assuming none.

    Args:
        shift: group -> (m,) prior shift in [0, 1].
        error: the same groups -> (m,) total variation between estimated and true prior.
        among: all groups of a picture, so that each has its colour in every part of it.
        ax: to draw on; None for a figure of its own.

    Returns:
        The axes; under the dashed line the estimate is better than the source's prior.
    """
    ax = axes_or_new(ax, size=_SIZE)
    for name, index in _places(shift, among).items():
        _draw_curve(ax, *_finite(shift[name], error[name]), index=index)
    most = max(
        (float(np.max(v, initial=0.0)) for v in map(np.asarray, shift.values())), default=1.0
    )
    # The line would stretch the axis far beyond good estimates.
    top = ax.get_ylim()[1]
    ax.plot([0.0, most], [0.0, most], color=MUTED, lw=1, ls="--")
    ax.set_ylim(0.0, max(top, 0.05))
    ax.set_xlabel("class prior shift (total variation)")
    ax.set_ylabel("error of the estimated prior")
    _name(ax, _places(shift, among), title="dashed: no shift assumed", lines=True)
    return ax


def draw_study(
    report: Mapping[str, Any],
    columns: Mapping[tuple[str, str], Mapping[str, np.ndarray]],
    folder: Path,
) -> list[Path]:
    """Draw a study in one picture, `study.png` and `study.svg`.

    Args:
        report: as in `study.json`.
        columns: (model, target) -> name -> (m,), as in a `Study`.
        folder: where; it is made.

    Returns:
        The files, each written whole or not at all.

    Raises:
        IsoglossError: E121 where they cannot be written.
    """
    score = report["score"]
    named = {_group(key, columns): found for key, found in columns.items()}
    panels = _panels(named, score)
    across = 2 if len(panels) <= 4 else 3
    rows = [panels[start : start + across] for start in range(0, len(panels), across)]
    return save_panels(rows, folder / "study", panel=(5.0, 3.7))


def _panels(named: Mapping[str, Mapping[str, np.ndarray]], score: str) -> list[partial[Axes]]:
    """What draws each part of a picture, as far as there is something to draw."""
    label, groups = SCORES.get(score, score), list(named)
    of = {
        name: {group: c[name] for group, c in named.items() if name in c} for name in _wanted(score)
    }
    prior_shift, feature_shift, scores = (of[n] for n in ("prior_shift", "feature_shift", score))
    better = of["improvement"]
    by_shift = partial(plot_score_by_shift, score_name=label, among=groups)
    panels = [partial(by_shift, prior_shift, scores, shift_name="class prior shift")]
    if feature_shift:
        some = {group: scores[group] for group in feature_shift}
        panels.append(
            partial(by_shift, feature_shift, some, shift_name="conditional feature shift")
        )
        together = [
            np.concatenate([found[group] for group in feature_shift])
            for found in (prior_shift, feature_shift, scores)
        ]
        panels.append(partial(plot_shifts_jointly, *together, score_name=label))
    panels.append(partial(plot_estimate_error, prior_shift, of["estimate_error"], among=groups))
    if better:
        shifts = {group: prior_shift[group] for group in better}
        panels.append(partial(plot_improvement, shifts, better, baseline="baseline", among=groups))
    return panels


def _wanted(score: str) -> tuple[str, ...]:
    return ("prior_shift", "feature_shift", score, "estimate_error", "improvement")


def _group(key: tuple[str, str], columns: Mapping[tuple[str, str], Any]) -> str:
    """What to call a model on a target, where only one of the two varies, by that one."""
    model, target = key
    if len({name for _, name in columns}) == 1:
        return model
    return target if len({name for name, _ in columns}) == 1 else f"{model}, {target}"


def _draw_curve(ax: Axes, shift: np.ndarray, value: np.ndarray, *, index: int) -> None:
    """Points, the mean of neighbours in shift, and the band of the middle 80 % of them."""
    some, own = _some(len(shift)), colour(index)
    ax.scatter(shift[some], value[some], s=5, alpha=0.18, linewidths=0, color=own)
    if not len(shift):
        return
    count = max(1, min(_BANDS, len(shift) // _FEWEST))
    edges = np.linspace(shift.min(), shift.max() + 1e-9, count + 1)
    bands = np.clip(np.searchsorted(edges, shift, side="right") - 1, 0, count - 1)
    inside = [bands == band for band in range(count)]
    inside = [there for there in inside if there.sum() >= min(_FEWEST, len(shift))]
    middles = [shift[there].mean() for there in inside]
    mean = [value[there].mean() for there in inside]
    low, high = (
        [np.quantile(value[there], edge) for there in inside] for edge in (_LOW, 1.0 - _LOW)
    )
    ax.fill_between(middles, low, high, color=own, alpha=0.15, linewidth=0)
    ax.plot(middles, mean, color=own, marker=marker(index), ms=4, lw=1.6)


def _finite(*columns: npt.ArrayLike) -> list[np.ndarray]:
    stacked = np.array(columns, dtype=np.float64)
    return list(stacked[:, np.isfinite(stacked).all(axis=0)])


def _some(count: int) -> np.ndarray:
    """Evenly chosen positions where there are too many points."""
    return np.linspace(0, count - 1, min(count, MOST_POINTS)).astype(np.int64)


def _places(groups: _Groups, among: Sequence[str]) -> dict[str, int]:
    """The place of each group among all, which decides its colour."""
    order = list(among or groups)
    return {name: order.index(name) for name in groups}


def _name(ax: Axes, places: Mapping[str, int], *, title: str, lines: bool = False) -> None:
    handles = [
        Line2D([], [], color=colour(i), marker=marker(i), ls="-" if lines else "", ms=5)
        for i in places.values()
    ]
    name_series(ax, handles, list(places), title=title, title_fontsize=8)
