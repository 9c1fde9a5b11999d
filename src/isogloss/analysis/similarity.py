"""Linear CKA: of two views of the same rows, and of the class means of two languages."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from isogloss.labelshift.checks import Floats, Integers, check_shape, finite_array

# Under four rows the debiased statistic does not exist.
_LEAST_ROWS = 4


def linear_cka(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Compare two views of the same rows, such as two models' features of the same texts.

    It needs rows in pairs, so it says nothing of two languages' unpaired texts; for those see
    `class_mean_cka`.

    Args:
        first: (n, d).
        second: (n, d'), row i of the same thing as row i of `first`.

    Returns:
        0..1; 1 where one view is a rotation and scaling of the other. NaN where a view does not
        vary. With fewer rows than features it is biased towards 1: see `debiased_cka`.

    Raises:
        IsoglossError: E400 for NaN or infinity, E405 for shapes that do not belong together.

    References:
        Kornblith et al., ICML 2019, eq. for linear CKA in section 3.
    """
    one, two = _paired(first, second)
    one, two = _centred(one), _centred(two)
    norms = [_gram_norm(each) for each in (one, two)]
    scale = float(norms[0] * norms[1])
    return float(np.square(one.T @ two).sum()) / scale if scale > 0 else float("nan")


def debiased_cka(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    blocks: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Compare two views of the same rows without the bias that few rows bring.

    Args:
        first: (n, d).
        second: (n, d'), row i of the same thing as row i of `first`.
        blocks: (n,) integers; rows that share one are left out together for the interval. None:
            every row by itself.
        level: coverage of the interval, in 0..1.

    Returns:
        The value, at most 1 but for chance, 0 on average for unrelated views; and the ends of its
        interval by the jackknife. NaN where it does not exist: fewer than four rows, or a view
        that does not vary.

    Raises:
        IsoglossError: E400 for NaN or infinity, E405 for shapes that do not belong together.

    References:
        Song et al., JMLR 13 (2012), eq. 5 (unbiased HSIC); Kornblith et al. 2019; Nguyen, Raghu &
        Kornblith, ICLR 2021, eq. 3.
    """
    one, two = _paired(first, second)
    grams = [_gram(each) for each in (one, two)]
    members = _left_out(blocks, len(one))
    between, own_first, own_second = (
        _unbiased_hsic(grams[i], grams[j], members) for i, j in ((0, 1), (0, 0), (1, 1))
    )
    scale = own_first * own_second
    values = between / np.sqrt(np.where((own_first > 0) & (own_second > 0), scale, np.nan))
    value, others = float(values[0]), values[1:][np.isfinite(values[1:])]
    count = len(others)
    if count < 2:
        return value, float("nan"), float("nan")
    error = np.sqrt((count - 1) / count * np.square(others - others.mean()).sum())
    reach = NormalDist().inv_cdf(0.5 + level / 2.0) * float(error)
    return value, value - reach, value + reach


def class_mean_cka(source_means: npt.ArrayLike, target_means: npt.ArrayLike) -> Floats:
    """Compare how two sides arrange the classes: linear CKA of their class means.

    Classes pair the two sides where texts do not. It does not change when a side is moved, rotated
    or scaled as a whole, so it sees only what aligning means could not mend.

    Args:
        source_means: (..., k, d) mean features of the classes.
        target_means: (..., k, d') those of the other side.

    Returns:
        (...), each in 0..1; NaN for fewer than three classes, where it would always be 1, and
        where a mean is NaN or all means are the same.

    References:
        Linear CKA of Kornblith et al., ICML 2019, on k rows.
    """
    one, two = (np.asarray(side, dtype=np.float64) for side in (source_means, target_means))
    if one.shape[-2] < 3:
        return np.full(one.shape[:-2], np.nan)
    one, two = (side - side.mean(axis=-2, keepdims=True) for side in (one, two))
    grams = [side @ np.swapaxes(side, -1, -2) for side in (one, two)]
    between = (grams[0] * grams[1]).sum(axis=(-1, -2))
    scale = np.linalg.norm(grams[0], axis=(-1, -2)) * np.linalg.norm(grams[1], axis=(-1, -2))
    similarity: Floats = between / np.where(scale > 0, scale, np.nan)
    return similarity


def _centred(rows: Floats) -> Floats:
    """Rows around their mean; a coordinate that does not vary must not pass as noise."""
    centred = rows - rows.mean(axis=0)
    rounding = 1e-12 * np.abs(rows).max(axis=0, initial=0.0)
    kept: Floats = np.where(np.abs(centred).max(axis=0, initial=0.0) > rounding, centred, 0.0)
    return kept


def _gram_norm(rows: Floats) -> float:
    """Frobenius norm of all inner products, by the smaller of two matrices that have the same."""
    wide = rows.shape[1] > len(rows)
    return float(np.linalg.norm(rows @ rows.T if wide else rows.T @ rows))


def _gram(rows: Floats) -> Floats:
    """Inner products (n, n) of centred rows, 0 on the diagonal."""
    centred = _centred(rows)
    gram: Floats = centred @ centred.T
    np.fill_diagonal(gram, 0.0)
    return gram


def _left_out(blocks: npt.ArrayLike | None, rows: int) -> Floats:
    """(n, 1 + b): no row, then the rows of each block."""
    numbers: Integers = np.arange(rows) if blocks is None else np.asarray(blocks)
    _, own = np.unique(numbers, return_inverse=True)
    return np.concatenate([np.zeros((rows, 1)), np.eye(own.max(initial=-1) + 1)[own]], axis=1)


def _unbiased_hsic(first: Floats, second: Floats, members: Floats) -> Floats:
    """(1 + b,) unbiased HSIC of two Gram matrices without the rows of each column of `members`."""
    product = first * second
    removed = np.einsum("ng,nm,mg->g", members, product, members, optimize=True)
    both = product.sum() - 2.0 * members.T @ product.sum(axis=1) + removed
    one, two = (
        (gram.sum(axis=1)[:, None] - gram @ members) * (1.0 - members) for gram in (first, second)
    )
    left = len(first) - members.sum(axis=0)
    rows = np.where(left >= _LEAST_ROWS, left, np.nan)
    apart = one.sum(axis=0) * two.sum(axis=0) / ((rows - 1) * (rows - 2))
    crossed = (one * two).sum(axis=0)
    hsic: Floats = (both + apart - 2.0 * crossed / (rows - 2)) / (rows * (rows - 3))
    return hsic


def _paired(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Floats, Floats]:
    one = finite_array(first, name="the first features")
    check_shape(one, (-1, -1), name="the first features")
    two = finite_array(second, name="the second features")
    check_shape(two, (len(one), -1), name="the second features")
    return one, two
