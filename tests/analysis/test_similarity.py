"""Linear CKA: naive references and what must not matter."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.analysis import class_mean_cka, debiased_cka, linear_cka
from isogloss.errors import IsoglossError


def views(rows: int, *, seed: int, shared: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(rows, 5))
    one = np.concatenate([shared * common, rng.normal(size=(rows, 20))], axis=1)
    return one, np.concatenate([rng.normal(size=(rows, 12)), shared * common], axis=1)


def naive_unbiased_hsic(first: np.ndarray, second: np.ndarray) -> float:
    """Song et al. 2012, eq. 5, as it stands there."""
    n, ones = len(first), np.ones(len(first))
    k, m = (x @ x.T - np.diag(np.square(x).sum(axis=1)) for x in (first, second))
    three = (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    inner = np.trace(k @ m) + three - 2 / (n - 2) * ones @ k @ m @ ones
    return float(inner / (n * (n - 3)))


def naive_debiased(one: np.ndarray, two: np.ndarray) -> float:
    own = naive_unbiased_hsic(one, one) * naive_unbiased_hsic(two, two)
    return naive_unbiased_hsic(one, two) / float(np.sqrt(own))


@pytest.mark.parametrize("rows", [12, 80])
def test_linear_cka_is_that_of_centred_gram_matrices(rows: int) -> None:
    one, two = views(rows, seed=0, shared=2.0)
    centre = np.eye(rows) - 1 / rows
    grams = [centre @ (x @ x.T) @ centre for x in (one, two)]
    wanted = (grams[0] * grams[1]).sum() / np.prod([np.linalg.norm(g) for g in grams])
    assert linear_cka(one, two) == pytest.approx(wanted, rel=1e-10)


def test_debiased_cka_and_its_jackknife_are_the_naive_ones() -> None:
    one, two = views(30, seed=1, shared=2.0)
    blocks = np.arange(30) % 6
    value, low, high = debiased_cka(one + 3.0, two - 1.0, blocks=blocks, level=0.95)
    assert value == pytest.approx(naive_debiased(one, two), rel=1e-9)
    others = np.array([naive_debiased(one[blocks != b], two[blocks != b]) for b in range(6)])
    error = np.sqrt(5 / 6 * np.square(others - others.mean()).sum())
    assert (low, high) == pytest.approx((value - 1.95996 * error, value + 1.95996 * error))


def test_few_rows_do_not_make_unrelated_views_alike() -> None:
    rng = np.random.default_rng(2)
    found = [
        (linear_cka(one, two), debiased_cka(one, two)[0])
        for one, two in (rng.normal(size=(2, 30, 50)) for _ in range(40))
    ]
    plain, debiased = np.mean(found, axis=0)
    assert plain > 0.5
    assert abs(debiased) < 0.02


def test_rotation_scale_and_translation_do_not_matter() -> None:
    one, two = views(60, seed=3, shared=2.0)
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(25, 25)))[0]
    moved = 7.0 * one @ turn + 2.0
    assert linear_cka(moved, two) == pytest.approx(linear_cka(one, two))
    assert debiased_cka(moved, two)[0] == pytest.approx(debiased_cka(one, two)[0])
    assert linear_cka(moved, one) == pytest.approx(1.0)
    assert debiased_cka(moved, one)[0] == pytest.approx(1.0)


def test_class_means_pair_what_rows_do_not() -> None:
    rng = np.random.default_rng(5)
    means, other = rng.normal(size=(4, 9)), rng.normal(size=(4, 9))
    assert class_mean_cka(means, 3.0 * means + 1.0) == pytest.approx(1.0)
    assert class_mean_cka(means, other) == pytest.approx(linear_cka(means, other))
    several = class_mean_cka(np.stack([means, means]), np.stack([means, other]))
    assert several == pytest.approx([1.0, linear_cka(means, other)])


def test_what_does_not_exist_is_nan() -> None:
    constant, other = np.full((9, 3), 0.1), np.random.default_rng(6).normal(size=(9, 3))
    assert np.isnan(linear_cka(constant, other))
    assert np.isnan(debiased_cka(constant, other)).all()
    assert np.isnan(debiased_cka(other[:3], other[:3])).all()
    assert np.isnan(class_mean_cka(other[:2], other[:2]))


def test_rows_must_come_in_pairs() -> None:
    for measure in (linear_cka, debiased_cka):
        with pytest.raises(IsoglossError, match="E405"):
            measure(np.zeros((4, 2)), np.zeros((5, 2)))
        with pytest.raises(IsoglossError, match="E400"):
            measure(np.full((4, 2), np.inf), np.zeros((4, 2)))
