"""How often each example is to come for the classes to come equally often, and draws of them.

Every draw is a pure function of its seed, its number and the shares, so a run that was interrupted
takes up the very examples that an unbroken one would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.sparse

# No example comes more than so many times as often as in plain sampling: of a class that has next
# to no examples, few would be learnt by heart.
MOST_REPEATS = 10.0
# What a step towards balance may cost in evenness among sentences; see `even_sentences`.
_PULL = 0.01
# The golden ratio's: multiples of it fill the interval of 0 to 1 as evenly as any.
_TURN = (5**0.5 - 1) / 2


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What share of all draws each example has.

    Attributes:
        examples: (n,) probabilities that sum to 1, or all 0 where there is none to draw.
        groups: (n,) integers; draws are even within a group, and among groups to within one.
        natural: (k,) class shares of the labelled rows as they are.
        drawn: (k,) class shares of the labelled rows as they are drawn.
    """

    examples: np.ndarray
    groups: np.ndarray
    natural: np.ndarray
    drawn: np.ndarray

    @property
    def times(self) -> np.ndarray:
        """(n,) how many times as often as in plain sampling each example comes."""
        return self.examples * len(self.examples)

    @property
    def ratio(self) -> np.ndarray:
        """(k,) how many times as often each class comes; 1 for a class without rows."""
        there = self.natural > 0
        ratio = np.ones_like(self.natural)
        np.divide(self.drawn, self.natural, out=ratio, where=there)
        return ratio


def plain(count: int, num_classes: int) -> Shares:
    """All of `count` examples alike, their classes unknown."""
    unknown = np.full(num_classes, 1.0 / num_classes)
    return Shares(
        examples=np.full(count, 1.0 / max(1, count)),
        groups=np.zeros(count, dtype=np.int64),
        natural=unknown,
        drawn=unknown,
    )


def balanced(labels: np.ndarray, rows: np.ndarray, num_classes: int) -> Shares:
    """Shares under which the classes that there are come equally often, as nearly as can be.

    Where no example has more than one labelled row, each class has the same share and its examples
    have it in equal parts; where some have more (sentences), see `even_sentences`. Either way no
    example comes more than `MOST_REPEATS` times as often as in plain sampling.

    Args:
        labels: (r,) classes of the rows in the order of the examples; negative where unknown.
        rows: (n,) how many of the rows each example has; one without a labelled row comes as often
            as in plain sampling.
        num_classes: k.

    Returns:
        The shares, the same whatever the classes are called.
    """
    count = len(rows)
    known = labels >= 0
    example = np.repeat(np.arange(count), rows)[known]
    classes = labels[known]
    if not len(classes):
        return plain(count, num_classes)
    of_classes = np.bincount(classes, minlength=num_classes)
    single = len(np.unique(example)) == len(example)
    if single:
        groups = np.full(count, -1)
        groups[example] = _by_appearance(classes)
        shares = _even_examples(groups)
    else:
        groups = np.zeros(count, dtype=np.int64)
        table = scipy.sparse.csr_matrix(
            (np.ones(len(classes)), (example, classes)), shape=(count, num_classes)
        )
        shares = even_sentences(table[:, of_classes > 0])
    drawn = np.bincount(classes, weights=shares[example], minlength=num_classes)
    return Shares(
        examples=shares,
        groups=groups,
        natural=of_classes / of_classes.sum(),
        drawn=drawn / drawn.sum(),
    )


def among(shares: Shares, chosen: np.ndarray, count: int) -> Shares:
    """Shares of a few examples as shares of all: the others are never drawn.

    Args:
        shares: of the chosen examples.
        chosen: (c,) which they are.
        count: n, of all.
    """
    examples, groups = np.zeros(count), np.zeros(count, dtype=np.int64)
    examples[chosen], groups[chosen] = shares.examples, shares.groups
    return Shares(examples=examples, groups=groups, natural=shares.natural, drawn=shares.drawn)


def pooled(sides: list[Shares]) -> Shares:
    """Several sets as one, each with as large a part of the draws as it has of the examples."""
    total = sum(len(side.examples) for side in sides)
    first, offset = sides[0], 0
    groups = []
    for side in sides:
        groups.append(side.groups + offset)
        offset = int(groups[-1].max(initial=0)) + 2
    return Shares(
        examples=np.concatenate([side.examples * len(side.examples) / total for side in sides]),
        groups=np.concatenate(groups),
        natural=first.natural,
        drawn=first.drawn,
    )


