from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from isogloss.study.correlations import correlations
from isogloss.study.summary import by_band, spread, summarise


def residual(values: np.ndarray, other: np.ndarray) -> np.ndarray:
    design = np.stack([np.ones_like(other), other], axis=1)
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


@pytest.fixture
def columns() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    prior = rng.random(80)
    feature = 0.5 * prior + rng.random(80)
    return {
        "score": 1.0 - prior - 0.3 * feature**2 + 0.1 * rng.normal(size=80),
        "prior": prior,
        "feature": feature,
    }


def test_plain_correlations_are_scipy_s(columns: dict[str, np.ndarray]) -> None:
    found = correlations(columns["score"], {n: columns[n] for n in ("prior", "feature")})
    for name in ("prior", "feature"):
        pair = columns["score"], columns[name]
        assert found[name]["pearson"] == pytest.approx(scipy.stats.pearsonr(*pair).statistic)
        assert found[name]["spearman"] == pytest.approx(scipy.stats.spearmanr(*pair).statistic)


def test_partial_correlations_are_those_of_residuals(columns: dict[str, np.ndarray]) -> None:
    found = correlations(columns["score"], {n: columns[n] for n in ("prior", "feature")})
    ranks = {name: scipy.stats.rankdata(values) for name, values in columns.items()}
    for one, other in (("prior", "feature"), ("feature", "prior")):
        for kind, source in (("pearson", columns), ("spearman", ranks)):
            pair = [residual(source[name], source[other]) for name in ("score", one)]
            wanted = scipy.stats.pearsonr(*pair).statistic
            assert found[one][f"partial_{kind}"] == pytest.approx(wanted)


def test_what_does_not_vary_has_no_correlation() -> None:
    rising = np.arange(6.0)
    found = correlations(rising, {"still": np.full(6, 0.3), "other": rising**2})
    assert found["still"]["pearson"] is None
    assert found["other"]["pearson"] == pytest.approx(scipy.stats.pearsonr(rising, rising**2)[0])
    assert found["other"]["partial_pearson"] is None


def test_few_sets_and_missing_values() -> None:
    assert correlations([1.0, 2.0, 3.0], {"a": [1.0, 2.0, 3.0]})["a"]["pearson"] is None
    rising = np.arange(6.0)
    gap = rising.copy()
    gap[2] = np.nan
    assert correlations(rising, {"a": gap})["a"]["pearson"] == pytest.approx(1.0)


def test_bands_have_every_set_once() -> None:
    rng = np.random.default_rng(1)
    shift = np.append(rng.random(200), [0.3, 1.0])
    value = shift * 2
    value[0] = np.nan
    bands = by_band(shift, value)
    assert sum(band["sets"] for band in bands) == 201
    for band in bands:
        inside = (shift >= band["from"] - 1e-9) & (shift < band["to"] - 1e-9) & np.isfinite(value)
        assert band["sets"] == inside.sum()
        assert band["mean"] == pytest.approx(value[inside].mean())
        low, high = np.quantile(value[inside], [0.1, 0.9])
        assert (band["low"], band["high"]) == (pytest.approx(low), pytest.approx(high))
    assert by_band([], []) == []


def test_spreads() -> None:
    found = spread([1.0, np.nan, 3.0])
    assert found == {"mean": 2.0, "sd": pytest.approx(2**0.5), "least": 1.0, "most": 3.0}
    assert spread([np.nan])["mean"] is None
    assert spread([2.0])["sd"] == 0.0


def test_a_summary_has_what_there_is() -> None:
    rng = np.random.default_rng(2)
    names = ("accuracy", "macro_f1", "prior_shift", "estimate_error", "shift_corrected")
    columns = {name: rng.random(30) for name in names}
    found = summarise(columns, score="macro_f1")
    assert found["sets"] == 30
    assert set(found["correlations"]["score"]) == {"prior_shift"}
    assert "improvement" not in found["bands"]
    more = summarise(columns | {"improvement": rng.random(30)}, score="macro_f1")
    assert sum(band["sets"] for band in more["bands"]["improvement"]) == 30
