"""How often a classifier is right where it says how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import (
    Floats,
    check_labels,
    check_nonnegative,
    check_probabilities,
    check_range,
    check_shape,
    finite_array,
)
from isogloss.plots.style import (
    MUTED,
    axes_or_new,
    below,
    colour,
    line,
    marker,
    name_series,
    styled,
)
from isogloss.plots.style import percent as percentage


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Rows gathered by how sure the classifier is of its predicted class; empty bins left out.

    Attributes:
        confidence: (b,) mean probability of the predicted class, ascending.
        accuracy: (b,) share of the rows that are right, 0 to 1.
        share: (b,) of all rows; sums to 1.
    """

    confidence: Floats
    accuracy: Floats
    share: Floats

    @property
    def error(self) -> float:
        """Expected calibration error, 0 to 1 (Guo et al., ICML 2017, eq. 3)."""
        return float(self.share @ np.abs(self.accuracy - self.confidence))


def reliability(
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    counts: npt.ArrayLike | None = None,
    bins: int = 10,
) -> Reliability:
    """Gather labelled rows into bins of equal width by their largest probability.

    Args:
        probabilities: (n, k).
        labels: (n,) true classes, 0..k-1.
        counts: (n,) how often each row counts, at least 0 and not all 0; once each by default.
            The importance weights of the rows' classes make source rows stand for the target.
        bins: number of bins over 0 to 1, 2 to 100.

    Raises:
        IsoglossError: E400, E401, E403 to E407 for unusable arrays or bins.

    References:
        Guo et al., ICML 2017, section 2.
    """
    check_range(bins, 2, 100, name="bins")
    rows = check_probabilities(probabilities, name="the probabilities")
    classes = check_labels(labels, rows.shape[1], name="the labels")
    check_shape(classes, (len(rows),), name="the labels")
    mass = row_counts(counts, len(rows))
    sure, right = rows.max(axis=1), rows.argmax(axis=1) == classes
    place = np.minimum((sure * bins).astype(int), bins - 1)
    total = np.bincount(place, mass, minlength=bins)
    some = total > 0
    means = [np.bincount(place, mass * of, minlength=bins)[some] / total[some]
             for of in (sure, right)]  # fmt: skip
    return Reliability(confidence=means[0], accuracy=means[1], share=total[some] / total.sum())


def row_counts(counts: npt.ArrayLike | None, rows: int) -> Floats:
    """How often each row counts (n,).

    Raises:
        IsoglossError: E400, E401, E405 for unusable counts, E404 where all are 0.
    """
    if counts is None:
        return np.ones(rows)
    found = finite_array(counts, name="the counts")
    check_shape(found, (rows,), name="the counts")
    check_nonnegative(found, name="the counts")
    if not found.any():
        raise IsoglossError("E404", name="the rows that count")
    return found


@styled
def plot_reliability(
    probabilities: Mapping[str, npt.ArrayLike],
    labels: npt.ArrayLike,
    *,
    counts: npt.ArrayLike | None = None,
    bins: int = 10,
    ax: Axes | None = None,
) -> Axes:
    """Draw accuracy against confidence, such as before and after a correction.

    Args:
        probabilities: name -> (n, k) of the same rows.
        labels: (n,) true classes, 0..k-1.
        counts: see `reliability`.
        bins: see `reliability`.
        ax: to draw on; by default a new figure's.

    Returns:
        The axes, with the diagonal of a calibrated classifier. A point's area goes by the share of
        the rows in it; the legend has the expected calibration error.

    Raises:
        IsoglossError: E404 without a classifier, and as `reliability`.
    """
    if not probabilities:
        raise IsoglossError("E404", name="the probabilities")
    axes, lines, names = axes_or_new(ax, size=(3.8, 3.6)), [], []
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.8, ls=":")
    for index, (name, given) in enumerate(probabilities.items()):
        found = reliability(given, labels, counts=counts, bins=bins)
        ink = colour(index)
        (drawn,) = axes.plot(
            found.confidence, found.accuracy, color=ink, ls=line(index), lw=1.4,
            marker=marker(index), ms=4,
        )  # fmt: skip
        axes.scatter(
            found.confidence, found.accuracy, 250 * found.share, color=ink, alpha=0.35, lw=0,
            marker=marker(index),
        )  # fmt: skip
        lines.append(drawn)
        names.append(f"{name} (error {100 * found.error:.1f} %)")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="share that is right")
    axes.xaxis.set_major_formatter(percentage)
    axes.yaxis.set_major_formatter(percentage)
    axes.set_title("Reliability")
    name_series(axes, lines, names, **below(len(lines), drop=0.18, widest=2))
    return axes
