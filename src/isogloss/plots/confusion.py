"""What a classifier makes of each true class."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from isogloss.labelshift.checks import Floats, check_labels, check_shape
from isogloss.plots.reliability import row_counts
from isogloss.plots.style import PAPER, SHADES, axes_or_new, name_ticks, styled

# More classes than this would not be legible; the largest are shown.
MOST_CLASSES = 16
# With more than this the numbers no longer fit their cells.
_MOST_WITH_NUMBERS = 10
# Above this share a cell is so dark that its number is white.
_DARK = 0.55
# Not the ink of the rest: a number stands on its cell, whatever ground the page has.
_ON_LIGHT = "#101012"


def confusion_shares(
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    num_classes: int,
    *,
    counts: npt.ArrayLike | None = None,
) -> Floats:
    """Share of each predicted class among the rows of each true one.

    Args:
        labels: (n,) true classes, 0..k-1.
        predictions: (n,) predicted classes, 0..k-1.
        num_classes: k.
        counts: (n,) how often each row counts, at least 0; once each by default.

    Returns:
        (k, k), true classes down, predicted ones across; a row sums to 1, or to 0 for a class
        without rows.

    Raises:
        IsoglossError: E400, E401, E403, E404, E405 for unusable arrays.
    """
    true = check_labels(labels, num_classes, name="the labels")
    found = check_labels(predictions, num_classes, name="the predictions")
    check_shape(found, true.shape, name="the predictions")
    mass = row_counts(counts, len(true))
    cells = np.bincount(true * num_classes + found, mass, minlength=num_classes**2)
    joint = cells.reshape(num_classes, num_classes)
    totals = joint.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(joint, totals, out=np.zeros_like(joint), where=totals > 0)
    return shares


@styled
def plot_confusion(
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    names: Sequence[str],
    *,
    counts: npt.ArrayLike | None = None,
    title: str = "Confusion",
    ax: Axes | None = None,
) -> Axes:
    """Draw the confusion matrix, each true class's row summing to 100 %.

    Args:
        labels: (n,) true classes, 0..k-1.
        predictions: (n,) predicted classes, 0..k-1.
        names: the k class names.
        counts: (n,) how often each row counts, at least 0; once each by default.
        title: such as "before correction".
        ax: to draw on; by default a new figure's.

    Returns:
        The axes. Of more than `MOST_CLASSES` classes the most frequent true ones are drawn, and the
        title says so; what goes to others is then missing from the rows.

    Raises:
        IsoglossError: as `confusion_shares`.
    """
    size = len(names)
    shares = confusion_shares(labels, predictions, size, counts=counts)
    frequency = np.bincount(np.asarray(labels, dtype=np.int64), minlength=size)
    shown = np.sort(np.argsort(-frequency, kind="stable")[:MOST_CLASSES])
    cells = shares[np.ix_(shown, shown)]
    axes = axes_or_new(ax, size=(4.0, 3.8))
    _draw_cells(axes, cells)
    called = [str(names[j]) for j in shown]
    name_ticks(axes, called)
    name_ticks(axes, called, axis="y")
    axes.set(xlabel="predicted", ylabel="true")
    note = f" (the {len(shown)} most frequent of {size} classes)" if len(shown) < size else ""
    axes.set_title(title + note, parse_math=False)
    return axes


def _draw_cells(axes: Axes, cells: Floats) -> None:
    edges = np.arange(len(cells) + 1) - 0.5
    shades = mpl.colormaps[SHADES]
    axes.pcolormesh(
        edges, edges, cells, cmap=shades, vmin=0.0, vmax=1.0, edgecolors=PAPER, linewidth=0.5
    )
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    if len(cells) > _MOST_WITH_NUMBERS:
        return
    for (row, column), share in np.ndenumerate(cells):
        ink = PAPER if share > _DARK else _ON_LIGHT
        axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=ink)
