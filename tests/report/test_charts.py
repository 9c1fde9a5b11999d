from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.image import imread

from isogloss.errors import IsoglossError
from isogloss.plots.saving import PICTURES
from isogloss.report.charts import draw_prior, draw_priors, draw_run


def prior(classes: int, **more: Any) -> dict[str, Any]:
    shares = [1 / classes] * classes
    return {
        "labels": [f"class {i}" for i in range(classes)],
        "source": shares,
        "predicted": shares,
        "estimate": shares,
        "interval": [[0.0, 2 / classes]] * classes,
        **more,
    }


@pytest.mark.parametrize("classes", [2, 5, 40])
def test_draws_any_number_of_classes(tmp_path: Path, classes: int) -> None:
    draw_run(prior(classes), {"zero-shot": 0.5, "iwda": 0.6}, "accuracy", tmp_path / "a.png")
    assert imread(tmp_path / "a.png").std() > 0.05
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_scores_truth_and_optimum_are_optional(tmp_path: Path) -> None:
    draw_run(prior(3), {}, "f1", tmp_path / "alone.png")
    draw_run(prior(3, true=[0.2, 0.3, 0.5]), {"iwda": 0.4}, "f1", tmp_path / "b.png", optimum=0.9)
    assert imread(tmp_path / "alone.png").shape[1] < imread(tmp_path / "b.png").shape[1]


def test_labels_are_text_and_nothing_else(tmp_path: Path) -> None:
    """A dollar sign, a bracket or an unclosed brace in a label must not be taken for markup."""
    labels = ["$\\frac{", "[red]", "a" * 300]
    draw_run(prior(3, labels=labels), {}, "f1", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5_000


@pytest.mark.parametrize("ending", PICTURES)
def test_a_balance_alone(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "new" / f"a{ending.upper()}"
    draw_prior(prior(4), path)
    begins = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    assert path.read_bytes().startswith(begins[ending])
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_picture_of_another_format(tmp_path: Path) -> None:
    with pytest.raises(IsoglossError) as caught:
        draw_prior(prior(4), tmp_path / "a.docx")
    assert caught.value.code == "E650"
    assert not list(tmp_path.iterdir())


def test_bars_are_the_shares_and_marks_the_intervals() -> None:
    axes = Figure().subplots()
    shares = {"source": [0.7, 0.3], "predicted": [0.6, 0.4], "estimate": [0.2, 0.8]}
    intervals = [[0.1, 0.25], [0.75, 0.9]]
    draw_priors(prior(2, interval=intervals, level=0.9, **shares), axes)
    bars = [drawn for drawn in axes.containers if isinstance(drawn, BarContainer)]
    assert [[bar.get_height() for bar in series] for series in bars] == list(shares.values())
    assert "90 % interval" in axes.get_title(loc="left")
    (marks,) = [drawn for drawn in axes.containers if isinstance(drawn, ErrorbarContainer)]
    ends = [segment[:, 1] for segment in marks[2][0].get_segments()]
    np.testing.assert_allclose(ends, intervals)


def test_of_many_classes_the_largest_on_any_side_are_drawn() -> None:
    axes = Figure().subplots()
    estimate = [0.0] * 39 + [1.0]
    draw_priors(prior(40, estimate=estimate, source=[1.0] + [0.0] * 39), axes)
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert {"class 0", "class 39"} <= set(names)
    assert len(names) == 16
    assert "the 16 largest of 40" in axes.get_title(loc="left")


def test_what_is_served_stands_out(tmp_path: Path) -> None:
    scores = {"zero-shot": 0.5, "iwda": 0.6}
    pictures = []
    for number, served in enumerate((None, "zero-shot", "iwda")):
        path = tmp_path / f"{number}.png"
        draw_run(prior(3), scores, "macro_f1", path, served=served)
        pictures.append(path.read_bytes())
    assert len(set(pictures)) == 3


def test_many_stages_widen_the_picture(tmp_path: Path) -> None:
    for count in (2, 4, 8):
        scores = {f"stage {i}": 0.1 * i for i in range(count)}
        draw_run(prior(3), scores, "f1", tmp_path / f"{count}.png", served="stage 1")
    widths = [imread(tmp_path / f"{count}.png").shape[1] for count in (2, 4, 8)]
    assert widths[0] == widths[1] < widths[2]
