"""Features of both languages in the plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from isogloss.labelshift.checks import (
    Floats,
    Integers,
    check_labels,
    check_range,
    check_shape,
    finite_array,
)
from isogloss.plots.style import (
    INK,
    axes_or_new,
    below,
    colour,
    marker,
    name_series,
    short,
    styled,
)

# Takes features (n, d), gives points (n, 2).
Projection = Callable[[Floats], Floats]
# A legend of more classes than this is cut.
MOST_NAMED = 20


def principal_components(features: npt.ArrayLike, *, count: int = 2) -> Floats:
    """The coordinates of rows along the directions of largest variance.

    Args:
        features: (n, d), n at least 2.
        count: of directions, at least 1; where the rows span fewer, the rest is 0.

    Returns:
        (n, count), centred, largest variance first. The sign of a direction is that which makes its
        largest entry in size positive, so the same rows always give the same picture.

    Raises:
        IsoglossError: E400, E405 for unusable features.

    References:
        Pearson, Philosophical Magazine 1901; the sign as in scikit-learn's `svd_flip`.
    """
    rows = finite_array(features, name="the features")
    check_shape(rows, (-1, -1), name="the features")
    centred = rows - rows.mean(axis=0)
    left, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    kept = min(count, len(sizes))
    largest = np.abs(directions[:kept]).argmax(axis=1)
    signs = np.where(directions[np.arange(kept), largest] < 0, -1.0, 1.0)
    points = np.zeros((len(rows), count))
    points[:, :kept] = left[:, :kept] * sizes[:kept] * signs
    return points


@styled
def plot_features(
    source_features: npt.ArrayLike,
    source_classes: npt.ArrayLike,
    target_features: npt.ArrayLike,
    target_classes: npt.ArrayLike,
    names: Sequence[str],
    *,
    project: Projection = principal_components,
    most: int = 1_000,
    seed: int = 0,
    title: str = "Features",
    ax: Axes | None = None,
) -> Axes:
    """Draw the features of both languages as points, coloured by class.

    Source rows are hollow, target rows filled; every class has a colour and a marker.

    Args:
        source_features: (n, d).
        source_classes: (n,) classes, 0..k-1.
        target_features: (m, d).
        target_classes: (m,) classes, 0..k-1; predicted ones where there are no others.
        names: the k class names.
        project: from all rows drawn (r, d), the source's first, to points (r, 2).
        most: rows of a side that are drawn, at least 1; of more, so many are chosen at random.
        seed: of that choice.
        title: such as the stage.
        ax: to draw on; by default a new figure's.

    Returns:
        The axes, without scales: only distances mean something.

    Raises:
        IsoglossError: E400, E403, E404, E405, E407 for unusable arrays.
    """
    check_range(most, 1, 1_000_000, name="most")
    sides = [
        _side(source_features, source_classes, len(names), "source", most, seed),
        _side(target_features, target_classes, len(names), "target", most, seed),
    ]
    check_shape(sides[1][0], (-1, sides[0][0].shape[1]), name="the target features")
    points = finite_array(
        project(np.concatenate([features for features, _ in sides])), name="the projection"
    )
    count = len(sides[0][0])
    check_shape(points, (count + len(sides[1][0]), 2), name="the projection")
    axes = axes_or_new(ax, size=(4.4, 3.6))
    _draw_points(axes, points[:count], sides[0][1], filled=False)
    _draw_points(axes, points[count:], sides[1][1], filled=True)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, parse_math=False)
    _name_classes(axes, names, np.union1d(sides[0][1], sides[1][1]))
    return axes


def _side(
    features: npt.ArrayLike, classes: npt.ArrayLike, size: int, side: str, most: int, seed: int
) -> tuple[Floats, Integers]:
    found = check_labels(classes, size, name=f"the {side} classes")
    rows = np.asarray(features)
    check_shape(rows, (len(found), -1), name=f"the {side} features")
    if len(found) > most:
        kept = np.sort(np.random.default_rng(seed).choice(len(found), most, replace=False))
        found, rows = found[kept], rows[kept]
    return finite_array(rows, name=f"the {side} features"), found


def _draw_points(axes: Axes, points: Floats, classes: Integers, *, filled: bool) -> None:
    for index in np.unique(classes):
        own = points[classes == index]
        ink = colour(index)
        # As a picture within a vector file: thousands of circles are slow to show and large.
        axes.scatter(
            own[:, 0], own[:, 1], 12, marker=marker(index), facecolors=ink if filled else "none",
            edgecolors=ink, linewidths=0.6, alpha=0.55, rasterized=True,
        )  # fmt: skip


def _name_classes(axes: Axes, names: Sequence[str], present: Integers) -> None:
    shown = present[:MOST_NAMED]
    handles = [_mark(marker(j), colour(j), colour(j)) for j in shown]
    sides = [_mark("o", INK, face) for face in ("none", INK)]
    called = [short(str(names[j])) for j in shown]
    if len(shown) < len(present):
        handles.append(_mark("", INK, INK))
        called.append(f"and {len(present) - len(shown)} more")
    names_shown = ["source", "target", *called]
    name_series(axes, [*sides, *handles], names_shown, **below(len(names_shown), drop=0.02))


def _mark(shape: str, edge: str, face: str) -> Line2D:
    """A point of a legend."""
    return Line2D([], [], ls="", marker=shape, color=edge, markerfacecolor=face, markersize=5)
