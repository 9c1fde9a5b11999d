"""Every measure of every set is what measuring the set by itself gives."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from isogloss.errors import IsoglossError
from isogloss.labelshift import PriorEstimator, total_variation
from isogloss.labelshift.calibration import softmax
from isogloss.study import measures
from isogloss.study.drawing import draw_sets
from isogloss.study.evaluation import ModelScores, evaluate_sets
from isogloss.study.plans import PriorPlan
from isogloss.study.rows import ModelRows, SourceSide, TargetLabels
from isogloss.tasks.metrics import tagging_metrics
from tests.study.helpers import made_model, rows_target, tags_target


def naive_shift(model: ModelRows, rows: np.ndarray, classes: int, *, least: int) -> float:
    distances = []
    for j in range(classes):
        own = rows[model.labels[rows] == j]
        source = model.source.features[model.source.labels == j]
        if len(own) >= least and len(source):
            gap = source.mean(axis=0) - model.features[own].mean(axis=0)
            distances.append(np.abs(gap).sum())
    return float(np.mean(distances)) if distances else float("nan")


@pytest.fixture(scope="module")
def rows() -> TargetLabels:
    return rows_target()


@pytest.mark.parametrize("method", ["bbse", "bbse-hard"])
def test_sets_of_rows(rows: TargetLabels, method: str) -> None:
    model = made_model(rows)
    sets = draw_sets(rows, 8, plan=PriorPlan(concentration=0.5), size=90)
    found = evaluate_sets(rows, model, sets, method=method, least_rows=10)
    source = model.source
    estimator = PriorEstimator(softmax(source.logits.astype(float)), source.labels, method=method)
    source_prior = np.bincount(source.labels) / len(source.labels)
    assert found.f1 is None
    for i in range(8):
        chosen = sets.members(i)
        truth, guess = rows.labels[chosen], model.predicted[chosen]
        prior = np.bincount(truth, minlength=3) / 90
        estimate = estimator.estimate(softmax(model.logits[chosen].astype(float))).prior
        assert found.accuracy[i] == pytest.approx(accuracy_score(truth, guess))
        f1 = f1_score(truth, guess, average="macro", zero_division=0.0)
        assert found.macro_f1[i] == pytest.approx(f1)
        assert found.prior_shift[i] == pytest.approx(total_variation(source_prior, prior))
        assert found.feature_shift[i] == pytest.approx(
            naive_shift(model, chosen, 3, least=10), rel=1e-5
        )
        np.testing.assert_allclose(found.estimate[i], estimate, atol=1e-6)
        assert found.estimate_error[i] == pytest.approx(total_variation(estimate, prior), abs=1e-6)


def test_sets_of_sentences() -> None:
    target, sentences = tags_target()
    model = made_model(target, noise=1.4)
    sets = draw_sets(target, 8, plan=PriorPlan(), size=40)
    found = evaluate_sets(target, model, sets, least_rows=1)
    names = np.array(target.names)
    for i in range(8):
        chosen = sets.members(i)
        words = np.flatnonzero(np.isin(target.examples, chosen))
        guesses = [names[model.predicted[target.examples == s]].tolist() for s in chosen]
        wanted = tagging_metrics([sentences[s] for s in chosen], guesses)
        assert 0 < wanted["f1"] < 1
        assert found.f1[i] == pytest.approx(wanted["f1"])
        assert found.accuracy[i] == pytest.approx(wanted["accuracy"])
        f1 = f1_score(
            target.labels[words], model.predicted[words], average="macro", zero_division=0.0
        )
        assert found.macro_f1[i] == pytest.approx(f1)
        assert found.feature_shift[i] == pytest.approx(
            naive_shift(model, words, 5, least=1), rel=1e-5
        )


def test_words_that_a_tokenizer_cut_have_a_score_but_no_row() -> None:
    target, _ = tags_target()
    whole = made_model(target)
    kept = np.arange(len(target.labels)) % 4 > 0
    cut = ModelRows(
        name="cut",
        predicted=whole.predicted,
        logits=whole.logits[kept],
        labels=whole.labels[kept],
        examples=whole.examples[kept],
        features=whole.features[kept],
        source=whole.source,
    )
    sets = draw_sets(target, 4, plan=PriorPlan(), size=60)
    one, other = (evaluate_sets(target, model, sets) for model in (whole, cut))
    np.testing.assert_allclose(one.accuracy, other.accuracy)
    assert other.f1 is None
    assert not np.allclose(one.feature_shift, other.feature_shift)
    np.testing.assert_allclose(other.estimate.sum(axis=1), 1.0)


def without_class(model: ModelRows, lost: int) -> ModelRows:
    kept = model.source.labels != lost
    side = SourceSide(
        logits=model.source.logits[kept],
        labels=model.source.labels[kept],
        features=model.source.features[kept],
    )
    return ModelRows(**{**vars(model), "source": side})


def test_a_class_that_the_source_lacks(rows: TargetLabels) -> None:
    model = without_class(made_model(rows), 1)
    sets = draw_sets(rows, 10, plan=PriorPlan(), size=90)
    found = evaluate_sets(rows, model, sets)
    assert (found.estimate[:, 1] == 0).all()
    np.testing.assert_allclose(found.estimate.sum(axis=1), 1.0)
    assert found.source_prior[1] == 0
    for i in range(10):
        naive = naive_shift(model, sets.members(i), 3, least=10)
        assert found.feature_shift[i] == pytest.approx(naive, rel=1e-5, nan_ok=True)


def test_a_set_without_a_class_of_enough_rows_has_no_feature_shift(rows: TargetLabels) -> None:
    sets = draw_sets(rows, 5, plan=PriorPlan(), size=20)
    found = evaluate_sets(rows, made_model(rows), sets, least_rows=21)
    assert np.isnan(found.feature_shift).all()


def test_without_features_there_is_no_feature_shift(rows: TargetLabels) -> None:
    model = made_model(rows)
    bare = ModelRows(**{**vars(model), "features": None})
    sets = draw_sets(rows, 5, plan=PriorPlan(), size=20)
    found = evaluate_sets(rows, bare, sets)
    assert isinstance(found, ModelScores)
    assert found.feature_shift is None


def test_another_method_is_refused(rows: TargetLabels) -> None:
    sets = draw_sets(rows, 2, plan=PriorPlan(), size=20)
    with pytest.raises(IsoglossError, match=r"E409.*bbse, bbse-hard"):
        evaluate_sets(rows, made_model(rows), sets, method="mlls")


def test_scores_of_empty_and_perfect_sets() -> None:
    perfect, empty = np.diag([3, 0, 2]), np.zeros((3, 3))
    confusions = np.stack([perfect, empty])
    assert measures.accuracies(confusions).tolist() == [1.0, 0.0]
    assert measures.macro_f1s(confusions).tolist() == [1.0, 0.0]
    assert measures.entity_f1s([[2, 4, 2], [0, 0, 0]]).tolist() == [pytest.approx(2 / 3), 0.0]


def test_improvement_and_the_share_corrected_are_not_defined_everywhere() -> None:
    found = measures.percent_improvements([0.6, 0.3, 0.5], [0.5, 0.6, 0.0])
    np.testing.assert_allclose(found, [20.0, -50.0, np.nan])
    found = measures.shares_corrected([0.4, 0.2, 0.0], [0.1, 0.4, 0.0])
    np.testing.assert_allclose(found, [0.75, -1.0, np.nan])
