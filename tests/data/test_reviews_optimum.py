"""The exact Bayes scores against brute force and against drawn reviews."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from isogloss.data.reviews import (
    LANGUAGES,
    LEVEL_GIVEN_STARS,
    PRIORS,
    STARS,
    bayes_accuracy,
    bayes_confusion,
    bayes_macro_f1,
    bayes_predict,
    log_likelihood,
    sample_reviews,
)
from isogloss.errors import IsoglossError

TEST_PRIORS = [*PRIORS.values(), (0.6, 0.1, 0.1, 0.1, 0.1), (0.0, 0.3, 0.0, 0.7, 0.0)]


def brute_force_accuracy(prior):
    """Sum the largest joint probability over every ordered sequence of levels."""
    total = 0.0
    for count in (2, 3, 4):
        for levels in product(range(5), repeat=count):
            joint = np.array(prior) * LEVEL_GIVEN_STARS[:, levels].prod(axis=1)
            total += joint.max() / 3
    return total


@pytest.mark.parametrize("prior", TEST_PRIORS)
def test_accuracy_equals_brute_force(prior):
    assert bayes_accuracy(prior) == pytest.approx(brute_force_accuracy(prior), abs=1e-12)


def test_neighbouring_stars_overlap_but_can_be_told_apart():
    assert 0.75 < bayes_accuracy() < 0.85
    errors = bayes_confusion() * (1 - np.eye(5))
    neighbours = np.diag(errors, 1).sum() + np.diag(errors, -1).sum()
    assert neighbours > 0.85 * errors.sum()


def test_rows_of_the_table_are_distributions():
    np.testing.assert_allclose(LEVEL_GIVEN_STARS.sum(axis=1), 1, atol=1e-12)
    assert (LEVEL_GIVEN_STARS > 0).all()
    assert (LEVEL_GIVEN_STARS.argmax(axis=1) == np.arange(5)).all()
    with pytest.raises(ValueError, match="read-only"):
        LEVEL_GIVEN_STARS[0, 0] = 1.0


@pytest.mark.parametrize("prior", TEST_PRIORS)
def test_confusion_is_a_joint_distribution(prior):
    confusion = bayes_confusion(prior)
    np.testing.assert_allclose(confusion.sum(axis=1), prior, atol=1e-12)
    assert np.trace(confusion) == pytest.approx(bayes_accuracy(prior))
    assert (confusion[:, np.array(prior) == 0] == 0).all()


@pytest.mark.parametrize("name", PRIORS)
def test_exact_scores_match_drawn_reviews(name):
    prior, size = PRIORS[name], 8000
    drawn = sample_reviews("ja", size, prior=prior, seed=11)
    labels, predicted = np.array(drawn["label"]), bayes_predict(drawn["text"], "ja", prior)
    exact = bayes_confusion(prior)
    observed = confusion_matrix(labels, predicted, labels=list(STARS)) / size
    assert (np.abs(observed - exact) <= 4.5 * np.sqrt(exact / size) + 1e-12).all()
    assert (labels == predicted).mean() == pytest.approx(bayes_accuracy(prior), abs=0.02)
    macro_f1 = f1_score(labels, predicted, average="macro")
    assert macro_f1 == pytest.approx(bayes_macro_f1(prior), abs=0.03)


@pytest.mark.parametrize("language", LANGUAGES)
def test_prediction_is_the_most_probable_stars(language):
    prior = PRIORS["skewed"]
    texts = sample_reviews(language, 300, prior=prior, seed=12)["text"]
    posterior = log_likelihood(texts, language) + np.log(prior)
    assert (
        bayes_predict(texts, language, prior) == np.array(STARS)[posterior.argmax(axis=1)]
    ).all()


def test_knowing_the_prior_pays():
    drawn = sample_reviews("en", 5000, prior=PRIORS["skewed"], seed=13)
    labels = np.array(drawn["label"])
    informed = (bayes_predict(drawn["text"], "en", PRIORS["skewed"]) == labels).mean()
    uninformed = (bayes_predict(drawn["text"], "en") == labels).mean()
    assert informed > uninformed + 0.01


def test_a_certain_class_is_always_right():
    certain = (0, 0, 0, 1, 0)
    assert bayes_accuracy(certain) == pytest.approx(1)
    assert bayes_macro_f1(certain) == pytest.approx(1)


@pytest.mark.parametrize("score", [bayes_accuracy, bayes_macro_f1, bayes_confusion])
def test_a_bad_prior_is_a_coded_error(score):
    with pytest.raises(IsoglossError) as caught:
        score((1, 1, 1, 1, 1))
    assert caught.value.code == "E181"


def test_predicting_text_of_another_origin_is_a_coded_error():
    with pytest.raises(IsoglossError) as caught:
        bayes_predict(["Colourless green ideas sleep furiously."], "en")
    assert caught.value.code == "E183"
