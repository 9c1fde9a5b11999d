from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from isogloss.labelshift import correct, estimate_prior
from isogloss.labelshift.calibration import softmax
from isogloss.trainers.pseudolabels import (
    class_quotas,
    halfway,
    most_confident,
    most_in_shares,
    named_alike,
    predicted_shares,
    ranking,
    rules_out,
    shares_within,
    within_quotas,
)


def simulated(rows: int, *, seed: int, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, k) and examples (n,) of one to five rows each."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, size=rows)
    examples = np.repeat(np.arange(rows), sizes)[:rows]
    return softmax(rng.normal(scale=2, size=(rows, classes))), examples


def naive_confident(
    probabilities: np.ndarray, examples: np.ndarray, count: int, free: np.ndarray
) -> dict[int, int]:
    sure = {}
    for example in set(examples.tolist()):
        rows = [i for i in range(len(examples)) if examples[i] == example]
        if all(free[i] for i in rows):
            sure[example] = sum(np.log(max(probabilities[i])) for i in rows) / len(rows)
    chosen = sorted(sure, key=lambda e: -sure[e])[:count]
    return {
        i: int(np.argmax(probabilities[i])) for i in range(len(examples)) if examples[i] in chosen
    }


def naive_quotas(probabilities: np.ndarray, quotas: np.ndarray, free: np.ndarray) -> dict[int, int]:
    found = {}
    for j, quota in enumerate(quotas):
        mine = [i for i in range(len(free)) if free[i] and np.argmax(probabilities[i]) == j]
        for i in sorted(mine, key=lambda i: -probabilities[i, j])[:quota]:
            found[i] = j
    return found


def as_dict(choice: Any) -> dict[int, int]:
    assert (np.diff(choice.rows) > 0).all()
    return dict(zip(choice.rows.tolist(), choice.classes.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_both_selections_equal_their_naive_references(seed: int) -> None:
    probabilities, examples = simulated(60, seed=seed)
    rng = np.random.default_rng(seed)
    free = rng.random(60) < 0.8
    for count in (0, 1, 7, 100):
        choice = most_confident(probabilities, examples, count=count, free=free)
        assert as_dict(choice) == naive_confident(probabilities, examples, count, free)
    for total in (0, 9, 40, 500):
        quotas = rng.multinomial(total, np.full(4, 0.25))
        choice = within_quotas(probabilities, quotas, free=free)
        assert as_dict(choice) == naive_quotas(probabilities, quotas, free)


def test_quotas_fill_or_stay_open() -> None:
    """What one class lacks, no other gets."""
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.4, 0.6]])
    choice = within_quotas(probabilities, np.array([1, 3]), free=np.ones(4, dtype=bool))
    assert as_dict(choice) == {0: 0, 3: 1}


def test_nothing_is_left_to_label() -> None:
    probabilities, examples = simulated(10, seed=0)
    free = np.zeros(10, dtype=bool)
    assert len(most_confident(probabilities, examples, count=3, free=free).rows) == 0
    assert len(within_quotas(probabilities, np.full(4, 3), free=free).rows) == 0


def test_one_class() -> None:
    ones, free = np.ones((5, 1)), np.ones(5, dtype=bool)
    assert len(most_confident(ones, np.arange(5), count=2, free=free).rows) == 2
    choice = within_quotas(ones, class_quotas(np.ones(1), 2), free=free)
    assert as_dict(choice) == {0: 0, 1: 0}


def test_an_example_partly_labelled_is_not_taken_again() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    free = np.array([True, False, True])
    choice = most_confident(probabilities, np.array([0, 0, 1]), count=5, free=free)
    assert as_dict(choice) == {2: 0}


@pytest.mark.parametrize("seed", range(3))
def test_order_of_rows_and_names_of_classes_do_not_matter(seed: int) -> None:
    """Rows that are equally sure are told apart by their other classes, wherever they stand."""
    rng = np.random.default_rng(seed)
    rest = rng.dirichlet(np.ones(3), size=40) * 0.4
    probabilities = np.column_stack([np.full(40, 0.6), rest])
    probabilities = rng.permuted(probabilities, axis=1)
    order, names = rng.permutation(40), rng.permutation(4)
    moved = np.empty_like(probabilities)
    moved[:, names] = probabilities[order]
    free, each = np.ones(40, dtype=bool), np.arange(40)
    quotas, moved_quotas = np.array([3, 0, 5, 4]), np.empty(4, dtype=int)
    moved_quotas[names] = quotas
    for plain, other in (
        (
            most_confident(probabilities, each, count=9, free=free),
            most_confident(moved, each, count=9, free=free),
        ),
        (
            within_quotas(probabilities, quotas, free=free),
            within_quotas(moved, moved_quotas, free=free),
        ),
    ):
        back = {int(order[i]): j for i, j in as_dict(other).items()}
        assert back == {i: int(names[j]) for i, j in as_dict(plain).items()}


