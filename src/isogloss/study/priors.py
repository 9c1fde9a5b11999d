"""The priors that a study's sets are drawn at: random, on a grid, or given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import Floats, Integers, check_range
from isogloss.labelshift.priors import check_prior

# A grid finer than this is longer than any study.
MOST_GRID_PRIORS = 100_000
_SUM_TOLERANCE = 1e-6


def dirichlet_priors(
    count: int, concentration: npt.ArrayLike, *, rng: np.random.Generator
) -> Floats:
    """Draw priors from a Dirichlet distribution.

    Args:
        count: m, number of priors.
        concentration: (k,) parameters, above 0. If all are 1, every prior is as likely as any
            other; below that most priors have one large class, above it they are near the mean.
        rng: where the randomness comes from.

    Returns:
        (m, k), rows sum to 1.
    """
    drawn = rng.standard_gamma(
        np.asarray(concentration, dtype=np.float64), (count, np.size(concentration))
    )
    # Very low concentrations underflow to nothing at all: one class has it then.
    lost = drawn.sum(axis=1) <= 0
    drawn[lost] = np.eye(drawn.shape[1])[rng.integers(0, drawn.shape[1], int(lost.sum()))]
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def grid_priors(num_classes: int, *, steps: int) -> Floats:
    """List all priors whose shares are multiples of `1 / steps`.

    Args:
        num_classes: k.
        steps: at least 1.

    Returns:
        (m, k) with `m = C(steps + k - 1, k - 1)`, in lexicographic order.

    Raises:
        IsoglossError: E407 for fewer steps than 1, E732 for a grid of more than 100,000 priors.
    """
    check_range(steps, 1, np.inf, name="grid")
    total = comb(steps + num_classes - 1, num_classes - 1)
    if total > MOST_GRID_PRIORS:
        raise IsoglossError(
            "E732", steps=steps, classes=num_classes, count=total, most=MOST_GRID_PRIORS
        )
    # Bars between steps: each way to place k - 1 of them is one prior.
    places = range(steps + num_classes - 1)
    bars = np.array(list(combinations(places, num_classes - 1)), dtype=np.int64)
    bars = bars.reshape(total, num_classes - 1)
    edges = np.hstack([np.full((total, 1), -1), bars, np.full((total, 1), steps + num_classes - 1)])
    return (np.diff(edges, axis=1) - 1) / steps


def complete_prior(
    shares: Mapping[str, float], names: Sequence[str], present: npt.ArrayLike, *, where: str
) -> Floats:
    """Make a whole prior of the shares of some labels.

    Labels that are not named share what is left in the proportions that they have in the data.

    Args:
        shares: label -> share, each in 0..1.
        names: the k labels.
        present: (k,) prior of the data.
        where: what a message calls the data.

    Returns:
        (k,) prior.

    Raises:
        IsoglossError: E721 for a label that is not among `names`, E722 for shares that cannot be
            completed to a prior.
    """
    wanted = np.zeros(len(names))
    for label, share in shares.items():
        if label not in names:
            raise IsoglossError("E721", label=label, where=where, names=", ".join(names))
        wanted[list(names).index(label)] = share
    total = float(wanted.sum())
    rest = np.array([0.0 if name in shares else 1.0 for name in names]) * check_prior(present)
    complete = total <= 1.0 + _SUM_TOLERANCE if rest.any() else abs(total - 1.0) <= _SUM_TOLERANCE
    if wanted.min() < 0 or not complete:
        raise IsoglossError("E722", total=round(total, 6), where=where)
    if rest.any():
        wanted += max(0.0, 1.0 - total) * rest / rest.sum()
    return wanted / wanted.sum()


def row_counts(priors: npt.ArrayLike, size: int) -> Integers:
    """Turn priors into whole numbers of rows by largest remainders.

    Args:
        priors: (m, k), rows sum to 1.
        size: rows of each set, at least 1.

    Returns:
        (m, k), rows sum to `size`; each within 1 of `size` times the share, and 0 where that is 0.
    """
    exact = np.asarray(priors, dtype=np.float64) * size
    counts = np.floor(exact + 1e-9).astype(np.int64)
    missing = size - counts.sum(axis=1)
    # The largest remainders first; ties go to the earlier class.
    ranks = np.argsort(np.argsort(-(exact - counts), axis=1, kind="stable"), axis=1)
    return counts + (ranks < missing[:, None])


def largest_size(prior: npt.ArrayLike, available: npt.ArrayLike) -> int:
    """The most rows that can be had at a prior.

    Args:
        prior: (k,).
        available: (k,) rows there are of each class.

    Returns:
        The largest size whose `row_counts` are available; 0 where a class that has a share has no
        rows at all.
    """
    shares, rows = np.asarray(prior, dtype=np.float64), np.asarray(available)
    needed = shares > 0
    if (rows[needed] == 0).any():
        return 0
    # Rounding gives a class less than one row less than its share.
    size = int(((rows[needed] + 1) / shares[needed]).min())
    size = min(size, int(rows.sum()))
    while size > 0 and (row_counts(shares[None], size)[0] > rows).any():
        size -= 1
    return size
