"""Rows of a corpus that a specification takes: parts, skewed sources, targets at other balances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from isogloss.errors import IsoglossError
from isogloss.study.sentences import Tagged, choose_sentences

# The spread of the directions. Half of WikiANN's German validation sentences come to lie 0.05 to
# 0.25 from English in total variation by it; the paper's figure 3b has 0.1 to 0.3 on CoNLL.
_TILT = 1.0


def share_of_rows(rows: int, fraction: float, *, seed: int) -> np.ndarray:
    """Sorted indices of a random share of rows, at least one.

    Args:
        rows: there are.
        fraction: in (0, 1].
        seed: of the draw.
    """
    wanted = max(1, round(rows * fraction))
    return np.sort(np.random.default_rng((seed, 21)).permutation(rows)[:wanted])


def partition(rows: int, size: int, number: int, *, of: int, seed: int, name: str) -> np.ndarray:
    """Sorted indices of one of several disjoint random parts, the same for every caller.

    Args:
        rows: there are, in the same order in each language.
        size: of a part.
        number: of the part, from 0.
        of: parts in all.
        seed: of the draw.
        name: of the data.

    Raises:
        IsoglossError: E809 where there are not enough rows for all parts.
    """
    if of * size > rows:
        raise IsoglossError("E809", name=name, rows=rows, parts=of, size=size)
    order = np.random.default_rng((seed, 22)).permutation(rows)
    return np.sort(order[number * size : (number + 1) * size])


def at_prior(
    labels: Sequence[str],
    prior: Mapping[str, float],
    *,
    seed: int | tuple[int, ...],
    name: str,
    most: int | None = None,
) -> np.ndarray:
    """Sorted indices of rows at a class balance, without repeating any, as many as there can be.

    Args:
        labels: (n,) of the rows.
        prior: label -> share; the shares are made to sum to 1.
        seed: of the draw.
        name: of the data.
        most: rows, at most.

    Raises:
        IsoglossError: E810 where a class that is wanted has no row.
    """
    total = sum(prior.values())
    wanted = {label: share / total for label, share in prior.items() if share > 0}
    counts = Counter(labels)
    missing = [label for label in wanted if not counts[label]]
    if missing:
        raise IsoglossError("E810", name=name, label=missing[0])
    size = int(min(counts[label] / share for label, share in wanted.items()))
    size = min(size, most or size)
    rng = np.random.default_rng(seed)
    places = np.asarray(labels, dtype=object)
    chosen = [
        rng.permutation(np.flatnonzero(places == label))[: max(1, round(size * share))]
        for label, share in wanted.items()
    ]
    return np.sort(np.concatenate(chosen))


def random_prior(labels: Sequence[str], number: int, *, seed: int) -> dict[str, float]:
    """The class balance of a numbered set; every balance is as likely as any other.

    Args:
        labels: the classes.
        number: of the set.
        seed: of all sets.
    """
    shares = np.random.default_rng((seed, 23, number)).dirichlet(np.ones(len(labels)))
    return dict(zip(labels, shares.tolist(), strict=True))


def tilted_sentences(
    tags: Sequence[Sequence[str]], number: int, size: int, *, seed: int
) -> np.ndarray:
    """Sorted indices of sentences drawn so that the tags' balance moves in a random direction.

    The balance of greatest entropy that `isogloss.study` comes near is the tags' own, each share
    times `exp(s)`; s is a direction that all sets of this number have in common.

    Args:
        tags: of each sentence.
        number: of the set.
        size: sentences, at most; half of all where there are fewer than twice as many.
        seed: of all sets.
    """
    kinds = sorted({tag for sentence in tags for tag in sentence})
    place = {kind: at for at, kind in enumerate(kinds)}
    counts = np.zeros((len(tags), len(kinds)))
    for row, sentence in enumerate(tags):
        np.add.at(counts[row], [place[tag] for tag in sentence], 1.0)
    wanted = counts.sum(axis=0) * np.exp(_direction(kinds, number, seed))
    size = min(size, max(1, len(tags) // 2))
    rng = np.random.default_rng((seed, 25, number))
    chosen = choose_sentences(Tagged.of(counts), wanted / wanted.sum(), size, rng=rng)
    return np.flatnonzero(chosen)


def _direction(kinds: Sequence[str], number: int, seed: int) -> np.ndarray:
    # By name, so that a test set without some tag moves the same way as its training set.
    strengths = [
        np.random.default_rng((seed, 24, number, *kind.encode())).normal() for kind in kinds
    ]
    return _TILT * np.asarray(strengths)
