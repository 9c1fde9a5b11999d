"""Sets of sentences whose words come near a wanted prior of tags.

Nobody can choose the tags of a sentence one by one, so a prior is approached: sentences are drawn
with the probabilities of greatest entropy at which the expected balance is the wanted one, and
then exchanged while that brings the balance nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.special

from isogloss.labelshift.checks import Floats, Integers

_NEWTON_STEPS = 40
# Keeps the probabilities off 0 and 1 where a prior is out of reach.
_RIDGE = 1e-3
# Exchanges that are tried at a time, and how often in vain before it is left at that.
_INSIDE, _OUTSIDE, _VAIN = 16, 96, 6
_MOST_EXCHANGES = 400
# A gain of less than this share of the distance is in vain: the prior is out of reach.
_LEAST_GAIN = 0.002


@dataclass(frozen=True, kw_only=True)
class Tagged:
    """Sentences as numbers of words by tag, equal ones together.

    Attributes:
        counts: (n, k) words of each tag in each sentence.
        kinds: (u, k) the different rows of `counts`.
        kind_of: (n,) which of them each sentence has.
        of_kind: (u,) sentences of each kind.
    """

    counts: Floats
    kinds: Floats
    kind_of: Integers
    of_kind: Integers

    @classmethod
    def of(cls, counts: npt.ArrayLike) -> Tagged:
        """Bundle sentences by their counts (n, k)."""
        array = np.asarray(counts, dtype=np.float64)
        kinds, kind_of, of_kind = np.unique(array, axis=0, return_inverse=True, return_counts=True)
        return cls(counts=array, kinds=kinds, kind_of=kind_of.reshape(-1), of_kind=of_kind)


def choose_sentences(
    tagged: Tagged, prior: npt.ArrayLike, size: int, *, rng: np.random.Generator, near: float = 1.0
) -> npt.NDArray[np.bool_]:
    """Choose sentences, without replacement, whose words come near a prior.

    Args:
        tagged: the n sentences.
        prior: (k,) wanted share of each tag among the words.
        size: sentences to choose, 1 to n.
        rng: where the randomness comes from.
        near: total variation, 0 to 1, that is near enough; at 1 no sentences are exchanged.

    Returns:
        (n,) which sentences are chosen; exactly `size`.
    """
    wanted = np.asarray(prior, dtype=np.float64)
    chances = inclusion_chances(tagged, wanted, size)
    chosen = _draw(chances, size, rng)
    return exchange(tagged.counts, chosen, wanted, rng=rng, near=near)


def inclusion_chances(tagged: Tagged, prior: Floats, size: int) -> Floats:
    """The chances of greatest entropy that sum to `size` and expect `prior` among the words.

    Args:
        tagged: the n sentences.
        prior: (k,).
        size: 1 to n.

    Returns:
        (n,) in 0..1: a logistic function of each sentence's surplus of each tag. Where the prior
        is out of reach, they lean as far towards it as a light penalty lets them.
    """
    if size >= len(tagged.counts):
        return np.ones(len(tagged.counts))
    surplus = tagged.kinds - tagged.kinds.sum(axis=1, keepdims=True) * prior
    scale = max(1.0, float(np.abs(surplus).max()))
    design = np.hstack([np.ones((len(surplus), 1)), surplus / scale])
    goal = np.zeros(design.shape[1])
    goal[0] = size
    ridge = np.full(design.shape[1], _RIDGE * size)
    ridge[0] = 0.0
    place = np.zeros(design.shape[1])
    place[0] = scipy.special.logit(size / len(tagged.counts))

    def objective(at: Floats) -> float:
        total = tagged.of_kind @ np.logaddexp(0.0, design @ at)
        return float(total - goal @ at + 0.5 * ridge @ at**2)

    value = objective(place)
    for _ in range(_NEWTON_STEPS):
        chances = scipy.special.expit(design @ place)
        slope = design.T @ (tagged.of_kind * chances) - goal + ridge * place
        if np.abs(slope).max() < 1e-4 * size:
            break
        weight = tagged.of_kind * chances * (1.0 - chances)
        curvature = (design.T * weight) @ design + np.diag(ridge) + 1e-9 * np.eye(len(place))
        step = np.linalg.solve(curvature, slope)
        length = 1.0
        while (new := objective(place - length * step)) > value and length > 1e-6:
            length /= 2
        if new >= value:
            break
        place, value = place - length * step, new
    return scipy.special.expit(design @ place)[tagged.kind_of]


def exchange(
    counts: Floats,
    chosen: npt.NDArray[np.bool_],
    prior: Floats,
    *,
    rng: np.random.Generator,
    near: float,
) -> npt.NDArray[np.bool_]:
    """Exchange chosen sentences for others while that brings the balance nearer.

    Args:
        counts: (n, k) words of each tag in each sentence.
        chosen: (n,) which are chosen.
        prior: (k,) wanted.
        rng: picks what is tried.
        near: total variation that is near enough.

    Returns:
        (n,) a choice of as many sentences, no farther from the prior.
    """
    chosen = chosen.copy()
    inside, outside = np.flatnonzero(chosen), np.flatnonzero(~chosen)
    if not inside.size or not outside.size:
        return chosen
    total, vain = counts[inside].sum(axis=0), 0
    distance = float(_distance(total, prior))
    for _ in range(_MOST_EXCHANGES):
        if distance <= near or vain >= _VAIN:
            break
        # Positions, not sentences, so that both lists can be changed in place.
        out = rng.integers(0, inside.size, min(_INSIDE, inside.size))
        into = rng.integers(0, outside.size, min(_OUTSIDE, outside.size))
        totals = total - counts[inside[out], None] + counts[outside[into]][None]
        distances = _distance(totals, prior)
        best = np.unravel_index(int(np.argmin(distances)), distances.shape)
        vain = vain + 1 if distances[best] > (1.0 - _LEAST_GAIN) * distance else 0
        if distances[best] >= distance:
            continue
        distance, total = float(distances[best]), totals[best]
        one, other = out[best[0]], into[best[1]]
        inside[one], outside[other] = outside[other], inside[one]
    chosen[:] = False
    chosen[inside] = True
    return chosen


def _distance(totals: Floats, prior: Floats) -> Floats:
    """Total variation between the balance of totals (..., k) and a prior; 1 without any word."""
    words = totals.sum(axis=-1, keepdims=True)
    shares = totals / np.maximum(words, 1.0)
    distance = 0.5 * np.abs(shares - prior).sum(axis=-1)
    return np.where(words[..., 0] > 0, distance, 1.0)


def _draw(chances: Floats, size: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw exactly `size` with the given chances, systematically over a random order."""
    order = rng.permutation(len(chances))
    edges = np.cumsum(chances[order])
    marks = (np.arange(size) + rng.random()) * edges[-1] / size
    chosen = np.zeros(len(chances), dtype=bool)
    chosen[order[np.minimum(np.searchsorted(edges, marks, side="right"), len(order) - 1)]] = True
    # A chance of nearly 1 can be hit twice.
    missing = size - int(chosen.sum())
    if missing:
        chosen[rng.permutation(np.flatnonzero(~chosen))[:missing]] = True
    return chosen
