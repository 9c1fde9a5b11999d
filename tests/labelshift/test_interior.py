"""The interior point against answers known by other means."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.labelshift.interior import Program, solve_programs
from isogloss.labelshift.projection import project_simplex


def _simplex_program(size: int, **changes: object) -> Program:
    fields = {
        "curvature": np.eye(size),
        "rows": np.zeros(size),
        "low": np.zeros(size),
        "high": np.ones(size),
        "order": np.zeros((0, size)),
        "sizes": np.ones(size),
        "total": 1.0,
    }
    return Program(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [2, 5, 40])
def test_without_logarithms_it_is_the_projection(size: int) -> None:
    points = np.random.default_rng(size).normal(size=(50, size))
    found = solve_programs(_simplex_program(size), points)
    np.testing.assert_allclose(found, project_simplex(points), atol=1e-7)


def test_without_curvature_to_speak_of_it_is_the_share_of_rows() -> None:
    rows = np.array([1e6, 3e6, 6e6])
    found = solve_programs(_simplex_program(3, rows=rows), np.zeros((1, 3)))
    np.testing.assert_allclose(found, [[0.1, 0.3, 0.6]], atol=1e-6)


def test_two_classes_by_hand() -> None:
    # The slope of (x - 0.5)² - log x - 3 log(1 - x), times x (1 - x), is a cubic.
    roots = np.roots([-2.0, 3.0, 3.0, -1.0])
    root = next(float(r.real) for r in roots if abs(r.imag) < 1e-9 and 0 < r.real < 1)
    program = _simplex_program(2, rows=np.array([1.0, 3.0]))
    found = solve_programs(program, np.array([[0.5, 0.5]]))
    np.testing.assert_allclose(found, [[root, 1.0 - root]], atol=1e-8)


def test_weighted_sums_bounds_and_order() -> None:
    program = _simplex_program(
        3,
        sizes=np.array([2.0, 1.0, 1.0]),
        high=np.array([1.0, 0.3, 1.0]),
        order=np.array([[1.0, 0.0, -1.0]]),
    )
    found = solve_programs(program, np.array([[0.0, 0.9, 0.6]]))[0]
    # The second is at its bound, the first and third are tied: 2x + 0.3 + x = 1.
    np.testing.assert_allclose(found, [0.7 / 3, 0.3, 0.7 / 3], atol=1e-7)


def test_problems_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(30, 6))
    program = _simplex_program(6, rows=rng.random(6))
    together = solve_programs(program, points)
    singly = np.concatenate([solve_programs(program, point[None]) for point in points])
    np.testing.assert_allclose(together, singly, atol=1e-9)
