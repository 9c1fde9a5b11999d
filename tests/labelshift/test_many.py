from __future__ import annotations

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift import solve_weights
from isogloss.labelshift.many import solve_many_weights


def statistics(size: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    prior = rng.dirichlet(np.full(size, 3.0))
    given = rng.dirichlet(np.ones(size), size).T * 0.4 + 0.6 * np.eye(size)
    return given * prior, prior


@pytest.mark.parametrize("size", [2, 3, 7])
def test_each_row_is_what_solving_it_alone_gives(size: int) -> None:
    confusion, prior = statistics(size, seed=size)
    # Means of every kind: those of some prior, and those that only a negative weight would explain.
    means = np.random.default_rng(1).dirichlet(np.full(size, 0.5), 60)
    found = solve_many_weights(confusion, means, prior)
    alone = np.array([solve_weights(confusion, mean, prior) for mean in means])
    np.testing.assert_allclose(found, alone, atol=1e-8)
    assert (alone.min(axis=1) <= 1e-12).any()
    assert (alone.min(axis=1) > 0.01).any()


def test_where_the_answer_is_not_unique_it_is_the_nearest_to_no_shift() -> None:
    confusion, prior = statistics(4, seed=0)
    confusion[:, 2] = confusion[:, 1] * prior[2] / prior[1]
    means = np.random.default_rng(2).dirichlet(np.ones(4), 10)
    found = solve_many_weights(confusion, means, prior)
    alone = np.array([solve_weights(confusion, mean, prior) for mean in means])
    np.testing.assert_allclose(found, alone, atol=1e-8)


def test_a_class_without_source_rows() -> None:
    confusion, prior = statistics(3, seed=3)
    confusion, prior = np.pad(confusion, (0, 1)), np.append(prior, 0.0)
    means = np.random.default_rng(4).dirichlet(np.ones(4), 10)
    found = solve_many_weights(confusion, means, prior)
    assert (found[:, 3] == 1).all()


def test_statistics_that_do_not_belong_together() -> None:
    confusion, prior = statistics(3, seed=0)
    with pytest.raises(IsoglossError, match="E405"):
        solve_many_weights(confusion, np.ones((2, 4)) / 4, prior)
    with pytest.raises(IsoglossError, match="E405"):
        solve_many_weights(confusion[:2], np.ones((2, 3)) / 3, prior)
