"""Draw sample reviews from the known distribution of texts and stars."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import numpy as np

from isogloss.data.reviews.design import (
    DOMAINS,
    FILLER_PROBABILITY,
    LEVEL_GIVEN_STARS,
    PHRASE_COUNTS,
    STARS,
    WRITTEN_PROBABILITY,
    check_prior,
)
from isogloss.data.reviews.lexicon import Cell, Lexicon, load_lexicon
from isogloss.errors import IsoglossError

# Where each decision of a review finds its uniform number; a fixed width per review makes a smaller
# sample the beginning of a larger one.
_STAR, _DOMAIN, _COUNT, _FILLER, _FILLER_TEXT, _FILLER_PLACE = range(6)
_ORDER, _LEVEL, _VARIANT = slice(6, 11), slice(11, 15), slice(15, 19)
_WIDTH = 19


def sample_reviews(
    language: str,
    size: int,
    *,
    prior: Sequence[float] | np.ndarray | None = None,
    seed: int,
    labels: bool = True,
) -> datasets.Dataset:
    """Draw independent reviews with their stars.

    The same arguments give the same reviews on every machine, and a smaller `size` gives the
    beginning of a larger one. The same seed gives unrelated reviews in two languages.

    Args:
        language: one of `LANGUAGES`.
        size: number of reviews, at least 1.
        prior: P(stars), shape (5,), stars 1 to 5, sums to 1; None is balanced. See `PRIORS`.
        seed: a whole number, at least 0.
        labels: whether to keep the stars.

    Returns:
        A data set of `size` rows with the columns `text` and, with `labels`, `label` ("1" to "5").

    Raises:
        IsoglossError: E180 unknown language, E181 bad prior, E182 bad size, E185 bad seed.
    """
    lexicon = load_lexicon(language)
    probabilities = check_prior(prior)
    _check_whole("E182", size, minimum=1)
    _check_whole("E185", seed, minimum=0)
    draws = _generator(language, seed).random((size, _WIDTH))
    stars = _draw_stars(draws[:, _STAR], probabilities)
    pairs = zip(stars.tolist(), draws.tolist(), strict=True)
    columns = {"text": [_write(lexicon, star, row) for star, row in pairs]}
    if labels:
        columns["label"] = [STARS[star] for star in stars.tolist()]
    features = datasets.Features({name: datasets.Value("string") for name in columns})
    return datasets.Dataset.from_dict(columns, features=features)


def _check_whole(code: str, value: object, *, minimum: int) -> None:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < minimum:  # type: ignore[operator]
        raise IsoglossError(code, value=value)


def _generator(language: str, seed: int) -> np.random.Generator:
    entropy = (int(seed), int.from_bytes(language.encode("ascii"), "big"))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def _draw_stars(uniforms: np.ndarray, prior: np.ndarray) -> np.ndarray:
    last = int(np.flatnonzero(prior)[-1])
    return np.minimum(np.searchsorted(np.cumsum(prior), uniforms, side="right"), last)


def _write(lexicon: Lexicon, star: int, draws: list[float]) -> str:
    """Write one review of `star` (0 to 4) from its `_WIDTH` uniform numbers."""
    domain = DOMAINS[_pick(draws[_DOMAIN], len(DOMAINS))]
    count = PHRASE_COUNTS[_pick(draws[_COUNT], len(PHRASE_COUNTS))]
    keys = draws[_ORDER]
    order = sorted(range(len(domain.aspects)), key=keys.__getitem__)[:count]
    sentences = []
    for index, to_level, to_variant in zip(order, draws[_LEVEL], draws[_VARIANT], strict=False):
        level = min(int(np.searchsorted(_LEVEL_STEPS[star], to_level, side="right")), 4)
        sentences.append(_phrase(lexicon, (domain.aspects[index], level), to_variant))
    if draws[_FILLER] < FILLER_PROBABILITY:
        fillers = lexicon.domain_fillers(domain)
        filler = fillers[_pick(draws[_FILLER_TEXT], len(fillers))]
        sentences.insert(_pick(draws[_FILLER_PLACE], count + 1), filler)
    return lexicon.separator.join(sentences)


def _phrase(lexicon: Lexicon, cell: Cell, uniform: float) -> str:
    if uniform < WRITTEN_PROBABILITY:
        variants, rest = lexicon.written[cell], uniform / WRITTEN_PROBABILITY
    else:
        variants = lexicon.filled[cell]
        rest = (uniform - WRITTEN_PROBABILITY) / (1 - WRITTEN_PROBABILITY)
    return variants[_pick(rest, len(variants))]


def _pick(uniform: float, count: int) -> int:
    """Return one of 0 .. count - 1, each as likely as the others."""
    return min(int(uniform * count), count - 1)


_LEVEL_STEPS = np.cumsum(LEVEL_GIVEN_STARS, axis=1)
