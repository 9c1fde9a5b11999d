"""The sentences of the sample reviews: one file per language, expanded once and kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from isogloss.data.reviews.design import STARS, WRITTEN_PROBABILITY, Domain
from isogloss.errors import IsoglossError

LANGUAGES: tuple[str, ...] = ("en", "de", "es", "fr", "ja", "zh")

# Aspect and level.
Cell = tuple[str, int]


@dataclass(frozen=True)
class Phrase:
    """What a phrase says: its aspect, its level, and log P(phrase | aspect, level)."""

    aspect: str
    level: int
    log_probability: float


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """All sentences of one language.

    Attributes:
        separator: what stands between two sentences.
        written: the phrases written for every (aspect, level), level 0 (awful) to 4 (wonderful).
        filled: the templates of every (aspect, level), filled with the nouns of the aspect.
        fillers: the neutral sentences of every group.
        phrases: what every phrase says.
    """

    separator: str
    written: Mapping[Cell, tuple[str, ...]]
    filled: Mapping[Cell, tuple[str, ...]]
    fillers: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, Phrase]

    def domain_fillers(self, domain: Domain) -> tuple[str, ...]:
        """Return the neutral sentences that suit `domain`, in a fixed order."""
        return tuple(text for group in domain.fillers for text in self.fillers[group])


def languages() -> tuple[str, ...]:
    """Return the codes of the languages that have sample reviews."""
    return LANGUAGES


@cache
def load_lexicon(language: str) -> Lexicon:
    """Read and expand the sentences of one language.

    Args:
        language: one of `LANGUAGES`.

    Returns:
        The lexicon, the same object at every call.

    Raises:
        IsoglossError: E180 for a language without sample reviews.
    """
    if language not in LANGUAGES:
        raise IsoglossError("E180", language=language, languages=", ".join(LANGUAGES))
    raw = read_raw(language)
    written, filled = _written(raw), _filled(raw)
    return Lexicon(
        separator=raw["separator"],
        written=written,
        filled=filled,
        fillers={group: tuple(texts) for group, texts in raw["fillers"].items()},
        phrases=_meanings(written, WRITTEN_PROBABILITY)
        | _meanings(filled, 1 - WRITTEN_PROBABILITY),
    )


def read_raw(language: str) -> dict[str, Any]:
    """Return the lexicon file of `language` as it is written."""
    folder = resources.files("isogloss.data.reviews").joinpath("lexicon")
    text = folder.joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def _written(raw: dict[str, Any]) -> dict[Cell, tuple[str, ...]]:
    return {
        (aspect, level): tuple(raw["phrases"][aspect][level + 1])
        for aspect in raw["nouns"]
        for level in range(len(STARS))
    }


def _filled(raw: dict[str, Any]) -> dict[Cell, tuple[str, ...]]:
    return {
        (aspect, level): tuple(
            _fill(p, noun) for p in raw["templates"][level + 1] for noun in nouns
        )
        for aspect, nouns in raw["nouns"].items()
        for level in range(len(STARS))
    }


def _meanings(cells: dict[Cell, tuple[str, ...]], probability: float) -> dict[str, Phrase]:
    """Map every phrase to what it says, where `probability` falls to each cell in equal shares."""
    return {
        text: Phrase(aspect, level, math.log(probability / len(texts)))
        for (aspect, level), texts in cells.items()
        for text in texts
    }


def _fill(pattern: str, noun: str) -> str:
    return pattern.replace("<Noun>", noun[0].upper() + noun[1:]).replace("<noun>", noun)
