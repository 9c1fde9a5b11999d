"""The benchmark of prior estimators measures what it says it measures."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from isogloss.labelshift import total_variation
from shiftbench.problems import STARS, TAGS, Problem, _simulated, shifted_prior
from shiftbench.tables import draw_errors, mean_error, tables


@pytest.mark.parametrize("shift", [0.03, 0.4, 0.85])
def test_shifted_prior_is_at_the_shift(shift: float) -> None:
    prior = shifted_prior(STARS, shift, np.random.default_rng(0))
    assert total_variation(STARS, prior) == pytest.approx(shift)
    assert prior.min() >= -1e-12


def test_simulated_classifiers_are_as_described() -> None:
    rng = np.random.default_rng(0)
    stars = _simulated(STARS, 40_000, rng).source
    accuracy = (stars.probabilities.argmax(axis=1) == stars.labels).mean()
    assert accuracy == pytest.approx(0.58, abs=0.01)
    tags = _simulated(TAGS, 40_000, rng).source
    assert (tags.labels == 0).mean() == pytest.approx(0.83, abs=0.01)
    assert len(np.unique(tags.groups)) == pytest.approx(40_000 / 12, abs=1)


def test_targets_have_the_prior_that_was_asked_for() -> None:
    split = Problem(
        name="stars", family="stars", split=lambda rng: _simulated(STARS, 100, rng)
    ).split(np.random.default_rng(0))
    wanted = np.array([0.5, 0.2, 0.1, 0.1, 0.1])
    drawn = split.draw(wanted, 50_000, np.random.default_rng(1))
    shares = np.bincount(drawn.labels) / len(drawn.labels)
    np.testing.assert_allclose(shares, wanted, atol=0.01)


def record(number: int, auto: float) -> dict[str, object]:
    names = ("auto", "bbse", "bbse-hard", "rlls", "mlls", "matching", "ACC", "PACC", "EMQ")
    names = (*names, "EMQ-BCTS", "KDEy", "count", "mean", "logistic mean")
    error = dict.fromkeys(names, 0.2) | {"auto": auto, "none": 0.4}
    return {
        "bin": number,
        "shift": 0.4,
        "rows": 500,
        "p_value": 0.5,
        "inside": 0.95,
        "significant": True,
        "error": error,
        "distance": error,
        "seconds": dict.fromkeys(names, 0.01),
    }


def test_bins_weigh_the_same_and_tables_tell_the_ratio(tmp_path: Path) -> None:
    rows = [record(1, 0.1), record(1, 0.1), record(2, 0.4)]
    assert mean_error(rows, "auto") == pytest.approx(0.25)
    text = tables({"stars": rows}, {"stars": "stars"})
    assert "1.25" in text
    assert "| stars | 0.750 | 0.000 |" in text
    draw_errors({"stars": rows}, {"stars": "stars"}, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 1000
