"""Rows of a labelled file at another class balance, as many as there can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.optimize
import scipy.sparse

from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import Floats, Integers
from isogloss.study.plans import check_available
from isogloss.study.priors import largest_size, row_counts
from isogloss.study.sentences import Tagged, choose_sentences, exchange

# Of the tolerance, what choosing the most sentences may use up; whole sentences need the rest.
_SLACK = 0.25
_EXACT = 1e-9
_SHARES_SHOWN = 8


def resample_rows(
    labels: npt.ArrayLike,
    prior: npt.ArrayLike,
    *,
    names: Sequence[str],
    size: int | None = None,
    seed: int = 0,
    where: str = "the data",
) -> Integers:
    """Choose rows at a prior, without replacement.

    Args:
        labels: (n,) class ids in 0..k-1.
        prior: (k,) wanted.
        names: the k labels, for messages.
        size: rows to choose; None for as many as there can be.
        seed: decides which rows of a class.
        where: what a message calls the data.

    Returns:
        The chosen rows, sorted. Each class has its share to within a row.

    Raises:
        IsoglossError: E723 where the rows do not suffice, E730 for a size that cannot be.

    References:
        Xian, Ji & Zhao, ICLR 2022, appendix A.1.1.
    """
    ids, shares = np.asarray(labels), np.asarray(prior, dtype=np.float64)
    available = np.bincount(ids, minlength=len(shares))
    wanted = largest_size(shares, available) if size is None else size
    if size is not None and not 1 <= size <= len(ids):
        raise IsoglossError("E730", size=size, rows=len(ids), where=where)
    check_available(shares, available, max(1, wanted), names=names, where=where)
    rng = np.random.default_rng((seed, 12))
    counts = row_counts(shares[None], wanted)[0]
    parts = [rng.permutation(np.flatnonzero(ids == j))[:count] for j, count in enumerate(counts)]
    return np.sort(np.concatenate(parts))


def resample_sentences(
    totals: npt.ArrayLike,
    prior: npt.ArrayLike,
    *,
    names: Sequence[str],
    size: int | None = None,
    tolerance: float = 0.01,
    seed: int = 0,
    where: str = "the data",
) -> Integers:
    """Choose sentences whose words come near a prior of tags, without replacement.

    Args:
        totals: (n, k) words of each tag in each sentence.
        prior: (k,) wanted among the words.
        names: the k tags, for messages.
        size: sentences to choose, drawn with the chances of greatest entropy and then exchanged;
            None for as many as there can be, found by a linear program, in which only the choice
            among sentences with the same numbers of tags is left to chance.
        tolerance: the largest total variation from the prior that is accepted, in 0..1.
        seed: of every random choice.
        where: what a message calls the data.

    Returns:
        The chosen sentences, sorted.

    Raises:
        IsoglossError: E724 where no sentences come as near, E730 for a size that cannot be.
    """
    tagged, shares = Tagged.of(totals), np.asarray(prior, dtype=np.float64)
    rng = np.random.default_rng((seed, 12))
    near = 0.5 * tolerance
    if size is None:
        amounts = _most_of_each(tagged, shares, _SLACK * tolerance)
        chosen = _draw_kinds(tagged, amounts, rng)
        if not chosen.any():
            # Fractions of a few sentences: as many whole ones, whatever they come to.
            few = max(1, round(float(amounts.sum())))
            chosen = choose_sentences(tagged, shares, few, rng=rng)
        chosen = exchange(tagged.counts, chosen, shares, rng=rng, near=near)
    elif not 1 <= size <= len(tagged.counts):
        raise IsoglossError("E730", size=size, rows=len(tagged.counts), where=where)
    else:
        chosen = choose_sentences(tagged, shares, size, rng=rng, near=near)
    reached = tagged.counts[chosen].sum(axis=0)
    reached = reached / max(1.0, float(reached.sum()))
    distance = float(0.5 * np.abs(reached - shares).sum())
    if distance > tolerance:
        if size is None and (best := nearest_balance(tagged, shares))[0] > tolerance:
            distance, reached = best
        raise _out_of_reach(reached, distance, tolerance, names=names, where=where)
    return np.flatnonzero(chosen)


def nearest_balance(tagged: Tagged, prior: Floats) -> tuple[float, Floats]:
    """How near any number of sentences, repeated at will, can come to a prior.

    Args:
        tagged: the sentences.
        prior: (k,).

    Returns:
        The least total variation, and the balance (k,) at which it is reached.
    """
    words = tagged.kinds.sum(axis=1)
    size = len(prior)
    # Weights q of the kinds, scaled to one word in all, and the surplus split by its sign.
    surplus = (tagged.kinds - words[:, None] * prior).T
    split = np.hstack([-np.eye(size), np.eye(size)])
    found = scipy.optimize.linprog(
        np.concatenate([np.zeros(len(words)), np.full(2 * size, 0.5)]),
        A_eq=scipy.sparse.csr_array(
            np.vstack([np.hstack([surplus, split]), np.append(words, np.zeros(2 * size))[None]])
        ),
        b_eq=np.append(np.zeros(size), 1.0),
        method="highs",
    )
    weights = found.x[: len(words)]
    return float(found.fun), np.asarray(weights @ tagged.kinds)


def _most_of_each(tagged: Tagged, prior: Floats, tolerance: float) -> Floats:
    """(u,) how many sentences of each kind, fractions allowed, make the most within a distance."""
    words = tagged.kinds.sum(axis=1)
    size = len(prior)
    surplus = (tagged.kinds - words[:, None] * prior).T
    split = np.hstack([-np.eye(size), np.eye(size)])
    found = scipy.optimize.linprog(
        np.concatenate([-np.ones(len(words)), np.zeros(2 * size)]),
        A_eq=scipy.sparse.csr_array(np.hstack([surplus, split])),
        b_eq=np.zeros(size),
        A_ub=np.concatenate([-2.0 * tolerance * words, np.ones(2 * size)])[None],
        b_ub=np.zeros(1),
        bounds=[*((0.0, float(most)) for most in tagged.of_kind), *[(0.0, None)] * (2 * size)],
        method="highs",
    )
    return np.asarray(found.x[: len(words)])


def _draw_kinds(tagged: Tagged, amounts: Floats, rng: np.random.Generator) -> np.ndarray:
    """(n,) a random choice with the whole part of so many sentences of each kind."""
    order = rng.permutation(len(tagged.counts))
    by_kind = order[np.argsort(tagged.kind_of[order], kind="stable")]
    first = np.concatenate([[0], np.cumsum(tagged.of_kind)[:-1]])
    place = np.arange(len(by_kind)) - first[tagged.kind_of[by_kind]]
    chosen = np.zeros(len(by_kind), dtype=bool)
    chosen[by_kind] = place < np.floor(amounts + _EXACT)[tagged.kind_of[by_kind]]
    return chosen


def _out_of_reach(
    reached: Floats, distance: float, tolerance: float, *, names: Sequence[str], where: str
) -> IsoglossError:
    """E724 with the balance that was reached, its largest shares at least."""
    largest = np.sort(np.argsort(-reached, kind="stable")[:_SHARES_SHOWN])
    shares = ", ".join(f"{names[j]}={reached[j]:.3f}" for j in largest)
    return IsoglossError(
        "E724", where=where, distance=round(distance, 4), tolerance=tolerance, reached=shares
    )
