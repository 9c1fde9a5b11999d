"""Bootstrap of blocks of examples, and the interval that its replicates give."""

from __future__ import annotations

import numpy as np

from isogloss.labelshift.checks import Floats, Integers


def draw_blocks(present: Integers, num_blocks: int, *, replicates: int, seed: int) -> Floats:
    """Draw blocks with replacement, as many as there are with rows.

    Args:
        present: the blocks that have rows.
        num_blocks: g.
        replicates: r.
        seed: of the draw.

    Returns:
        (r, g), how often each block was drawn; none of it where fewer than two have rows.
    """
    draws = np.zeros((replicates, num_blocks))
    if len(present) < 2:
        return draws[:0]
    rng = np.random.default_rng(seed)
    shares = np.full(len(present), 1.0 / len(present))
    draws[:, present] = rng.multinomial(len(present), shares, size=replicates)
    return draws


def centred_interval(
    value: float,
    replicates: Floats,
    *,
    level: float,
    least: float = -np.inf,
    most: float = np.inf,
) -> tuple[float, float]:
    """The interval around a value that its replicates' spread gives.

    Distances are biased upwards by noise, and replicates, noisier still, more than the value
    itself; around their own mean they say how far the value varies.

    Args:
        value: what was measured.
        replicates: (r,) the same of resampled data; NaN where it does not exist.
        level: coverage, in 0..1.
        least: that such a value can be; the interval does not go below.
        most: that it can be; the interval does not go above.

    Returns:
        Low and high; both NaN where there are fewer than two replicates.
    """
    usable = replicates[np.isfinite(replicates)]
    if len(usable) < 2 or not np.isfinite(value):
        return float("nan"), float("nan")
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(usable - usable.mean(), [tail, 1.0 - tail])
    return max(value + float(low), least), min(value + float(high), most)
