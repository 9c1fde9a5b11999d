"""What many sets say together: spreads, bands of shift, correlations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from isogloss.study.correlations import correlations

# Bands of prior shift are as wide as this.
BAND = 0.1
# The share of sets between the two edges that are shown around a band's mean.
SPREAD = 0.8


def spread(values: npt.ArrayLike) -> dict[str, float | None]:
    """Mean, standard deviation and extremes of the finite values (m,), or None."""
    array = np.asarray(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    if not array.size:
        return dict.fromkeys(("mean", "sd", "least", "most"))
    found = (array.mean(), array.std(ddof=int(array.size > 1)), array.min(), array.max())
    return dict(zip(("mean", "sd", "least", "most"), map(float, found), strict=True))


def by_band(
    shifts: npt.ArrayLike, values: npt.ArrayLike, *, width: float = BAND
) -> list[dict[str, Any]]:
    """Sum values up in bands of shift.

    Args:
        shifts: (m,) in [0, 1].
        values: (m,); those that are not finite are left out.
        width: of a band, above 0.

    Returns:
        For every band that has sets, from low to high: `from` and `to` (the first included),
        `sets`, `shift` and `mean`, the means in it, and `low` and `high`, between which the middle
        80 % of the values lie.
    """
    shift = np.asarray(shifts, dtype=np.float64)
    value = np.asarray(values, dtype=np.float64)
    kept = np.isfinite(value) & np.isfinite(shift)
    shift, value = shift[kept], value[kept]
    # A shift of 0.3 belongs to the band that begins there, whatever its last bit says.
    bands = np.floor(shift / width + 1e-9).astype(np.int64)
    found = []
    for band in np.unique(bands):
        there = bands == band
        low, high = np.quantile(value[there], [0.5 - SPREAD / 2, 0.5 + SPREAD / 2])
        found.append(
            {
                "from": round(float(band * width), 6),
                "to": round(float((band + 1) * width), 6),
                "sets": int(there.sum()),
                "shift": float(shift[there].mean()),
                "mean": float(value[there].mean()),
                "low": float(low),
                "high": float(high),
            }
        )
    return found


def summarise(columns: Mapping[str, npt.NDArray[np.float64]], *, score: str) -> dict[str, Any]:
    """Sum up one model's sets.

    Args:
        columns: each (m,): `accuracy`, `macro_f1`, `prior_shift`, `estimate_error`,
            `shift_corrected`, and where there are any `f1`, `feature_shift` and `improvement`.
        score: the column that shifts are correlated with.

    Returns:
        `sets`; `scores`, `shifts` and `estimate_error`, by name the `spread`; `correlations` of the
        score with each shift, and of the estimate's error with it; `bands` of prior shift of the
        score, the estimate's error, the share of the shift that it corrects, and the improvement.
    """
    shifts = {n: columns[n] for n in ("prior_shift", "feature_shift") if n in columns}
    banded = (score, "estimate_error", "shift_corrected", "improvement")
    return {
        "sets": len(columns[score]),
        "scores": {n: spread(columns[n]) for n in ("accuracy", "macro_f1", "f1") if n in columns},
        "shifts": {name: spread(values) for name, values in shifts.items()},
        "estimate_error": spread(columns["estimate_error"]),
        "correlations": {
            "score": correlations(columns[score], shifts),
            "estimate_error": correlations(columns["estimate_error"], shifts),
        },
        "bands": {
            name: by_band(columns["prior_shift"], columns[name])
            for name in banded
            if name in columns
        },
    }
