"""Measures of error: by hand, against QuaPy's figures, and where shares are empty."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift import measures
from isogloss.labelshift.measures import (
    absolute_error,
    kullback_leibler,
    normalised_absolute_error,
    normalised_kullback_leibler,
    normalised_relative_absolute_error,
    prior_shift_correction,
    relative_absolute_error,
    total_variation,
)

SMOOTHED: list[Callable[..., float]] = [
    relative_absolute_error,
    normalised_relative_absolute_error,
    kullback_leibler,
    normalised_kullback_leibler,
]
PLAIN: list[Callable[..., float]] = [absolute_error, normalised_absolute_error, total_variation]
# Of QuaPy 0.2.3: ae, nae, rae, nrae, kld, nkld with eps = 1 / (2 rows).
QUAPY = [
    (
        ([0.5, 0.3, 0.2, 0.0], [0.4, 0.35, 0.05, 0.2], 100),
        (0.125, 0.25, 10.27341538632, 0.199483793909, 0.310082437635, 0.153810766192),
    ),
    (
        ([0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25], 500),
        (0.1, 0.222222222222, 0.568520632118, 0.190449697658, 0.105533296685, 0.0527177297602),
    ),
]


def test_total_variation_is_a_distance_in_0_1() -> None:
    assert total_variation([1, 0], [0, 1]) == 1.0
    assert total_variation([0.3, 0.7], [0.3, 0.7]) == 0.0
    assert total_variation([0.2, 0.8], [0.5, 0.5]) == pytest.approx(0.3)
    with pytest.raises(IsoglossError, match="E405"):
        total_variation([0.5, 0.5], [0.2, 0.3, 0.5])


def test_correction_is_1_for_the_truth_and_0_for_no_shift_and_negative_beyond() -> None:
    source, target = [0.5, 0.5], [0.8, 0.2]
    assert prior_shift_correction(source, target, target) == pytest.approx(1.0)
    assert prior_shift_correction(source, source, target) == pytest.approx(0.0)
    assert prior_shift_correction(source, [0.2, 0.8], target) == pytest.approx(-1.0)


def test_correction_without_a_shift_is_defined() -> None:
    source = [0.5, 0.5]
    assert prior_shift_correction(source, source, source) == 1.0
    assert prior_shift_correction(source, [0.6, 0.4], source) == float("-inf")


@pytest.mark.parametrize(("case", "wanted"), QUAPY)
def test_the_figures_are_those_of_quapy(
    case: tuple[list[float], list[float], int], wanted: tuple[float, ...]
) -> None:
    truth, estimate, rows = case
    found = (
        absolute_error(truth, estimate),
        normalised_absolute_error(truth, estimate),
        relative_absolute_error(truth, estimate, rows=rows),
        normalised_relative_absolute_error(truth, estimate, rows=rows),
        kullback_leibler(truth, estimate, rows=rows),
        normalised_kullback_leibler(truth, estimate, rows=rows),
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-11)


def test_smoothing_counts_an_empty_class_as_half_a_row() -> None:
    # With two rows a class gets 1/4 more, of 1.5 in all.
    assert relative_absolute_error([1, 0], [0, 1], rows=2) == pytest.approx((0.8 + 4.0) / 2)
    expected = 5 / 6 * math.log(5) - 1 / 6 * math.log(5)
    assert kullback_leibler([1, 0], [0, 1], rows=2) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(10))
def test_every_measure_is_0_for_the_truth_and_positive_beside_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, estimate = rng.dirichlet(np.ones(6), size=2)
    for measure in SMOOTHED:
        assert measure(truth, truth, rows=200) == 0.0
        assert measure(truth, estimate, rows=200) > 0.0
    for measure in PLAIN:
        assert measure(truth, truth) == 0.0
        assert measure(truth, estimate) > 0.0


def test_normalised_measures_end_at_1() -> None:
    truth, worst = [0.1, 0.3, 0.6], [1.0, 0.0, 0.0]
    assert normalised_absolute_error(truth, worst) == pytest.approx(1.0)
    nearly = normalised_relative_absolute_error(truth, worst, rows=10**9)
    assert nearly == pytest.approx(1.0, abs=1e-6)
    assert 0.99 < normalised_kullback_leibler([1.0, 0.0], [0.0, 1.0], rows=10**6) <= 1.0


def test_one_class_leaves_nothing_to_get_wrong() -> None:
    assert normalised_absolute_error([1.0], [1.0]) == 0.0
    assert normalised_relative_absolute_error([1.0], [1.0], rows=5) == 0.0


@pytest.mark.parametrize("measure", SMOOTHED)
def test_no_rows_are_refused(measure: Callable[..., float]) -> None:
    with pytest.raises(IsoglossError, match="E407: rows is 0"):
        measure([0.5, 0.5], [0.5, 0.5], rows=0)


@pytest.mark.parametrize("measure", [*SMOOTHED, *PLAIN])
def test_what_is_no_prior_is_refused(measure: Callable[..., float]) -> None:
    more = {"rows": 10} if measure in SMOOTHED else {}
    for estimate, code in (([0.5, 0.6], "E402"), ([1.5, -0.5], "E401"), ([1.0], "E405")):
        with pytest.raises(IsoglossError, match=code):
            measure([0.5, 0.5], estimate, **more)


def test_every_measure_names_its_source() -> None:
    named = [value for name, value in vars(measures).items() if name.endswith(("error", "leibler"))]
    assert len(named) == 6
    assert all("Sebastiani" in (measure.__doc__ or "") for measure in named)
