"""Rows of both sides: bundled whole, restricted to the source's classes, refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift.rows import (
    MOST_BUNDLES,
    SourceRows,
    TargetRows,
    make_bundles,
    restrict,
    source_rows,
    target_rows,
)

ROWS = np.array([[0.6, 0.1, 0.3], [0.2, 0.3, 0.5], [0.0, 0.0, 1.0], [0.1, 0.2, 0.7]])


def source(probabilities: Any = ROWS, labels: Any = (0, 1, 0, 2), **options: Any) -> SourceRows:
    settings = {"calibration": "none", "groups": None, "features": None, "seed": 0}
    return source_rows(probabilities, labels, **(settings | options))


def target(of: SourceRows, probabilities: Any = ROWS, **options: Any) -> TargetRows:
    settings = {"groups": None, "features": None, "seed": 0}
    return target_rows(of, probabilities, **(settings | options))


@pytest.mark.parametrize("groups", [None, [7, -2, 7, 7, 30, -2]])
def test_bundles_sum_rows_of_a_group(groups: list[int] | None) -> None:
    values = np.random.default_rng(0).normal(size=(6, 2))
    bundles = make_bundles(6, groups, seed=0, name="groups")
    keys = list(range(6)) if groups is None else groups
    wanted = [values[[k == key for k in keys]].sum(axis=0) for key in sorted(set(keys))]
    assert bundles.count == len(set(keys))
    np.testing.assert_allclose(bundles.sums(values), wanted)
    parts = bundles.sums(values[:4], slice(0, 4)) + bundles.sums(values[4:], slice(4, 6))
    np.testing.assert_allclose(parts, wanted)


def test_very_many_groups_stand_together_whole() -> None:
    groups = np.repeat(np.arange(MOST_BUNDLES + 500), 2)
    first, again, other = (
        make_bundles(len(groups), groups, seed=seed, name="groups") for seed in (0, 0, 1)
    )
    assert first.count == MOST_BUNDLES
    np.testing.assert_array_equal(first.of_row[::2], first.of_row[1::2])
    np.testing.assert_array_equal(first.of_row, again.of_row)
    assert not np.array_equal(first.of_row, other.of_row)
    assert set(np.bincount(first.of_row)) == {2, 4}


def test_a_class_without_rows_is_left_out_on_both_sides() -> None:
    of = source(labels=[0, 0, 2, 2])
    np.testing.assert_array_equal(of.seen, [True, False, True])
    np.testing.assert_array_equal(of.labels, [0, 0, 1, 1])
    np.testing.assert_array_equal(of.prior, [0.5, 0.5])
    wanted = [[2 / 3, 1 / 3], [2 / 7, 5 / 7], [0.0, 1.0], [1 / 8, 7 / 8]]
    np.testing.assert_allclose(of.probabilities, wanted)
    np.testing.assert_allclose(target(of).probabilities, wanted)
    np.testing.assert_array_equal(of.spread(np.array([0.4, 0.6])), [0.4, 0.0, 0.6])
    np.testing.assert_array_equal(of.spread(np.ones((5, 2))), np.tile([1.0, 0.0, 1.0], (5, 1)))


def test_a_row_of_none_of_the_classes_is_even() -> None:
    found = restrict(np.array([[0.0, 1.0, 0.0]]), np.array([True, False, True]))
    np.testing.assert_array_equal(found, [[0.5, 0.5]])


def test_rows_are_normalised_and_calibrated_alike() -> None:
    of = source(calibration="bcts")
    np.testing.assert_allclose(target(of).calibrated, of.calibrated)
    np.testing.assert_allclose(source(1.001 * ROWS).probabilities, ROWS, rtol=1e-12)
    assert source(ROWS.astype(np.float16)).probabilities.dtype == np.float64


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"probabilities": np.full((4, 3), np.nan)}, "E400"),
        ({"probabilities": np.tile([1.2, -0.2, 0.0], (4, 1))}, "E401"),
        ({"labels": [0, 1, 2, 3]}, "E403"),
        ({"probabilities": np.zeros((0, 3)), "labels": []}, "E404"),
        ({"labels": [0, 1]}, "E405"),
        ({"groups": [0, 1]}, "E405"),
        ({"features": [[1.0]]}, "E405"),
        ({"features": [1.0] * 4}, "E405"),
        ({"features": [[np.inf]] * 4}, "E400"),
        ({"probabilities": np.zeros((4, 3))}, "E406"),
        ({"calibration": "isotonic"}, "E409"),
    ],
)
def test_unusable_source_rows_are_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(IsoglossError, match=code) as caught:
        source(**change)
    assert "source" in str(caught.value) or code == "E409"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"probabilities": np.full((4, 3), np.inf)}, "E400"),
        ({"probabilities": np.tile([1.2, -0.2, 0.0], (4, 1))}, "E401"),
        ({"probabilities": np.zeros((0, 3))}, "E404"),
        ({"probabilities": np.full((4, 2), 0.5)}, "E405"),
        ({"groups": [0, 1]}, "E405"),
        ({"features": np.zeros((4, 3))}, "E405"),
        ({"features": np.full((4, 2), np.nan)}, "E400"),
        ({"probabilities": 5 * ROWS}, "E406"),
    ],
)
def test_unusable_target_rows_are_refused(change: dict[str, Any], code: str) -> None:
    of = source(features=np.zeros((4, 2)))
    with pytest.raises(IsoglossError, match=f"{code}: the target"):
        target(of, **change)
