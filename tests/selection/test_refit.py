"""A refitted head: what it minimises, how strong the penalty is, and whether it is taken."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, f1_score

from isogloss.errors import IsoglossError
from isogloss.labelshift.crossfit import fold_indices
from isogloss.selection import RefitGain, out_of_fold_logits, refit_gain, refit_head
from isogloss.selection.refit import STRENGTHS

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def rows(count: int, *, seed: int, wrong: bool = True, scale: float = 1.0) -> Rows:
    """Gaussian classes, and logits of a head that takes each for the next one, or is right."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    features = 2.0 * np.eye(3)[labels] + rng.normal(size=(count, 3))
    head = 2.0 * (np.roll(np.eye(3), 1, axis=0) if wrong else np.eye(3))
    return scale * features + 5.0, features @ head.T, labels


def test_a_wrong_head_is_mended() -> None:
    features, logits, labels = rows(120, seed=0)
    change = refit_head(features, logits, labels)
    others, before, truth = rows(500, seed=1)
    after = change.changed(others, before)
    assert (before.argmax(1) == truth).mean() < 0.4
    assert (after.argmax(1) == truth).mean() > 0.7
    assert change.weight.shape == (3, 3)
    assert change.bias.shape == (3,)


def test_labels_that_say_nothing_change_nothing() -> None:
    features, logits, _ = rows(60, seed=0, wrong=False)
    # Exactly the probabilities that the head has: there is nothing to gain.
    labels = np.array(
        [
            np.random.default_rng(row).choice(3, p=np.exp(told))
            for row, told in enumerate(log_softmax(logits, axis=1))
        ]
    )
    change = refit_head(features, logits, labels)
    assert change.strength == np.inf
    assert not change.weight.any()
    np.testing.assert_array_equal(change.changed(features, logits), logits)


def test_the_change_minimises_what_is_said() -> None:
    features, logits, labels = rows(80, seed=2)
    change = refit_head(features, logits, labels)
    assert change.strength in STRENGTHS[1:]
    mean, spread = features.mean(axis=0), np.sqrt(features.var(axis=0).sum())

    def objective(theta: np.ndarray) -> float:
        weight, bias = theta[:9].reshape(3, 3), theta[9:]
        told = log_softmax(logits + (features - mean) / spread @ weight.T + bias, axis=1)
        penalty = change.strength * (weight**2).sum() + (bias**2).sum()
        return float(-told[np.arange(80), labels].sum() + penalty / 2.0)

    found = np.concatenate([(change.weight * spread).ravel(), change.bias + change.weight @ mean])
    assert objective(found) == pytest.approx(minimize(objective, np.zeros(12)).fun, rel=1e-4)


def test_the_scale_and_the_place_of_features_do_not_matter() -> None:
    features, logits, labels = rows(80, seed=2)
    scaled = rows(80, seed=2, scale=10.0)[0]
    first = refit_head(features, logits, labels).changed(features, logits)
    second = refit_head(scaled, logits, labels).changed(scaled, logits)
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_the_same_rows_give_the_same_change() -> None:
    given = rows(50, seed=3)
    first, second = refit_head(*given, seed=4), refit_head(*given, seed=4)
    np.testing.assert_array_equal(first.weight, second.weight)
    np.testing.assert_array_equal(first.bias, second.bias)


@pytest.mark.parametrize("folds", [2, pytest.param(None, marks=pytest.mark.slow)])
def test_no_row_has_a_part_in_what_is_said_of_it(folds: int | None) -> None:
    features, logits, labels = rows(60, seed=5)
    groups = np.arange(60) // 3
    found = out_of_fold_logits(features, logits, labels, groups=groups)
    # With groups, the folds do not go by labels, so other labels leave the folds as they are.
    for _, held in list(fold_indices(labels, groups=groups))[:folds]:
        changed = labels.copy()
        changed[held] = (labels[held] + 1) % 3
        again = out_of_fold_logits(features, logits, changed, groups=groups)
        np.testing.assert_array_equal(again[held], found[held])


def test_the_gain_is_that_of_the_scores() -> None:
    features, before, labels = rows(90, seed=6)
    after = out_of_fold_logits(features, before, labels)
    told = [array.argmax(axis=1) for array in (before, after)]
    found = refit_gain(before, after, labels)
    wanted = [f1_score(labels, each, average="macro") for each in told]
    assert found.value == pytest.approx(wanted[1] - wanted[0])
    assert found.holds()
    accuracy = refit_gain(before, after, labels, metric="accuracy")
    right = [accuracy_score(labels, each) for each in told]
    assert accuracy.value == pytest.approx(right[1] - right[0])
    change = (told[1] == labels).astype(float) - (told[0] == labels)
    assert accuracy.error == pytest.approx(change.std() / np.sqrt(90))


def test_rows_of_a_group_count_as_one() -> None:
    features, before, labels = (np.repeat(array, 4, axis=0) for array in rows(30, seed=7))
    groups = np.repeat(np.arange(30), 4)
    after = out_of_fold_logits(features, before, labels, groups=groups)
    together = refit_gain(before, after, labels, groups=groups)
    alone = refit_gain(before, after, labels)
    assert together.value == alone.value
    assert together.error == pytest.approx(2.0 * alone.error)


def test_no_gain_is_never_taken() -> None:
    assert not RefitGain(value=0.0, error=0.0).holds(0.0)
    assert not RefitGain(value=0.02, error=0.03).holds()
    assert RefitGain(value=0.02, error=0.03).holds(0.5)


def test_unusable_rows_are_refused() -> None:
    features, logits, labels = rows(20, seed=8)
    with pytest.raises(IsoglossError, match="E405"):
        refit_head(features[:10], logits, labels)
    with pytest.raises(IsoglossError, match="E403"):
        refit_head(features, logits, labels + 1)
    with pytest.raises(IsoglossError, match="E400"):
        refit_head(features * np.nan, logits, labels)
    with pytest.raises(IsoglossError, match="E407"):
        refit_head(features[:4], logits[:4], labels[:4])
    with pytest.raises(IsoglossError, match="E407"):
        out_of_fold_logits(features[:5], logits[:5], labels[:5])
    with pytest.raises(IsoglossError, match="E409"):
        refit_gain(logits, logits, labels, metric="loss")
