"""Which unlabelled rows get a pseudo-label, and which class: plain functions of probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize

# Rows that a classifier is equally sure of are told apart by its next most probable classes.
_CLASSES_COMPARED = 4
# Of a class's share before an estimate; what falls below is denied. 93 % of one class of three
# leaves each other one a tenth of a third.
_LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Choice:
    """Rows with the class that each is taken for.

    Attributes:
        rows: (c,) int64, ascending.
        classes: (c,) int64.
    """

    rows: np.ndarray
    classes: np.ndarray


def most_confident(
    probabilities: np.ndarray, examples: np.ndarray, *, count: int, free: np.ndarray
) -> Choice:
    """Take the examples that the classifier is surest of, whatever their classes.

    An example with several rows (a sentence) is as sure as the mean of the logarithms of its rows'
    largest probabilities, and all of its rows are taken.

    Args:
        probabilities: (n, k) predicted.
        examples: (n,) the example of each row; rows of one stand together.
        count: examples to take, at least 0; all where there are fewer.
        free: (n,) bool, rows without a label; an example is taken if all of its rows are free.

    Returns:
        The rows of the chosen examples, each with its most probable class.

    References:
        Dong & de Melo, EMNLP 2019; Xian, Ji & Zhao, ICLR 2022, appendix C.2.
    """
    names, place, sizes = np.unique(examples, return_inverse=True, return_counts=True)
    keys = _keys(probabilities)
    means = np.stack([np.bincount(place, weights=key) / sizes for key in keys.T], axis=1)
    taken = np.bincount(place, weights=~free, minlength=len(names)) > 0
    order = ranking(means)
    chosen = np.zeros(len(names), dtype=bool)
    chosen[order[~taken[order]][:count]] = True
    rows = np.flatnonzero(chosen[place])
    return Choice(rows, probabilities[rows].argmax(axis=1))


def within_quotas(probabilities: np.ndarray, quotas: np.ndarray, *, free: np.ndarray) -> Choice:
    """Take from each class the rows that are surest to belong to it, as many as its quota.

    A row counts for its most probable class alone. Where a class has fewer rows than its quota,
    the rest of the quota is left open: other classes do not get more than theirs.

    Args:
        probabilities: (n, k) predicted under the balance that the quotas stand for.
        quotas: (k,) int64, at least 0.
        free: (n,) bool, rows without a label.

    Returns:
        The chosen rows with their classes.
    """
    order = ranking(_keys(probabilities))
    order = order[free[order]]
    classes = probabilities[order].argmax(axis=1)
    rank = _rank_within(classes, len(quotas))
    rows = np.sort(order[rank < quotas[classes]])
    return Choice(rows, probabilities[rows].argmax(axis=1))


def predicted_shares(probabilities: np.ndarray) -> np.ndarray:
    """Class shares, (k,), of the most probable classes of rows (n, k), n >= 1."""
    classes = probabilities.argmax(axis=1)
    return np.bincount(classes, minlength=probabilities.shape[1]) / len(classes)


def shares_within(shares: np.ndarray, interval: np.ndarray) -> np.ndarray:
    """The class shares nearest to given ones that an interval of each class allows.

    Args:
        shares: (k,) summing to 1.
        interval: (k, 2) lowest and highest share, in 0..1.

    Returns:
        (k,) summing to 1: the given shares, moved alike and cut to their intervals. Intervals that
        no shares satisfy together are left as little as keeps to proportion.
    """
    low, high = interval.T
    low, high = low / max(1.0, low.sum()), high / min(1.0, high.sum())

    def excess(shift: float) -> float:
        return float(np.clip(shares + shift, low, high).sum()) - 1.0

    # Bounds that sum to 1 but for rounding leave nothing to solve for.
    moved: np.ndarray
    if excess(1.0) <= 0.0:
        moved = high
    elif excess(-1.0) >= 0.0:
        moved = low
    else:
        shift = scipy.optimize.brentq(excess, -1.0, 1.0, xtol=1e-12) if excess(0.0) else 0.0
        moved = np.clip(shares + shift, low, high)
    return moved / moved.sum()


def rules_out(aim: np.ndarray, predicted: np.ndarray, source: np.ndarray) -> bool:
    """Whether class shares all but deny a class that is both in the source and predicted.

    A weak classifier that meets harder texts can look as if the target had one class alone. To
    train on that is to forget the others, and what it would be worth if true is little.

    Args:
        aim: (k,) shares that an estimate asks for.
        predicted: (k,) shares of the predicted classes before it.
        source: (k,) shares in the source.
    """
    return bool((aim < _LEAST_SHARE * np.minimum(predicted, source)).any())


def named_alike(probabilities: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which rows keep their most probable class if the classes are predicted in other shares.

    The logits move by the logarithm of what each class's share changes by. What lies between two
    classes of which a classifier favours one changes sides; what is called the same both ways does
    not hang on which of the two balances is right.

    Args:
        probabilities: (n, k) predicted, n >= 1.
        other: (k,) shares, summing to 1; a class of share 0 there is given to no row.

    Returns:
        (n,) bool.

    References:
        Menon et al., ICLR 2021 (logit adjustment).
    """
    classes = probabilities.argmax(axis=1)
    size = probabilities.shape[1]
    # Half a row more of each class, as one that is never predicted could be moved by anything.
    shares = (np.bincount(classes, minlength=size) + 0.5) / (len(classes) + 0.5 * size)
    alike: np.ndarray = (probabilities * (other / shares)).argmax(axis=1) == classes
    return alike


