"""What a training logged, step by step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import check_shape, finite_array
from isogloss.plots.style import axes_or_new, below, colour, line, name_series, styled


@styled
def plot_training(
    curves: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    quantity: str = "loss",
    ax: Axes | None = None,
) -> Axes:
    """Draw logged values over steps, one line a stage.

    Args:
        curves: stage -> steps (n,) and values (n,), each n at least 1. Values that are not finite
            leave a gap.
        quantity: what the values are.
        ax: to draw on; by default a new figure's.

    Returns:
        The axes; a curve of few points has them marked.

    Raises:
        IsoglossError: E404 without a curve, E400 or E405 for steps that do not fit.
    """
    if not curves:
        raise IsoglossError("E404", name="the training log")
    axes, lines = axes_or_new(ax), []
    for index, (stage, (steps, values)) in enumerate(curves.items()):
        along = finite_array(steps, name=f"the steps of {stage}")
        check_shape(along, (-1,), name=f"the steps of {stage}")
        found = np.asarray(values, dtype=np.float64)
        check_shape(found, along.shape, name=f"the values of {stage}")
        few = "." if len(along) <= 30 else ""
        (drawn,) = axes.plot(along, found, color=colour(index), ls=line(index), lw=1.4, marker=few)
        lines.append(drawn)
    axes.set_xlabel("step of the stage")
    axes.set_title(quantity, parse_math=False)
    if len(lines) > 1:
        name_series(axes, lines, list(curves), **below(len(lines), drop=0.2))
    return axes
