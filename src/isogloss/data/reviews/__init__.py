"""Bundled sample reviews in six languages, with the best accuracy that any classifier can reach."""

from __future__ import annotations

from isogloss.data.reviews.design import LEVEL_GIVEN_STARS, PRIORS, STARS
from isogloss.data.reviews.generator import sample_reviews
from isogloss.data.reviews.lexicon import LANGUAGES, languages
from isogloss.data.reviews.optimum import (
    bayes_accuracy,
    bayes_confusion,
    bayes_macro_f1,
    bayes_predict,
)
from isogloss.data.reviews.parsing import log_likelihood

__all__ = [
    "LANGUAGES",
    "LEVEL_GIVEN_STARS",
    "PRIORS",
    "STARS",
    "bayes_accuracy",
    "bayes_confusion",
    "bayes_macro_f1",
    "bayes_predict",
    "languages",
    "log_likelihood",
    "sample_reviews",
]
