"""The Bayes-optimal classifier of the sample reviews and its exact scores under any class balance.

A text tells of the stars only through how many of its phrases have each level, so every score is
a finite sum over the few multisets of levels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np

from isogloss.data.reviews.design import LEVEL_GIVEN_STARS, PHRASE_COUNTS, STARS, check_prior
from isogloss.data.reviews.parsing import level_counts, parse

# Scores closer than this many decimals are equal; the lower number of stars then wins.
_DECIMALS = 9


def bayes_predict(
    texts: Iterable[str], language: str, prior: Sequence[float] | np.ndarray | None = None
) -> np.ndarray:
    """Return the most probable stars of each review; no classifier has a higher expected accuracy.

    Args:
        texts: n reviews as `sample_reviews` wrote them.
        language: their language, one of `LANGUAGES`.
        prior: P(stars) of the population, shape (5,), sums to 1; None is balanced.

    Returns:
        Labels "1" to "5", shape (n,).

    Raises:
        IsoglossError: E180 unknown language, E181 bad prior, E183 or E184 a text of another origin.
    """
    probabilities = check_prior(prior)
    counts = level_counts(parse(texts, language))
    return np.array(STARS)[_decide(counts, probabilities)]


def bayes_confusion(prior: Sequence[float] | np.ndarray | None = None) -> np.ndarray:
    """Return the exact joint distribution of stars and Bayes-optimal prediction.

    Args:
        prior: P(stars), shape (5,), sums to 1; None is balanced.

    Returns:
        P(stars = i, prediction = j), shape (5, 5); the rows sum to the prior, the whole to 1.

    Raises:
        IsoglossError: E181 bad prior.
    """
    probabilities = check_prior(prior)
    counts, likelihood = _multisets()
    predicted = np.eye(len(STARS))[_decide(counts, probabilities)]
    return probabilities[:, None] * (likelihood @ predicted)


def bayes_accuracy(prior: Sequence[float] | np.ndarray | None = None) -> float:
    """Return the highest expected accuracy that any classifier can reach.

    Args:
        prior: P(stars), shape (5,), sums to 1; None is balanced.

    Returns:
        The exact accuracy, 0 to 1.

    Raises:
        IsoglossError: E181 bad prior.
    """
    return float(np.trace(bayes_confusion(prior)))


def bayes_macro_f1(prior: Sequence[float] | np.ndarray | None = None) -> float:
    """Return the macro-F1 of the classifier with the highest accuracy, from its exact confusion.

    It is not the highest macro-F1 there is: that belongs to a rule that favours rare classes.

    Args:
        prior: P(stars), shape (5,), sums to 1; None is balanced. Classes of probability 0 do not
            count.

    Returns:
        The mean over classes of 2 TP / (actual + predicted), 0 to 1.

    Raises:
        IsoglossError: E181 bad prior.
    """
    confusion = bayes_confusion(prior)
    present = confusion.sum(axis=1) > 0
    totals = (confusion.sum(axis=0) + confusion.sum(axis=1))[present]
    return float(np.mean(2 * np.diag(confusion)[present] / totals))


def _decide(counts: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return the index of the most probable stars for counts of levels, (n, 5) -> (n,)."""
    with np.errstate(divide="ignore"):
        log_prior = np.log(prior)
    scores = counts @ np.log(LEVEL_GIVEN_STARS).T + log_prior
    return np.round(scores, _DECIMALS).argmax(axis=1)


@lru_cache(maxsize=1)
def _multisets() -> tuple[np.ndarray, np.ndarray]:
    """Return every count of levels, (m, 5), and its probability given the stars, (5, m)."""
    levels = range(len(STARS))
    multisets = [
        np.bincount(chosen, minlength=len(STARS))
        for size in PHRASE_COUNTS
        for chosen in combinations_with_replacement(levels, size)
    ]
    counts = np.array(multisets, dtype=float)
    orders = np.array([_multinomial(row.tolist()) for row in multisets])
    powers = np.prod(LEVEL_GIVEN_STARS[:, None, :] ** counts[None], axis=2)
    return counts, orders * powers / len(PHRASE_COUNTS)


def _multinomial(counts: list[int]) -> int:
    return math.factorial(sum(counts)) // math.prod(map(math.factorial, counts))
