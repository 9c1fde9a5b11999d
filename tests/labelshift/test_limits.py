"""Bounds and an order made consistent: infeasible exactly where no prior meets them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from isogloss.errors import IsoglossError
from isogloss.labelshift.limits import resolve_limits


@pytest.mark.parametrize(
    ("bounds", "order", "message"),
    [
        ({3: (0.1, 0.2)}, (), "E420: A fact names class 3, but there are only the classes 0 to 2"),
        ({}, ((0, -1),), "E420: A fact names class -1"),
        ({0: (0.3, 0.2)}, (), "E421: The bounds 0.3 to 0.2 of class 0"),
        ({0: (-0.1, 0.2)}, (), "E421"),
        ({0: (0.1, 1.2)}, (), "E421"),
        ({0: (float("nan"), 1.0)}, (), "E421"),
        ({0: (0.6, 1), 1: (0.5, 1)}, (), "E422: The lowest shares of the classes sum to 1.1"),
        ({0: (0, 0.3), 1: (0, 0.3), 2: (0, 0.3)}, (), "E422: The highest .* 0.9 where at least 1"),
        ({0: (0.2, 0.2), 1: (0.3, 0.3)}, ((0, 1),), "E423: Class 0 .* share of class 1"),
        ({0: (0.0, 0.2), 2: (0.3, 1.0)}, ((0, 1), (1, 2)), "E423"),
        ({0: (0.4, 1.0)}, ((1, 0), (2, 0)), "E422: The lowest .* 1.2"),
        ({0: (0.0, 0.3)}, ((0, 1), (1, 2)), "E422: The highest .* 0.9"),
    ],
)
def test_impossible_facts_are_refused(bounds: dict, order: tuple, message: str) -> None:
    with pytest.raises(IsoglossError, match=message):
        resolve_limits(bounds, order, num_classes=3)


def test_bounds_follow_the_order() -> None:
    limits = resolve_limits({2: (0.2, 1.0), 0: (0.0, 0.4)}, ((1, 2), (0, 1)), num_classes=4)
    np.testing.assert_allclose(limits.low, [0.2, 0.2, 0.2, 0.0])
    np.testing.assert_allclose(limits.high, [0.4, 0.4, 0.4, 1.0])
    assert not limits.fixed().any()


def test_bounds_that_leave_one_prior_fix_it() -> None:
    low = resolve_limits({0: (0.25, 1), 1: (0.75, 1)}, (), num_classes=3)
    np.testing.assert_allclose(low.high, [0.25, 0.75, 0.0])
    high = resolve_limits({0: (0, 0.25), 1: (0, 0.75), 2: (0, 0)}, (), num_classes=3)
    np.testing.assert_allclose(high.low, [0.25, 0.75, 0.0])
    assert low.fixed().all()
    assert high.fixed().all()


def test_an_order_both_ways_ties_classes_together() -> None:
    limits = resolve_limits({}, ((0, 1), (1, 2), (2, 0), (3, 0)), num_classes=5)
    groups = limits.groups()
    assert len(set(groups[:3])) == 1
    assert len(set(groups)) == 3


def test_containment() -> None:
    limits = resolve_limits({0: (0.2, 0.5)}, ((1, 2),), num_classes=3)
    priors = np.array([[0.3, 0.4, 0.3], [0.3, 0.3, 0.4], [0.6, 0.3, 0.1], [0.1, 0.5, 0.4]])
    np.testing.assert_array_equal(limits.contain(priors), [True, False, False, False])


@pytest.mark.parametrize("seed", range(200))
def test_facts_are_refused_exactly_where_linear_programming_finds_no_prior(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 6))
    some = rng.choice(size, int(rng.integers(1, size + 1)), replace=False)
    bounds = {int(j): tuple(np.sort(rng.random(2) ** 2)) for j in some}
    order = tuple(
        (int(a), int(b)) for a, b in (rng.choice(size, 2, replace=False) for _ in range(size - 1))
    )
    rows = np.zeros((len(order), size))
    for row, (first, second) in zip(rows, order, strict=True):
        row[first], row[second] = -1.0, 1.0
    found = scipy.optimize.linprog(
        np.zeros(size),
        A_ub=rows,
        b_ub=np.zeros(len(order)),
        A_eq=np.ones((1, size)),
        b_eq=[1.0],
        bounds=[bounds.get(j, (0.0, 1.0)) for j in range(size)],
    )
    if found.status == 0:
        limits = resolve_limits(bounds, order, num_classes=size)
        assert limits.low.sum() <= 1.0 + 1e-9
        assert limits.high.sum() >= 1.0 - 1e-9
    else:
        with pytest.raises(IsoglossError, match=r"E42[23]"):
            resolve_limits(bounds, order, num_classes=size)
