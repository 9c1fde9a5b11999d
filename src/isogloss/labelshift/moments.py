"""What is averaged over both sides to tell the classes apart, and how sure the averages are.

Under label shift the mean of any statistic over the target is the mixture of its means over the
source's classes, with the target's class shares as weights. Which statistics are taken decides how
much is learned and how much of a violated assumption is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from isogloss.labelshift.checks import Floats
from isogloss.labelshift.correction import reweigh
from isogloss.labelshift.rows import SourceRows, TargetRows
from isogloss.labelshift.statistics import harden

# Rows whose statistics are held at once.
_BLOCK = 50_000
# With fewer target bundles than this their own spread is not trusted; the source's stands in.
_FEW_BUNDLES = 50
# What they suggest is then held against the source prior, as if that rested on so many bundles.
_HELD_BUNDLES = 20

# Takes calibrated and raw probabilities (n, k), gives statistics (n, columns).
Statistic = Callable[[Floats, Floats], Floats]
# Takes one side and a range of its rows, gives their statistics.
RowStatistic = Callable[[SourceRows | TargetRows, slice], Floats]


@dataclass(frozen=True, kw_only=True)
class Moments:
    """The equation `target = classes @ prior`, with the influence of every bundle on both sides.

    Attributes:
        classes: M (d, k), the statistics' means by class of the source.
        target: mu (d,), their means over the target.
        source_influence: (bundles, d), what each source bundle adds to `M prior` beyond its mean.
        target_influence: (bundles, d), likewise to mu; empty where there were too few bundles.
        stand_in: (d, d) covariance that no bundle shows: of mu where there were too few, and of the
            means of classes with a single row, to whom the others' spread is lent.
        covariance: S (d, d) of `mu - M prior`.
        effective_rows: how many independent rows of equal weight the covariance rests on.
    """

    classes: Floats
    target: Floats
    source_influence: Floats
    target_influence: Floats
    stand_in: Floats
    covariance: Floats
    effective_rows: float

    def halves(self) -> list[Floats]:
        """The covariance (d, d) as each half of the bundles tells it."""
        found = []
        for start in (0, 1):
            source, target = self.source_influence[start::2], self.target_influence[start::2]
            found.append(2.0 * (source.T @ source + target.T @ target) + self.stand_in)
        return found


def tilted(calibrated: Floats, source_prior: Floats, prior: Floats) -> Floats:
    """Posteriors (n, k) under another prior: `p(y|x) prior_y / source_prior_y`, normalised.

    At the target's prior their means over the target are the most informative statistics there are
    if the probabilities are calibrated, and unbiased ones if they are not.

    References:
        Saerens, Latinne & Decaestecker, Neural Computation 2002, eq. 2.4.
    """
    return reweigh(calibrated, prior / source_prior)


def statistics_of(
    source_prior: Floats, prior: Floats, blocks: Sequence[str]
) -> tuple[Statistic, Floats]:
    """Build the statistics.

    Args:
        source_prior: (k,).
        prior: (k,) a guess at the target's, positive; it only steers which statistics are taken.
        blocks: of "tilted" (posteriors under the guess), "tilted squares", "calibrated", "hard"
            (the predicted class), "top" (the largest probability) and "entropy" (in 0..1).

    Returns:
        The function from rows to statistics, and a basis (columns, d): within a block that sums
        to a constant, the directions in which it can vary.
    """
    size = len(prior)
    contrasts = scipy.linalg.helmert(size).T

    def statistic(calibrated: Floats, raw: Floats) -> Floats:
        posterior = tilted(calibrated, source_prior, prior)
        found = {
            "tilted": lambda: posterior,
            "tilted squares": lambda: posterior**2,
            "calibrated": lambda: calibrated,
            "hard": lambda: harden(raw),
            "top": lambda: calibrated.max(axis=1, keepdims=True),
            "entropy": lambda: _entropy(calibrated),
        }
        return np.concatenate([found[block]() for block in blocks], axis=1)

    single = ("top", "entropy")
    basis = scipy.linalg.block_diag(*(np.eye(1) if b in single else contrasts for b in blocks))
    return statistic, basis


def of_rows(statistic: Statistic) -> RowStatistic:
    """Apply a statistic of probabilities to the rows of a side."""
    return lambda side, rows: statistic(side.calibrated[rows], side.probabilities[rows])


def gather_moments(
    source: SourceRows,
    target: TargetRows,
    statistic: RowStatistic,
    basis: Floats,
    *,
    prior: Floats,
) -> Moments:
    """Average statistics over both sides.

    Args:
        source: labelled rows.
        target: target rows.
        statistic: of the rows of either side.
        basis: (columns, d) to express the statistics in.
        prior: (k,) a guess at the target's prior, which weighs the source's noise.
    """
    few = has_few_bundles(target)
    if few:
        # One row makes its own class look certain, and its mean look exact.
        share = target.bundles.count / (target.bundles.count + _HELD_BUNDLES)
        prior = share * prior + (1.0 - share) * source.prior
    counts = source.prior * len(source.labels)
    # A class mean takes up one of its rows' degrees of freedom.
    weights = prior / source.prior * np.sqrt(counts / np.maximum(counts - 1.0, 1.0))
    by_class, weighted, squares = _source_sums(source, statistic, basis, weights)
    classes = (by_class / counts[:, None]).T
    members = source.bundles.sums(np.eye(len(prior))[source.labels] * weights)
    source_influence = (weighted - members @ classes.T) / len(source.labels)
    sums, rows = _target_sums(target, statistic, basis)
    mean = sums.sum(axis=0) / len(target.calibrated)
    target_influence = (sums - rows[:, None] * mean) / len(target.calibrated)
    shares = weights * source.prior / float(weights @ source.prior)
    squares /= float(weights @ source.prior)
    alone = float((prior[counts == 1] ** 2).sum())
    stand_in = alone * (squares - classes * shares @ classes.T)
    if few:
        # Weighed as the squares are, so that what is constant has no spread.
        implied = squares - np.outer(classes @ shares, classes @ shares)
        implied /= len(target.calibrated)
        stand_in += implied * _design_effect(target, target_influence, implied)
        target_influence = target_influence[:0]
    covariance = source_influence.T @ source_influence + target_influence.T @ target_influence
    return Moments(
        classes=classes,
        target=mean,
        source_influence=source_influence,
        target_influence=target_influence,
        stand_in=stand_in,
        covariance=covariance + stand_in,
        effective_rows=effective_rows(source, target, prior),
    )


def _design_effect(target: TargetRows, influence: Floats, independent: Floats) -> float:
    """By how much bundles vary more than as many rows that are independent, at least 1.

    References:
        Kish, Survey Sampling, section 5.4.
    """
    rows, bundles = len(target.calibrated), target.bundles.count
    if bundles == rows:
        return 1.0
    if bundles == 1:
        return float(rows)
    seen = float((influence**2).sum()) * bundles / (bundles - 1.0)
    return max(1.0, seen / max(float(np.trace(independent)), 1e-300))


def _entropy(calibrated: Floats) -> Floats:
    logs = np.log(np.maximum(calibrated, 1e-300))
    scale = max(np.log(calibrated.shape[1]), 1.0e-12)
    return -(calibrated * logs).sum(axis=1, keepdims=True) / scale


def _source_sums(
    source: SourceRows, statistic: RowStatistic, basis: Floats, weights: Floats
) -> tuple[Floats, Floats, Floats]:
    """Sums by class, weighted sums by bundle, and the weighted mean of outer products."""
    size = basis.shape[1]
    by_class = np.zeros((len(weights), size))
    weighted = np.zeros((source.bundles.count, size))
    squares = np.zeros((size, size))
    for rows in _blocks(len(source.labels)):
        labels = source.labels[rows]
        found = statistic(source, rows) @ basis
        by_class += np.eye(len(weights))[labels].T @ found
        heavy = found * weights[labels, None]
        weighted += source.bundles.sums(heavy, rows)
        squares += found.T @ heavy
    return by_class, weighted, squares / len(source.labels)


def _target_sums(
    target: TargetRows, statistic: RowStatistic, basis: Floats
) -> tuple[Floats, Floats]:
    """Sums by bundle (bundles, d), and rows by bundle."""
    sums = np.zeros((target.bundles.count, basis.shape[1]))
    for rows in _blocks(len(target.calibrated)):
        found = statistic(target, rows) @ basis
        sums += target.bundles.sums(found, rows)
    return sums, np.bincount(target.bundles.of_row, minlength=target.bundles.count).astype(float)


def effective_rows(source: SourceRows, target: TargetRows, prior: Floats) -> float:
    """Kish's number for the weighted source bundles, or the target's bundles if they are fewer.

    Args:
        source: labelled rows, weighted by `prior` over their own prior.
        target: target rows; where they are very few, their covariance is not estimated from them.
        prior: (k,).
    """
    weights = (prior / source.prior)[source.labels]
    heavy = np.bincount(source.bundles.of_row, weights, source.bundles.count)
    kish = float(heavy.sum() ** 2 / max(float((heavy**2).sum()), 1e-300))
    return kish if has_few_bundles(target) else min(kish, float(target.bundles.count))


def has_few_bundles(target: TargetRows) -> bool:
    """Whether the target has too few bundles for their own spread to be trusted."""
    return target.bundles.count < _FEW_BUNDLES


def _blocks(rows: int) -> list[slice]:
    return [slice(start, start + _BLOCK) for start in range(0, rows, _BLOCK)]
