"""Correlations between scores and shifts, and partial ones that hold the other shift fixed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import scipy.stats

from isogloss.labelshift.checks import Floats

# Fewer points than this say nothing about a partial correlation.
_FEWEST = 4


def correlations(
    score: npt.ArrayLike, shifts: Mapping[str, npt.ArrayLike]
) -> dict[str, dict[str, float | None]]:
    """Correlate a score with each shift, alone and with all the others held fixed.

    Args:
        score: (m,).
        shifts: name -> (m,). Sets in which any value is not finite are left out.

    Returns:
        name -> `pearson`, `spearman`, `partial_pearson` and `partial_spearman` in [-1, 1], each
        None where it is not defined (fewer than four sets, or a quantity that does not vary).

    References:
        Xian, Ji & Zhao, ICLR 2022, section 2 and figure 1.
    """
    columns = np.array([score, *shifts.values()], dtype=np.float64)
    columns = columns[:, np.isfinite(columns).all(axis=0)]
    ranks = np.array([scipy.stats.rankdata(column) for column in columns])
    plain, by_rank = correlation_matrix(columns), correlation_matrix(ranks)
    partial, partial_by_rank = partial_matrix(plain), partial_matrix(by_rank)
    enough = columns.shape[1] >= _FEWEST
    return {
        name: {
            "pearson": _number(plain[0, i], enough),
            "spearman": _number(by_rank[0, i], enough),
            "partial_pearson": _number(partial[0, i], enough),
            "partial_spearman": _number(partial_by_rank[0, i], enough),
        }
        for i, name in enumerate(shifts, start=1)
    }


def correlation_matrix(columns: Floats) -> Floats:
    """Pearson correlations between rows of (c, m); NaN for a row that does not vary."""
    if columns.shape[1] < 2:
        return np.full((len(columns), len(columns)), np.nan)
    centred = columns - columns.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    # What is left of equal values is rounding.
    still = norms <= 1e-12 * np.maximum(np.linalg.norm(columns, axis=1), 1e-300)
    norms = np.where(still, np.nan, norms)
    found: Floats = np.clip(centred @ centred.T / np.outer(norms, norms), -1.0, 1.0)
    return found


def partial_matrix(correlation: Floats) -> Floats:
    """Correlations between each two quantities with all others held fixed.

    Args:
        correlation: (c, c) correlations.

    Returns:
        (c, c), from the inverse P of the matrix: `-P_ij / sqrt(P_ii P_jj)`; NaN where a quantity
        does not vary or is a linear function of the others.
    """
    undefined = np.full_like(correlation, np.nan)
    if not np.isfinite(correlation).all() or np.linalg.cond(correlation) > 1e12:
        return undefined
    inverse = np.linalg.inv(correlation)
    scale = np.sqrt(np.diag(inverse))
    found: Floats = np.clip(-inverse / np.outer(scale, scale), -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def _number(value: float, enough: bool) -> float | None:
    return float(value) if enough and np.isfinite(value) else None
