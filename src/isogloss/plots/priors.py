"""Class balances side by side, an estimate with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import check_nonnegative, check_shape, finite_array
from isogloss.plots.style import (
    INK,
    MUTED,
    SERIES,
    axes_or_new,
    below,
    colour,
    name_series,
    name_ticks,
    percent,
    styled,
)

# More classes than this would not be legible; the largest are shown.
MOST_CLASSES = 16


@styled
def plot_priors(
    shares: Mapping[str, npt.ArrayLike],
    labels: Sequence[str],
    *,
    interval: npt.ArrayLike | None = None,
    level: float = 0.95,
    names: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw class priors as bars, one group a class.

    Args:
        shares: name -> (k,) class shares, each at least 0. The names "source", "predicted",
            "estimate" and "true" have colours of their own.
        labels: the k class names.
        interval: (k, 2) lower and upper bounds of "estimate". It may be another estimate's, such as
            the one before shrinkage, so a bar may end beside its mark.
        level: of the interval, 0 to 1.
        names: name -> what the legend calls it.
        ax: to draw on; by default a new figure's.

    Returns:
        The axes. Of more than `MOST_CLASSES` classes those are drawn that are largest in any of the
        series, and the title says so.

    Raises:
        IsoglossError: E404 without a series, E400, E401, E405 for unusable shares.
    """
    if not shares:
        raise IsoglossError("E404", name="the priors")
    series = {name: _checked(given, len(labels), name) for name, given in shares.items()}
    largest = np.max(list(series.values()), axis=0)
    shown = np.sort(np.argsort(-largest, kind="stable")[:MOST_CLASSES])
    axes, width, bars = axes_or_new(ax), 0.8 / len(series), []
    for i, (name, values) in enumerate(series.items()):
        places = np.arange(len(shown)) + (i - (len(series) - 1) / 2) * width
        filled = SERIES.get(name, colour(i))
        bars.append(
            axes.bar(places, values[shown], width * 0.92, color=filled, edgecolor=INK, lw=0.4)
        )
        if name == "estimate" and interval is not None:
            _mark_interval(axes, places, interval, len(labels), shown)
    name_ticks(axes, [str(labels[j]) for j in shown])
    axes.set_ylabel("share of rows")
    axes.yaxis.set_major_formatter(percent)
    marked = level if interval is not None and "estimate" in series else None
    axes.set_title(_title(marked, len(shown), len(labels)))
    called = [(names or {}).get(name, name) for name in series]
    name_series(axes, bars, called, **below(len(bars)))
    return axes


def _checked(shares: npt.ArrayLike, size: int, name: str) -> np.ndarray:
    found = finite_array(shares, name=f"the prior {name!r}")
    check_shape(found, (size,), name=f"the prior {name!r}")
    check_nonnegative(found, name=f"the prior {name!r}")
    return found


def _mark_interval(
    axes: Axes, places: np.ndarray, interval: npt.ArrayLike, size: int, shown: np.ndarray
) -> None:
    bounds = finite_array(interval, name="the interval")
    check_shape(bounds, (size, 2), name="the interval")
    low, high = bounds[shown].T
    axes.errorbar(
        places, (low + high) / 2, (high - low) / 2, fmt="none", ecolor=MUTED, capsize=2.5, lw=1
    )


def _title(level: float | None, shown: int, size: int) -> str:
    notes = [] if level is None else [f"bars: {100 * level:g} % interval"]
    if shown < size:
        notes.append(f"the {shown} largest of {size}")
    return f"Class balance ({'; '.join(notes)})" if notes else "Class balance"