def test_rows_alike_in_everything_stay_in_order() -> None:
    np.testing.assert_array_equal(ranking(np.ones((4, 2))), np.arange(4))
    keys = np.array([[1.0, 0.0], [2.0, 0.0], [1.0, 3.0]])
    np.testing.assert_array_equal(ranking(keys), [1, 2, 0])


@pytest.mark.parametrize("seed", range(20))
def test_class_quotas_add_up_and_are_near_their_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    prior = rng.dirichlet(np.full(6, 0.5))
    total = int(rng.integers(0, 200))
    quotas = class_quotas(prior, total)
    assert quotas.sum() == total
    assert (np.abs(quotas - prior * total) < 1).all()
    names = rng.permutation(6)
    np.testing.assert_array_equal(class_quotas(prior[names], total), quotas[names])


def test_a_class_without_share_has_no_quota() -> None:
    np.testing.assert_array_equal(class_quotas(np.array([0.5, 0.0, 0.5]), 7), [4, 0, 3])
    np.testing.assert_array_equal(class_quotas(np.array([0.7, 0.3, 0.0]), 10), [7, 3, 0])


def test_predicted_shares_count_the_most_probable_classes() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.3, 0.7, 0.0], [0.6, 0.4, 0.0]])
    np.testing.assert_array_equal(predicted_shares(probabilities), [0.75, 0.25, 0.0])


