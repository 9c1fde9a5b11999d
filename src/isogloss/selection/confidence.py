"""How sure and how various the predictions on the target are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import entr, log_softmax

from isogloss.errors import IsoglossError
from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.checks import Floats, check_probabilities, check_shape, finite_array
from isogloss.labelshift.measures import kullback_leibler
from isogloss.labelshift.priors import check_prior

_NAME = "the target probabilities"
# The published criterion below which the softmax is replaced, and the published norm.
_THRESHOLD = 5.0
ORDER = 4
# Rows of a batch of the batch nuclear norm, and batches at most.
_BATCH = 128
_BATCHES = 64


def mano(logits: npt.ArrayLike, *, threshold: float = _THRESHOLD, order: int = ORDER) -> float:
    """Norm of the matrix of normalised logits (MaNo).

    Logits are put through the softmax where the criterion, the mean of `-log softmax` over all
    cells, exceeds the threshold. Else through its Taylor series `1 + q + q²/2`, less its least
    value in the row and divided by the sum of the row. Unlike the softmax this depends on a common
    offset of a row's logits.

    Args:
        logits: (m, k) on target rows.
        threshold: of the criterion.
        order: p of the norm.

    Returns:
        `(mean of the cells to the power of p)^(1/p)`, in 0..1; higher where predictions are surer.

    Raises:
        IsoglossError: E400, E404, E405 for unusable logits.

    References:
        Xie et al., NeurIPS 2024, eqs. 2 and 6; the subtraction of the least value is that of the
        authors' code.
    """
    rows = finite_array(logits, name="the target logits")
    check_shape(rows, (-1, -1), name="the target logits")
    if not rows.size:
        raise IsoglossError("E404", name="the target logits")
    unsure = -float(log_softmax(rows, axis=1).mean()) <= threshold
    cells = _taylor(rows) if unsure else softmax(rows)
    return float(np.mean(cells**order) ** (1.0 / order))


def nuclear_norm(probabilities: npt.ArrayLike) -> float:
    """Nuclear norm of the matrix of predictions, as a share of the largest possible.

    Args:
        probabilities: (m, k) on target rows.

    Returns:
        Sum of the singular values by `sqrt(min(m, k) m)`, in 0..1: 1 where all predictions are
        sure and all classes are equally frequent. It takes a uniform prior for granted.

    Raises:
        IsoglossError: E400, E401, E404, E405, E406 for unusable probabilities.

    References:
        Deng et al., ICML 2023.
    """
    rows = check_probabilities(probabilities, name=_NAME)
    gram = rows.T @ rows if len(rows) >= rows.shape[1] else rows @ rows.T
    values = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0.0))
    return float(values.sum() / np.sqrt(min(rows.shape) * len(rows)))


def batch_nuclear_norm(
    probabilities: npt.ArrayLike,
    *,
    prior: npt.ArrayLike | None = None,
    batch: int = _BATCH,
    most: int = _BATCHES,
    seed: int = 0,
) -> float:
    """Mean nuclear norm of the predictions of random batches, by row (BNM).

    As published it is greatest where all classes are predicted equally often. Given a prior π, the
    column of class j is multiplied by `sqrt(k π_j)`. The norm is convex, so it is greatest where
    predictions are sure; there it is `sqrt(k / b)` times the sum of `sqrt(q_j π_j)` for a batch of
    b rows and shares q of the predictions, which is greatest at q = π.

    Args:
        probabilities: (m, k) on target rows.
        prior: (k,) of the target, as estimated; a uniform one changes nothing.
        batch: rows of a batch; fewer where there are fewer. Rows left over are left out. For
            tagging these are words of any sentences: in a batch of whole sentences rows are more
            alike, and the norm would be smaller for that.
        most: batches at most.
        seed: of the batches.

    Returns:
        In 0..1.

    Raises:
        IsoglossError: as `nuclear_norm`; E400, E402, E404, E405 for an unusable prior.

    References:
        Cui et al., CVPR 2020; as a score: Musgrave, Belongie & Lim, 2022 (arXiv 2208.07360). The
        form with a prior is ours.
    """
    rows = check_probabilities(probabilities, name=_NAME)
    if prior is not None:
        shares = check_prior(prior, name="the target prior", num_classes=rows.shape[1])
        rows = rows * np.sqrt(len(shares) * shares)
    size = min(batch, len(rows))
    count = min(most, len(rows) // size)
    chosen = np.random.default_rng(seed).permutation(len(rows))[: count * size]
    batches = rows[chosen].reshape(count, size, rows.shape[1])
    values = np.linalg.svd(batches, compute_uv=False)
    return float(values.sum(axis=1).mean() / size)


def information_maximisation(probabilities: npt.ArrayLike, prior: npt.ArrayLike) -> float:
    """Surety of the single predictions, and nearness of their mean to the target's prior.

    Under a uniform prior this is the mutual information of rows and predictions, less `log k`.

    Args:
        probabilities: (m, k) on target rows.
        prior: (k,) of the target, as estimated.

    Returns:
        `-(mean entropy + KL(mean prediction || prior))` in nats, at most 0. Both sides of the
        divergence are smoothed by `1/(2m)` a class, so a class of prior 0 costs a finite amount.

    Raises:
        IsoglossError: E400, E401, E402, E404, E405, E406 for unusable probabilities or prior.

    References:
        Krause, Perona & Gomes, NeurIPS 2010 (with a prior of the classes); as a score
        with a uniform one: Musgrave, Belongie & Lim, 2022 (arXiv 2208.07360).
    """
    rows = check_probabilities(probabilities, name=_NAME)
    shares = check_prior(prior, name="the target prior", num_classes=rows.shape[1])
    divergence = kullback_leibler(rows.mean(axis=0), shares, rows=len(rows))
    return -float(entr(rows).sum(axis=1).mean()) - divergence


def _taylor(logits: Floats) -> Floats:
    values = 1.0 + logits + 0.5 * logits**2
    values -= values.min(axis=1, keepdims=True)
    totals = values.sum(axis=1, keepdims=True)
    # A row of equal values has no sum to divide by; it says nothing of any class.
    found: Floats = values / np.where(totals > 0, totals, 1.0)
    return found
