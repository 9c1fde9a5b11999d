"""Parsing inverts the generator, and the likelihood is the exact probability of the text."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isogloss.data.reviews import LANGUAGES, LEVEL_GIVEN_STARS, log_likelihood, sample_reviews
from isogloss.data.reviews.design import DOMAINS
from isogloss.data.reviews.lexicon import load_lexicon
from isogloss.data.reviews.parsing import parse, split
from isogloss.errors import IsoglossError


@pytest.mark.parametrize("language", LANGUAGES)
def test_splitting_inverts_joining(language):
    lexicon = load_lexicon(language)
    sentences = [*lexicon.phrases, *lexicon.domain_fillers(DOMAINS[0])]
    assert split(lexicon.separator.join(sentences), lexicon.separator) == sentences


@pytest.mark.parametrize("language", LANGUAGES)
def test_parsing_inverts_generation(language):
    lexicon = load_lexicon(language)
    texts = sample_reviews(language, 300, seed=8)["text"][:]
    for text, review in zip(texts, parse(texts, language), strict=True):
        sentences = split(text, lexicon.separator)
        assert len(sentences) == len(review.levels) + (review.filler is not None)
        phrases = [sentence for sentence in sentences if sentence != review.filler]
        for phrase, aspect, level in zip(phrases, review.aspects, review.levels, strict=True):
            assert phrase in lexicon.written[aspect, level] + lexicon.filled[aspect, level]


def test_likelihood_of_a_text_worked_out_by_hand():
    # Only a device has a battery. Two of its five aspects in order; the filler is one of 14.
    text = "It charges nice and quickly. I chose the blue one. The price is okay."
    lexicon = load_lexicon("en")
    written = 0.5 / len(lexicon.written["battery", 3])
    filled = 0.5 / len(lexicon.filled["price", 2])
    base = (1 / 4) * (1 / 3) * (1 / 20) * (0.5 / 14 / 3) * written * filled
    expected = np.log(base * LEVEL_GIVEN_STARS[:, 3] * LEVEL_GIVEN_STARS[:, 2])
    np.testing.assert_allclose(log_likelihood([text], "en"), expected[None], rtol=1e-12)


def test_likelihood_adds_up_over_the_domains_a_text_fits():
    # Fits device (5 aspects) and garment (4), not hotel or restaurant.
    text = "The price is fair. It arrived on time and well packed."
    lexicon = load_lexicon("en")
    phrases = [0.5 / len(lexicon.written[aspect, 3]) for aspect in ("price", "delivery")]
    base = (1 / 4) * (1 / 3) * (1 / 20 + 1 / 12) * 0.5 * math.prod(phrases)
    expected = np.log(base * LEVEL_GIVEN_STARS[:, 3] ** 2)
    np.testing.assert_allclose(log_likelihood([text], "en"), expected[None], rtol=1e-12)


@pytest.mark.parametrize("language", ["es", "ja"])
def test_likelihood_ratio_has_mean_one(language):
    # E[P(text | other stars) / P(text | stars)] over texts of those stars is exactly 1.
    texts = sample_reviews(language, 6000, prior=(0, 0, 1, 0, 0), seed=6)["text"]
    ratios = np.exp(np.diff(log_likelihood(texts, language)[:, [2, 3]], axis=1))
    assert abs(ratios.mean() - 1) < 4.5 * ratios.std() / math.sqrt(len(ratios))


def test_no_text_gives_no_rows():
    assert log_likelihood([], "en").shape == (0, 5)


@pytest.mark.parametrize(
    "text",
    [
        "The price is fair. What a lovely day.",
        "The price is fair.It arrived on time and well packed.",
        "the price is fair. It arrived on time and well packed.",
        "Der Preis ist fair. Das Paket war erfreulich schnell da.",
        "{row} {0.__class__} %s",
        None,
    ],
)
def test_an_unknown_sentence_is_a_coded_error_with_its_row(text):
    with pytest.raises(IsoglossError, match="Text 2 ") as caught:
        log_likelihood(["The price is fair. It fits well.", text], "en")
    assert caught.value.code == "E183"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The price is fair.",
        "That was in March.",
        "The price is fair. The price is okay.",
        "It fits well. We slept well.",
        "It fits well. The price is fair. We came by train.",
        "It fits well. The price is fair. That was in March. I found it on the internet.",
        "The battery is okay. The sound is okay. The screen is okay. The price is okay. "
        "The delivery is okay.",
    ],
)
def test_an_impossible_composition_is_a_coded_error(text):
    with pytest.raises(IsoglossError, match="Text 1 ") as caught:
        parse([text], "en")
    assert caught.value.code == "E184"


def test_an_unknown_language_is_a_coded_error():
    with pytest.raises(IsoglossError) as caught:
        log_likelihood(["The price is fair. It fits well."], "english")
    assert caught.value.code == "E180"