@pytest.mark.parametrize("seed", range(20))
def test_shares_within_are_the_nearest_that_the_intervals_allow(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares, inside = rng.dirichlet(np.ones(4), size=2)
    width = rng.random((4, 2)) * 0.2
    interval = np.stack([inside - width[:, 0], inside + width[:, 1]], axis=1).clip(0, 1)
    found = shares_within(shares, interval)
    assert found.sum() == pytest.approx(1.0)
    assert (found >= interval[:, 0] - 1e-9).all()
    assert (found <= interval[:, 1] + 1e-9).all()
    for other in rng.dirichlet(np.ones(4), size=20_000):
        if (other >= interval[:, 0]).all() and (other <= interval[:, 1]).all():
            assert np.linalg.norm(found - shares) <= np.linalg.norm(other - shares) + 1e-9


def test_intervals_that_say_nothing_and_all() -> None:
    shares = np.array([0.2, 0.3, 0.5])
    np.testing.assert_array_equal(shares_within(shares, np.array([[0.0, 1.0]] * 3)), shares)
    sure = np.array([0.7, 0.3, 0.0])
    np.testing.assert_allclose(shares_within(shares, np.stack([sure, sure], axis=1)), sure)


@pytest.mark.parametrize("bound", [0.1, 0.6])
def test_intervals_that_contradict_each_other_still_give_shares(bound: float) -> None:
    found = shares_within(np.array([0.2, 0.3, 0.5]), np.full((3, 2), bound))
    np.testing.assert_allclose(found, 1 / 3)


# Two Gaussian classes, of which the source is rich in the first and the target in the second.
SOURCE, TARGET = np.array([0.9, 0.1]), np.array([0.15, 0.85])


def drawn(rows: int, prior: np.ndarray, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < prior[1]).astype(int)
    centres = np.array([[-1.0, 0.0], [1.0, 0.0]])
    return centres[labels] + rng.normal(size=(rows, 2)), labels


def self_trained(*, by_prior: bool, seed: int) -> tuple[list[float], list[float]]:
    """Share of class 1 among the pseudo-labels, and accuracy on the target, round by round."""
    (source, labels), (held_out, held_labels) = (
        drawn(1000, SOURCE, seed=seed),
        drawn(600, SOURCE, seed=seed + 100),
    )
    target, truth = drawn(2000, TARGET, seed=seed + 200)
    model = LogisticRegression().fit(source, labels)
    given = np.full(len(target), -1)
    shares, scores = [], [model.score(target, truth)]
    for number in range(1, 11):
        free, probabilities = given < 0, model.predict_proba(target)
        if by_prior:
            known = model.predict_proba(held_out)
            estimate = estimate_prior(known, held_labels, probabilities)
            believed = correct(probabilities, estimate.weights)
            aim = shares_within(predicted_shares(believed), estimate.interval)
            wanted = class_quotas(aim, 200 * number)
            quotas = np.maximum(wanted - np.bincount(given[~free], minlength=2), 0)
            choice = within_quotas(believed, quotas, free=free)
        else:
            choice = most_confident(probabilities, np.arange(len(target)), count=200, free=free)
        given[choice.rows] = choice.classes
        known_rows = given >= 0
        model.fit(
            np.concatenate([source, target[known_rows]]),
            np.concatenate([labels, given[known_rows]]),
        )
        shares.append(float(given[known_rows].mean()))
        scores.append(model.score(target, truth))
    return shares, scores


@pytest.mark.parametrize("seed", range(5))
def test_the_published_selection_drifts_to_the_source_s_balance_and_quotas_do_not(
    seed: int,
) -> None:
    published, drifting = self_trained(by_prior=False, seed=seed)
    quota, staying = self_trained(by_prior=True, seed=seed)
    # Of class 1 the target has 85 %, the source 10 %.
    assert max(published[:5]) < 0.55
    assert min(quota) > 0.75
    assert staying[-1] > staying[0] + 0.1
    assert staying[-1] > drifting[-1] + 0.1


@pytest.mark.parametrize("width", [0.0, 0.3])
def test_bounds_that_sum_to_one_but_for_rounding(width: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        k = int(rng.integers(2, 8))
        shares, edge = rng.dirichlet(np.ones(k), 2)
        for interval in ((edge, edge + width), (np.clip(edge - width, 0, 1), edge)):
            allowed = shares_within(shares, np.column_stack(interval))
            assert allowed.sum() == pytest.approx(1)
            assert bool((allowed >= -1e-12).all())
            if width == 0.0:
                np.testing.assert_allclose(allowed, edge, atol=1e-9)


@pytest.mark.parametrize(
    ("aim", "predicted", "source", "denied"),
    [
        ([0.0, 0.0, 1.0], [0.3, 0.4, 0.3], [0.3, 0.4, 0.3], True),
        ([0.05, 0.05, 0.9], [0.3, 0.4, 0.3], [0.3, 0.4, 0.3], False),
        # Neither what the source lacks nor what is not predicted is missed.
        ([0.0, 0.1, 0.9], [0.3, 0.4, 0.3], [0.0, 0.5, 0.5], False),
        ([0.0, 0.1, 0.9], [0.0, 0.5, 0.5], [0.3, 0.4, 0.3], False),
    ],
)
def test_a_class_is_denied_where_it_was_to_be_expected(
    aim: list[float], predicted: list[float], source: list[float], denied: bool
) -> None:
    assert rules_out(*map(np.array, (aim, predicted, source))) == denied


def test_halfway_is_as_far_from_both() -> None:
    one, other = np.array([0.8, 0.1, 0.1, 0.0]), np.array([0.2, 0.4, 0.3, 0.1])
    found = halfway(one, other)
    assert found.sum() == pytest.approx(1.0)
    assert found[3] == 0.0
    steps = np.log(found[:3] / one[:3]), np.log(other[:3] / found[:3])
    np.testing.assert_allclose(np.diff(steps[0]), np.diff(steps[1]))
    np.testing.assert_allclose(halfway(one, one), one)
    assert not halfway(np.array([1.0, 0.0]), np.array([0.0, 1.0])).any()


@pytest.mark.parametrize("seed", range(4))
def test_as_many_as_the_scarcest_class_allows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares, available = rng.dirichlet(np.ones(4)), rng.integers(0, 40, 4)
    shares[0], available[3] = 0.0, 0 if seed == 0 else available[3]
    shares /= shares.sum()
    found = most_in_shares(shares, available)
    assert (shares * found <= available + 1e-6).all()
    assert (shares * (found + 1) > available + 1e-9).any()
    assert most_in_shares(np.array([0.3, 0.7]), np.array([3, 7])) == 10


class TestNamedAlike:
    def test_it_is_what_shifted_logits_leave_as_it_was(self) -> None:
        probabilities, _ = simulated(400, seed=0, classes=3)
        rare = probabilities * [3.0, 1.0, 0.4]
        rare /= rare.sum(axis=1, keepdims=True)
        classes, other = rare.argmax(axis=1), np.array([0.2, 0.3, 0.5])
        shares = (np.bincount(classes, minlength=3) + 0.5) / 401.5
        moved = np.log(rare) + np.log(other) - np.log(shares)
        found = named_alike(rare, other)
        np.testing.assert_array_equal(found, moved.argmax(axis=1) == classes)
        assert 0.1 < found.mean() < 0.95

    def test_shares_as_they_are_leave_every_row(self) -> None:
        probabilities, _ = simulated(500, seed=1)
        assert named_alike(probabilities, predicted_shares(probabilities)).mean() > 0.99

    def test_it_knows_no_order_of_rows_or_classes(self) -> None:
        probabilities, _ = simulated(90, seed=2)
        other = np.array([0.1, 0.2, 0.3, 0.4])
        found = named_alike(probabilities, other)
        rows, classes = np.random.default_rng(0).permutation(90), np.array([2, 0, 3, 1])
        again = named_alike(probabilities[rows][:, classes], other[classes])
        np.testing.assert_array_equal(again, found[rows])

    def test_rows_of_the_class_that_is_said_too_often_go_first(self) -> None:
        """Those of the class that is seldom predicted stay."""
        margins = np.linspace(-0.5, 4.0, 200)
        probabilities = softmax(np.stack([margins, np.zeros(200)], axis=1))
        found, classes = named_alike(probabilities, np.array([0.5, 0.5])), margins < 0
        assert found[classes].all()
        assert not found[~classes][0]
        assert found[~classes][-1]

    def test_a_class_that_is_never_predicted_leaves_what_is_sure(self) -> None:
        probabilities = np.array([[0.999, 0.0009, 0.0001]] * 50 + [[0.4, 0.35, 0.25]] * 50)
        found = named_alike(probabilities, np.full(3, 1 / 3))
        assert found[:50].all()
        assert not found[50:].any()
