from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.image import imread

from isogloss.report.charts import draw_run


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
