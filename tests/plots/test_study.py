from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from isogloss.errors import IsoglossError
from isogloss.plots.study import (
    MOST_POINTS,
    draw_study,
    plot_estimate_error,
    plot_improvement,
    plot_score_by_shift,
    plot_shifts_jointly,
)

# Names are users' texts: no mathematics, no underscore that hides, no markup.
GROUPS = ("$\\frac{de", "_es", "<ar>")


def made(groups: tuple[str, ...] = GROUPS, sets: int = 40) -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    shift = {name: rng.random(sets) for name in groups}
    return {
        "shift": shift,
        "value": {n: 0.8 - 0.4 * s + 0.1 * rng.random(sets) for n, s in shift.items()},
    }


def legend_names(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_scores_by_shift_have_their_means_marked() -> None:
    data = made()
    ax = plot_score_by_shift(data["shift"], data["value"], shift_name="shift", score_name="F1")
    assert legend_names(ax) == list(GROUPS)
    points, mean = ax.collections[0].get_offsets(), ax.collections[1].get_offsets()
    first = GROUPS[0]
    np.testing.assert_allclose(
        points, np.stack([data["shift"][first], data["value"][first]], axis=1)
    )
    np.testing.assert_allclose(mean, [[data["shift"][first].mean(), data["value"][first].mean()]])


def test_values_that_are_missing_are_left_out_and_many_are_thinned() -> None:
    many = np.linspace(0, 1, 3 * MOST_POINTS)
    holes = np.where(np.arange(len(many)) % 2, many, np.nan)
    ax = plot_score_by_shift({"a": many}, {"a": holes}, shift_name="s", score_name="F1")
    assert len(ax.collections[0].get_offsets()) == MOST_POINTS
    none = plot_score_by_shift({"a": [np.nan]}, {"a": [0.5]}, shift_name="s", score_name="F1")
    assert len(none.collections[0].get_offsets()) == 0


def test_both_shifts_are_coloured_by_score() -> None:
    rng = np.random.default_rng(1)
    score = rng.random(30)
    ax = plot_shifts_jointly(rng.random(30), 100 * rng.random(30), score, score_name="F1")
    np.testing.assert_allclose(ax.collections[0].get_array(), score)


@pytest.mark.parametrize("plot", [plot_improvement, plot_estimate_error])
@pytest.mark.parametrize("sets", [1, 2, 200])
def test_curves_follow_means(plot: Any, sets: int) -> None:
    shift = {"a": np.linspace(0.2, 0.8, sets)}
    ax = plot(shift, {"a": 3.0 * shift["a"]})
    curve = next(line for line in ax.get_lines() if line.get_marker() == "o")
    across, up = curve.get_data()
    np.testing.assert_allclose(up, 3.0 * np.asarray(across))
    assert across.min() >= 0.2
    assert across.max() <= 0.8


def columns(*, features: bool, improvement: bool) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    rng = np.random.default_rng(2)
    names = ["prior_shift", "macro_f1", "estimate_error"]
    names += ["feature_shift"] if features else []
    found = {}
    for model in ("zero-shot", "iwda"):
        more = ["improvement"] if improvement and model == "iwda" else []
        found[model, "de.csv"] = {name: rng.random(30) for name in names + more}
    return found


@pytest.mark.parametrize(("features", "improvement"), [(True, True), (False, False)])
def test_a_study_is_drawn_twice_alike(tmp_path: Path, features: bool, improvement: bool) -> None:
    table = columns(features=features, improvement=improvement)
    paths = draw_study({"score": "macro_f1"}, table, tmp_path / "new")
    assert [path.name for path in paths] == ["study.png", "study.svg"]
    assert imread(paths[0]).std() > 0.05
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["study.png", "study.svg"]
    before = paths[1].read_text("utf-8")
    assert "<svg" in before
    if features:
        draw_study({"score": "macro_f1"}, table, tmp_path / "new")
        assert paths[1].read_text("utf-8") == before


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IsoglossError, match="E121"):
        draw_study(
            {"score": "macro_f1"}, columns(features=True, improvement=True), tmp_path / "file"
        )
