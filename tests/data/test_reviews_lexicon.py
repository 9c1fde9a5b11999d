"""The sentences of the sample reviews: complete, unambiguous, and neutral where they should be."""

from __future__ import annotations

from collections import Counter
from itertools import chain, combinations

import pytest

from isogloss.data import reviews
from isogloss.data.reviews.design import DOMAINS, STARS
from isogloss.data.reviews.lexicon import load_lexicon, read_raw
from isogloss.errors import IsoglossError

ASPECTS = {aspect for domain in DOMAINS for aspect in domain.aspects}
CLOSING = set(".!?。！？")

every_language = pytest.mark.parametrize("language", reviews.LANGUAGES)


def all_sentences(language: str) -> list[str]:
    lexicon = load_lexicon(language)
    cells = (*lexicon.written.values(), *lexicon.filled.values(), *lexicon.fillers.values())
    return list(chain.from_iterable(cells))


@every_language
def test_every_aspect_has_phrases_of_every_level(language):
    lexicon = load_lexicon(language)
    cells = {(aspect, level) for aspect in ASPECTS for level in range(len(STARS))}
    assert set(lexicon.written) == set(lexicon.filled) == cells
    assert min(len(texts) for texts in lexicon.written.values()) >= 3
    assert min(len(texts) for texts in lexicon.filled.values()) >= 12


@every_language
def test_every_domain_has_enough_neutral_sentences(language):
    lexicon = load_lexicon(language)
    assert min(len(lexicon.domain_fillers(domain)) for domain in DOMAINS) >= 12


@every_language
def test_no_sentence_occurs_twice(language):
    repeated = [text for text, count in Counter(all_sentences(language)).items() if count > 1]
    assert repeated == []


def test_no_sentence_occurs_in_two_languages():
    for one, other in combinations(reviews.LANGUAGES, 2):
        assert not set(all_sentences(one)) & set(all_sentences(other))


@every_language
def test_a_sentence_closes_once_and_at_its_end(language):
    for text in all_sentences(language):
        assert text[-1] in CLOSING, text
        assert not CLOSING & set(text[:-1]), text
        assert text == " ".join(text.split()), text
        assert "<" not in text, text


@every_language
def test_sentences_of_alphabetic_languages_begin_with_a_capital(language):
    if load_lexicon(language).separator:
        assert all(text.lstrip("¡")[0].isupper() for text in all_sentences(language))


@every_language
def test_a_file_has_nothing_that_is_never_used(language):
    raw = read_raw(language)
    groups = {group for domain in DOMAINS for group in domain.fillers}
    assert set(raw) == {"separator", "nouns", "templates", "phrases", "fillers"}
    assert set(raw["nouns"]) == set(raw["phrases"]) == ASPECTS
    assert set(raw["fillers"]) == groups
    for levels in (raw["templates"], *raw["phrases"].values()):
        assert list(levels) == [1, 2, 3, 4, 5]


def test_no_neutral_sentence_speaks_of_an_aspect():
    raw = read_raw("en")
    nouns = {noun.split()[-1] for names in raw["nouns"].values() for noun in names}
    words = {
        word.strip(".").lower() for text in chain(*raw["fillers"].values()) for word in text.split()
    }
    assert not nouns & words


def test_languages_lists_the_six():
    assert reviews.languages() == reviews.LANGUAGES == ("en", "de", "es", "fr", "ja", "zh")


def test_an_unknown_language_is_a_coded_error():
    with pytest.raises(IsoglossError, match=r"'xx'.*en, de, es, fr, ja, zh") as caught:
        load_lexicon("xx")
    assert caught.value.code == "E180"