def even_sentences(counts: scipy.sparse.csr_matrix) -> np.ndarray:
    """Shares of sentences under which the classes of their words come near balance.

    The shares q minimise `KL(q, uniform) + |E_q[a]|² / (2 · 0.01)`, where `a_i` is how far sentence
    i's words of each class exceed an even balance, in mean sentence lengths: what balance asks for
    is weighed against how few sentences would be left. They have the form `q_i ∝ exp(a_i · b)`.
    No share is above `MOST_REPEATS / n` but for what the rest adds when it is cut.

    Args:
        counts: (n, k) words of each class, each class having some.

    Returns:
        (n,) that sum to 1.

    References:
        Weights nearest to given ones that meet totals: Deville & Särndal, JASA 87 (1992).
    """
    size, k = counts.shape
    words = np.asarray(counts.sum(axis=1)).ravel()
    mean = words.mean()

    def tilted(pull: np.ndarray) -> tuple[np.ndarray, float]:
        exponents = (counts @ pull - words * pull.mean()) / mean
        top = exponents.max()
        raised = np.exp(exponents - top)
        return raised / raised.sum(), float(top + np.log(raised.mean()))

    def objective(pull: np.ndarray) -> tuple[float, np.ndarray]:
        shares, value = tilted(pull)
        excess = (counts.T @ shares - (words @ shares) / k) / mean
        return value + _PULL / 2 * float(pull @ pull), excess + _PULL * pull

    found = scipy.optimize.minimize(
        objective, np.zeros(k), jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9}
    )
    shares, _ = tilted(found.x)
    cut = np.minimum(shares, MOST_REPEATS / size)
    even: np.ndarray = cut / cut.sum()
    return even


def draw(shares: Shares, count: int, number: int, *, seed: tuple[int, ...]) -> np.ndarray:
    """One draw of an endless row of them (systematic sampling).

    An example of share q comes `count * q` times, rounded up or down; over several draws in a row
    the roundings even out, so that of a class of which a draw takes half, two take about all.

    Args:
        shares: of the examples.
        count: how many to draw, at least 0.
        number: of the draw, from 0.
        seed: decides the order behind the draws.

    Returns:
        (count,) indices, in no order that means anything; empty where there is none to draw.
    """
    if not shares.examples.any():
        return np.zeros(0, dtype=np.int64)
    rng = np.random.default_rng(seed)
    start = (rng.random() + number * _TURN) % 1.0
    order = rng.permutation(len(shares.examples))
    order = order[np.argsort(shares.groups[order], kind="stable")]
    ends = np.cumsum(shares.examples[order])
    places = (np.arange(count) + start) / max(1, count) * ends[-1]
    # Rounding may put the last place on the end of all.
    last = int(np.flatnonzero(shares.examples[order])[-1])
    drawn: np.ndarray = order[np.minimum(np.searchsorted(ends, places, side="right"), last)]
    return drawn


def _by_appearance(classes: np.ndarray) -> np.ndarray:
    """The classes (r,) numbered in the order in which they first come, whatever their names."""
    _, first, which = np.unique(classes, return_index=True, return_inverse=True)
    ranks = np.argsort(np.argsort(first))
    numbered: np.ndarray = ranks[which]
    return numbered


def _even_examples(groups: np.ndarray) -> np.ndarray:
    """(n,) shares of examples of one class each (n,), -1 where it is unknown."""
    count, known = len(groups), groups >= 0
    sizes = np.bincount(groups[known])
    most = MOST_REPEATS * sizes / count
    part = known.mean()
    # What one class may not have goes to the others alike, the smallest classes first.
    given, order = np.empty(len(sizes)), np.argsort(most, kind="stable")
    left = part
    for place, j in enumerate(order):
        given[j] = min(most[j], left / (len(sizes) - place))
        left -= given[j]
    shares = np.full(count, 1.0 / count)
    shares[known] = (given / sizes)[groups[known]]
    normalised: np.ndarray = shares / shares.sum()
    return normalised