def halfway(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The class shares (k,) between two, by their logarithms: 0 where either is.

    All 0 where no class has a share in both.
    """
    between = np.sqrt(one * other)
    return np.asarray(between / max(float(between.sum()), np.finfo(float).tiny))


def most_in_shares(shares: np.ndarray, available: np.ndarray) -> int:
    """How many rows can be taken in given class shares, (k,), where each class has so many (k,)."""
    asked = shares > 0
    return int((available[asked] / shares[asked] + 1e-9).min())


def class_quotas(prior: np.ndarray, total: int) -> np.ndarray:
    """Split a number of rows by class shares, without remainder.

    Args:
        prior: (k,) shares, summing to 1.
        total: rows, at least 0.

    Returns:
        (k,) int64 that sum to `total`, each within 1 of its share of it: the whole parts, and one
        more where the largest remainders are (of equal ones, those of the larger shares first; of
        equal shares, that of the class that comes first).
    """
    exact = np.asarray(prior, dtype=np.float64) * total
    # A share that is whole but for rounding is whole.
    whole = np.floor(exact + 1e-9).astype(np.int64)
    # Of remainders that only rounding tells apart, the larger share's comes first.
    order = np.lexsort((-exact, -(exact - whole).round(9)))
    whole[order[: total - int(whole.sum())]] += 1
    return whole


def ranking(keys: np.ndarray) -> np.ndarray:
    """Order rows (n, c) by their first key, the largest first, and equal ones by the next keys.

    Returns:
        (n,) int64 indices; rows equal in every key stay in their order.
    """
    return np.lexsort(tuple(-keys[:, c] for c in reversed(range(keys.shape[1]))))


def _keys(probabilities: np.ndarray) -> np.ndarray:
    """(n, c) logarithms of the largest probabilities, falling: they name no class."""
    largest = -np.sort(-probabilities, axis=1)[:, :_CLASSES_COMPARED]
    logs: np.ndarray = np.log(np.maximum(largest, np.finfo(float).tiny))
    return logs


def _rank_within(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """(n,) how many earlier rows have the same class."""
    order = np.argsort(classes, kind="stable")
    counts = np.bincount(classes, minlength=num_classes)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.empty(len(classes), dtype=np.int64)
    rank[order] = np.arange(len(classes)) - starts
    return rank
