"""Read a sample review back into its phrases, and give its exact likelihood under every class."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from isogloss.data.reviews.design import (
    DOMAINS,
    FILLER_PROBABILITY,
    LEVEL_GIVEN_STARS,
    PHRASE_COUNTS,
    STARS,
    Domain,
)
from isogloss.data.reviews.lexicon import Lexicon, load_lexicon
from isogloss.errors import IsoglossError


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What a review says.

    Attributes:
        aspects: the aspect of each phrase, in order.
        levels: the level of each phrase, 0 (awful) to 4 (wonderful), in order.
        filler: the neutral sentence, where there is one.
        log_base: log P(everything but the levels), the same for all stars.
    """

    aspects: tuple[str, ...]
    levels: tuple[int, ...]
    filler: str | None
    log_base: float


def log_likelihood(texts: Iterable[str], language: str) -> np.ndarray:
    """Return the exact log P(text | stars) of sample reviews.

    Args:
        texts: n reviews as `sample_reviews` wrote them.
        language: their language, one of `LANGUAGES`.

    Returns:
        Natural logarithms, shape (n, 5), columns stars 1 to 5.

    Raises:
        IsoglossError: E180 unknown language, E183 unknown sentence, E184 a composition that is
            never drawn.
    """
    reviews = parse(texts, language)
    base = np.array([review.log_base for review in reviews]).reshape(-1, 1)
    return base + level_counts(reviews) @ np.log(LEVEL_GIVEN_STARS).T


def level_counts(reviews: list[Parsed]) -> np.ndarray:
    """Return how many phrases of each level each review has, shape (n, 5)."""
    rows = [np.bincount(review.levels, minlength=len(STARS)) for review in reviews]
    return np.array(rows, dtype=float).reshape(-1, len(STARS))


def parse(texts: Iterable[str], language: str) -> list[Parsed]:
    """Take reviews apart into aspects, levels and neutral sentence.

    Args:
        texts: n reviews as `sample_reviews` wrote them.
        language: their language, one of `LANGUAGES`.

    Returns:
        One `Parsed` per review, in order.

    Raises:
        IsoglossError: E180 unknown language, E183 unknown sentence, E184 a composition that is
            never drawn.
    """
    lexicon = load_lexicon(language)
    fillers = {text for group in lexicon.fillers.values() for text in group}
    return [
        _parse_one(text, lexicon, fillers, language=language, row=row)
        for row, text in enumerate(texts, start=1)
    ]


def split(text: str, separator: str) -> list[str]:
    """Cut a review after each closing mark; inverse of joining sentences with `separator`."""
    pieces = re.split(r"(?<=[.!?。！？])" + re.escape(separator), text)
    return [piece for piece in pieces if piece]


def _parse_one(
    text: str, lexicon: Lexicon, fillers: set[str], *, language: str, row: int
) -> Parsed:
    sentences = split(text, lexicon.separator) if isinstance(text, str) else [text]
    for sentence in sentences:
        if sentence not in lexicon.phrases and sentence not in fillers:
            raise IsoglossError("E183", row=row, sentence=sentence, language=language)
    neutral = [sentence for sentence in sentences if sentence in fillers]
    phrases = [lexicon.phrases[sentence] for sentence in sentences if sentence not in fillers]
    aspects = tuple(phrase.aspect for phrase in phrases)
    filler = neutral[0] if neutral else None
    composition = sum(_composition(domain, aspects, filler, lexicon) for domain in DOMAINS)
    if composition == 0 or len(neutral) > 1:
        raise IsoglossError("E184", row=row)
    return Parsed(
        aspects=aspects,
        levels=tuple(phrase.level for phrase in phrases),
        filler=filler,
        log_base=math.log(composition) + sum(phrase.log_probability for phrase in phrases),
    )


def _composition(
    domain: Domain, aspects: tuple[str, ...], filler: str | None, lexicon: Lexicon
) -> float:
    """Return P(domain, number of phrases, their aspects in order, filler and its place)."""
    count, distinct = len(aspects), set(aspects)
    if count not in PHRASE_COUNTS or len(distinct) < count or not distinct <= set(domain.aspects):
        return 0.0
    orders = math.perm(len(domain.aspects), count)
    probability = 1 / (len(DOMAINS) * len(PHRASE_COUNTS) * orders)
    if filler is None:
        return probability * (1 - FILLER_PROBABILITY)
    suited = lexicon.domain_fillers(domain)
    share = suited.count(filler) / len(suited)
    return probability * FILLER_PROBABILITY * share / (count + 1)
