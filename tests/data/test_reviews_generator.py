"""Drawing sample reviews: repeatable, and distributed as the design says."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.data.reviews import LANGUAGES, LEVEL_GIVEN_STARS, PRIORS, STARS, sample_reviews
from isogloss.data.reviews.design import PHRASE_COUNTS, check_prior
from isogloss.data.reviews.parsing import level_counts, parse
from isogloss.errors import IsoglossError

SIZE = 6000


@pytest.fixture(scope="module")
def drawn():
    dataset = sample_reviews("en", SIZE, seed=5)
    return np.array(dataset["label"]), parse(dataset["text"], "en")


def within(observed, expected, trials, *, sigmas=4.5):
    """Whether a share of `trials` lies within so many standard deviations of its expectation."""
    spread = np.sqrt(np.asarray(expected) * (1 - np.asarray(expected)) / trials)
    return bool((np.abs(np.asarray(observed) - expected) <= sigmas * spread + 1e-12).all())


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_seed_same_reviews_and_smaller_is_a_beginning(language):
    large = sample_reviews(language, 60, seed=3)
    assert large.to_dict() == sample_reviews(language, 60, seed=3).to_dict()
    assert large.select(range(20)).to_dict() == sample_reviews(language, 20, seed=3).to_dict()
    assert large["text"][:] != sample_reviews(language, 60, seed=4)["text"][:]


def test_the_draw_of_stars_is_the_same_on_every_machine():
    expected = "53413253221135311441"
    assert "".join(sample_reviews("en", 20, seed=0)["label"]) == expected


def test_columns():
    labelled = sample_reviews("de", 3, seed=0)
    unlabelled = sample_reviews("de", 3, seed=0, labels=False)
    assert labelled.column_names == ["text", "label"]
    assert set(labelled["label"]) <= set(STARS)
    assert unlabelled.column_names == ["text"]
    assert unlabelled["text"][:] == labelled["text"][:]


def test_languages_are_not_translations_row_by_row():
    stars = [sample_reviews(language, 200, seed=1)["label"][:] for language in LANGUAGES]
    aspects = [
        [
            review.aspects
            for review in parse(sample_reviews(language, 200, seed=1)["text"], language)
        ]
        for language in LANGUAGES
    ]
    for rows in (stars, aspects):
        for other in rows[1:]:
            assert np.mean([a == b for a, b in zip(rows[0], other, strict=True)]) < 0.4


@pytest.mark.parametrize("name", PRIORS)
def test_stars_follow_the_prior(name):
    labels = np.array(sample_reviews("fr", SIZE, prior=PRIORS[name], seed=2)["label"])
    shares = [(labels == star).mean() for star in STARS]
    assert within(shares, np.array(PRIORS[name]), SIZE)


def test_a_class_of_probability_zero_is_never_drawn():
    labels = sample_reviews("zh", 500, prior=(0, 0.5, 0.5, 0, 0), seed=2)["label"]
    assert set(labels) == {"2", "3"}


def test_levels_follow_the_table(drawn):
    labels, reviews = drawn
    counts = level_counts(reviews)
    for star, expected in zip(STARS, LEVEL_GIVEN_STARS, strict=True):
        total = counts[labels == star].sum(axis=0)
        assert within(total / total.sum(), expected, total.sum())


@pytest.mark.parametrize(
    "trait",
    [
        lambda review: len(review.levels) == 4,
        lambda review: review.filler is not None,
        lambda review: "price" in review.aspects,
        lambda review: "room" in review.aspects,
    ],
    ids=["length", "filler", "price", "room"],
)
def test_all_but_the_levels_is_independent_of_the_stars(drawn, trait):
    labels, reviews = drawn
    has = np.array([trait(review) for review in reviews])
    shares = [has[labels == star].mean() for star in STARS]
    assert 0.02 < has.mean() < 0.98
    assert within(shares, has.mean(), SIZE / len(STARS))


def test_number_of_phrases_is_uniform(drawn):
    lengths = np.array([len(review.levels) for review in drawn[1]])
    shares = [(lengths == count).mean() for count in PHRASE_COUNTS]
    assert within(shares, np.full(3, 1 / 3), SIZE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_reviews_hardly_repeat(language):
    texts = sample_reviews(language, 2000, seed=9)["text"][:]
    assert len(set(texts)) > 1980


def test_presets_are_priors():
    assert PRIORS["balanced"] == (0.2,) * 5
    assert sum(PRIORS["skewed"]) == pytest.approx(1, abs=1e-12)
    expected = (0.1486, 0.0643, 0.0803, 0.1928, 0.5141)
    assert PRIORS["skewed"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "prior",
    [
        (0.5, 0.5),
        (0.2, 0.2, 0.2, 0.2, 0.3),
        (-0.2, 0.4, 0.4, 0.2, 0.2),
        (float("nan"), 0.2, 0.2, 0.2, 0.2),
        ("a", 0.2, 0.2, 0.2, 0.2),
        "skewed",
        np.full((5, 1), 0.2),
        0.2,
    ],
)
def test_a_bad_prior_is_a_coded_error(prior):
    with pytest.raises(IsoglossError) as caught:
        sample_reviews("en", 5, prior=prior, seed=0)
    assert caught.value.code == "E181"


def test_a_rounded_prior_is_normalised():
    assert check_prior((0.1486, 0.0643, 0.0803, 0.1928, 0.5141)).sum() == pytest.approx(
        1, abs=1e-15
    )


@pytest.mark.parametrize("size", [0, -1, 2.5, "10", True, None])
def test_a_bad_size_is_a_coded_error(size):
    with pytest.raises(IsoglossError) as caught:
        sample_reviews("en", size, seed=0)
    assert caught.value.code == "E182"


@pytest.mark.parametrize("seed", [-1, 0.5, "0", False, None])
def test_a_bad_seed_is_a_coded_error(seed):
    with pytest.raises(IsoglossError) as caught:
        sample_reviews("en", 5, seed=seed)
    assert caught.value.code == "E185"


def test_an_unknown_language_is_a_coded_error():
    with pytest.raises(IsoglossError) as caught:
        sample_reviews("tlh", 5, seed=0)
    assert caught.value.code == "E180"
