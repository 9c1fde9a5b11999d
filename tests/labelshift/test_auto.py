"""The default estimator: efficient under label shift, wary without, never far behind the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isogloss.labelshift import estimate_prior
from isogloss.labelshift.auto import auto_fit
from isogloss.labelshift.fit import Fit
from isogloss.labelshift.matching import Match
from isogloss.labelshift.measures import prior_shift_correction, total_variation
from isogloss.labelshift.rows import source_rows, target_rows
from tests.helpers.shift import draw_rows

SOURCE = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.15, 0.25, 0.6])
# Rows of class 0 look like class 1 in the other language, as those of class 2 look like class 0.
MOVED = np.array([[-0.9, 0.9, 0.0], [0.0, 0.0, 0.0], [0.7, 0.0, -0.7]])


def run(
    seed: int,
    *,
    rows: int = 400,
    others: int = 400,
    prior: Any = TARGET,
    source: Any = SOURCE,
    moved: Any = None,
    separation: float = 1.5,
    calibration: str = "bcts",
) -> tuple[Fit, Match]:
    probabilities, labels = draw_rows(rows, source, seed=seed, separation=separation)
    found, _ = draw_rows(
        others,
        np.asarray(prior),
        seed=1000 + seed,
        source_prior=source,
        separation=separation,
        moved=moved,
    )
    of = source_rows(
        probabilities, labels, calibration=calibration, groups=None, features=None, seed=0
    )
    return auto_fit(of, target_rows(of, found, groups=None, features=None, seed=0), seed=0)


def test_many_rows_tell_the_prior() -> None:
    fit, _ = run(0, rows=20_000, others=20_000)
    assert total_variation(fit.prior, TARGET) < 0.015
    np.testing.assert_allclose(fit.free.sum(), 1.0)


def test_is_about_as_good_as_the_likelihood_where_that_is_best() -> None:
    errors: dict[str, list[float]] = {"auto": [], "mlls": [], "bbse": []}
    for seed in range(25):
        probabilities, labels = draw_rows(300, SOURCE, seed=seed, separation=1.2)
        others, _ = draw_rows(300, TARGET, seed=1000 + seed, source_prior=SOURCE, separation=1.2)
        for method, found in errors.items():
            estimate = estimate_prior(probabilities, labels, others, method=method, shrink=False)
            found.append(total_variation(estimate.prior, TARGET))
    means = {method: np.mean(found) for method, found in errors.items()}
    assert means["auto"] < 1.1 * means["mlls"]
    assert means["auto"] < means["bbse"]


def test_needs_no_calibrated_probabilities() -> None:
    """Posteriors that are far too sure mislead the likelihood, not the moments."""
    errors: dict[str, list[float]] = {"auto": [], "mlls": []}
    for seed in range(12):
        probabilities, labels = draw_rows(1500, SOURCE, seed=seed, separation=1.0)
        others, _ = draw_rows(1500, TARGET, seed=1000 + seed, source_prior=SOURCE, separation=1.0)
        sure = [p**4 / (p**4).sum(axis=1, keepdims=True) for p in (probabilities, others)]
        for method, found in errors.items():
            estimate = estimate_prior(
                sure[0], labels, sure[1], method=method, calibration="none", shrink=False
            )
            found.append(total_variation(estimate.prior, TARGET))
    assert np.mean(errors["auto"]) < 0.5 * np.mean(errors["mlls"])


def test_doubts_itself_where_the_assumption_is_refuted() -> None:
    fit, test = run(0, moved=MOVED)
    assert test.p_value < 0.01
    assert fit.diagnostics["doubt"] > 1.0
    assert fit.diagnostics["misfit"] > 0.05
    assert fit.extra.any()
    trusted, held = run(0)
    assert held.p_value > 0.05
    assert "doubt" not in trusted.diagnostics
    assert 0.0 <= trusted.diagnostics["likelihood_share"] <= 1.0
    assert np.trace(fit.covariance) > np.trace(trusted.covariance)


def test_corrects_more_than_it_harms_where_the_assumption_is_violated() -> None:
    corrections = [
        prior_shift_correction(SOURCE, run(seed, moved=0.5 * MOVED)[0].prior, TARGET)
        for seed in range(12)
    ]
    assert np.mean(corrections) > 0.3


@pytest.mark.parametrize(("rows", "size"), [(12, 4), (60, 10), (300, 40)])
def test_few_rows_are_asked_few_questions(rows: int, size: int) -> None:
    prior = np.random.default_rng(size).dirichlet(np.full(size, 5.0))
    fit, test = run(0, rows=rows, others=rows, prior=prior, source=prior, separation=2.0)
    assert np.isfinite(fit.prior).all()
    assert np.isfinite(fit.covariance).all()
    assert 0.0 <= test.p_value <= 1.0
    assert test.degrees < rows


def test_classes_may_be_numbered_otherwise() -> None:
    probabilities, labels = draw_rows(300, SOURCE, seed=0)
    others, _ = draw_rows(300, TARGET, seed=1, source_prior=SOURCE)
    order = np.array([2, 0, 1])
    found = estimate_prior(probabilities, labels, others)
    other = estimate_prior(probabilities[:, order], np.argsort(order)[labels], others[:, order])
    np.testing.assert_allclose(other.prior, found.prior[order], atol=1e-4)
    assert other.assumption_p_value == pytest.approx(found.assumption_p_value, abs=1e-2)
