from __future__ import annotations

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.study.priors import (
    complete_prior,
    dirichlet_priors,
    grid_priors,
    largest_size,
    row_counts,
)
from tests.study.helpers import NAMES


@pytest.mark.parametrize("concentration", [1e-3, 0.3, 1.0, 50.0])
def test_drawn_priors_are_priors_and_spread_as_they_should(concentration: float) -> None:
    found = dirichlet_priors(4_000, np.full(3, concentration), rng=np.random.default_rng(0))
    assert np.isfinite(found).all()
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(found.mean(axis=0), 1 / 3, atol=0.03)
    variance = (1 / 3) * (2 / 3) / (3 * concentration + 1)
    np.testing.assert_allclose(found.var(axis=0), variance, rtol=0.1)


@pytest.mark.parametrize(
    ("classes", "steps", "count"), [(2, 4, 5), (3, 5, 21), (1, 3, 1), (5, 1, 5)]
)
def test_a_grid_has_every_prior_once(classes: int, steps: int, count: int) -> None:
    found = grid_priors(classes, steps=steps)
    assert len(found) == len(np.unique(found, axis=0)) == count
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    np.testing.assert_allclose(found * steps, np.round(found * steps))


def test_a_grid_too_fine_or_of_no_steps() -> None:
    with pytest.raises(IsoglossError, match=r"E732.*12 classes"):
        grid_priors(12, steps=20)
    with pytest.raises(IsoglossError, match="E407"):
        grid_priors(3, steps=0)


def test_labels_left_out_share_the_rest_as_in_the_data() -> None:
    found = complete_prior({"good": 0.4}, NAMES, [0.1, 0.2, 0.7], where="x")
    np.testing.assert_allclose(found, [0.2, 0.4, 0.4])
    whole = complete_prior({"good": 0.4, "bad": 0.6}, NAMES, [0.1, 0.2, 0.7], where="x")
    np.testing.assert_allclose(whole, [0.6, 0.0, 0.4])


def test_labels_left_out_without_rows_cannot_take_the_rest() -> None:
    with pytest.raises(IsoglossError, match=r"E722.*0\.4"):
        complete_prior({"good": 0.4}, NAMES, [0.0, 0.0, 1.0], where="x")


@pytest.mark.parametrize(
    ("shares", "code"),
    [
        ({"best": 1.0}, "E721"),
        ({"good": 1.2}, "E722"),
        ({"good": 0.5, "bad": 0.4, "fair": 0.0}, "E722"),
        ({"good": -0.1, "bad": 0.4}, "E722"),
    ],
)
def test_a_prior_that_cannot_be(shares: dict[str, float], code: str) -> None:
    with pytest.raises(IsoglossError) as caught:
        complete_prior(shares, NAMES, [1 / 3] * 3, where="x")
    assert caught.value.code == code


def test_row_counts_are_whole_sum_up_and_are_near() -> None:
    priors = dirichlet_priors(500, np.ones(7), rng=np.random.default_rng(1))
    priors[0] = np.eye(7)[2]
    counts = row_counts(priors, 123)
    assert (counts.sum(axis=1) == 123).all()
    assert np.abs(counts - 123 * priors).max() < 1.0
    assert counts[0].tolist() == [0, 0, 123, 0, 0, 0, 0]


def test_the_largest_size_is_the_largest() -> None:
    rng = np.random.default_rng(2)
    for prior in dirichlet_priors(40, np.ones(4), rng=rng):
        available = rng.integers(1, 30, 4)
        size = largest_size(prior, available)
        fits = [n for n in range(1, 121) if (row_counts(prior[None], n)[0] <= available).all()]
        assert size == max(fits, default=0)
