"""Figures of the shift in every layer, from tiny runs to pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from isogloss.paper.grid import Choices, Wanted
from isogloss.paper.layers import mean_curve
from isogloss.paper.planning import Request
from isogloss.paper.reproduce import reproduce


def request(name: str, data: Path, encoder: Path, output: Path, **wanted: object) -> Request:
    return Request(
        name=name,
        data=str(data),
        output=output,
        choices=Choices(model=str(encoder), max_steps=2),
        wanted=Wanted(languages=("de", "es"), seeds=1, **wanted),  # type: ignore[arg-type]
    )


def test_figure_2_has_a_curve_for_every_language_and_method(
    marc: Path, encoder: Path, tmp_path: Path
) -> None:
    asked = request("figure2", marc, encoder, tmp_path / "out")
    report = reproduce(asked)
    assert report["failed"] == []
    (figure,) = report["layers"]
    assert list(figure["curves"]) == ["zero-shot", "supervised-bilingual"]
    measured = figure["curves"]["supervised-bilingual"]["es"]
    assert measured["score"] == report["scores"]["marc"]["supervised-bilingual"]["es"]["mean"]
    # Embeddings and three layers; in the view that the classifier takes, its features too.
    assert measured["views"]["mean"]["layers"] == [0, 1, 2, 3]
    assert measured["views"]["cls"]["layers"] == [0, 1, 2, 3, "features"]
    assert all(value > 0 for value in measured["views"]["mean"]["values"])
    assert [Path(path).name for path in figure["files"]] == ["layers.png", "layers.svg"]
    assert all(Path(path).stat().st_size > 1_000 for path in figure["files"])
    text = (tmp_path / "out" / "figure2.md").read_text("utf-8")
    assert "conditional feature shift of every layer" in text
    assert "(figure2/marc/layers.png)" in text
    page = (tmp_path / "out" / "figure2.html").read_text("utf-8")
    assert page.count('<th scope="col">emb.</th>') == 2
    assert "data:image/svg+xml;base64," in page
    # No model is needed to draw it once more.
    assert not list((tmp_path / "out" / "runs").rglob("model"))
    assert reproduce(asked) == report


def test_figure_8_is_a_study_and_has_curves(marc: Path, encoder: Path, tmp_path: Path) -> None:
    report = reproduce(request("figure8", marc, encoder, tmp_path / "out", sets=6))
    # The source's model, and each target's measure of it.
    assert (report["done"], report["failed"]) == (3, [])
    assert len(report["studies"]) == len(report["layers"]) == 1
    assert list(report["layers"][0]["curves"]) == ["zero-shot"]
    page = (tmp_path / "out" / "figure8.html").read_text("utf-8")
    assert page.count("<figure>") == 2


def test_curves_are_averaged_over_seeds() -> None:
    first = {"layers": [0, 1], "values": [1.0, None], "low": [0.0, 1.0], "high": [2.0, 2.0]}
    second = {"layers": [0, 1], "values": [2.0, 4.0], "low": [1.0, 1.0], "high": [2.0, 4.0]}
    floors = {"floors": [None, None]}
    found = mean_curve([first | floors, second | floors])
    assert found["values"] == [pytest.approx(1.5), None]
    assert found["high"] == [2.0, 3.0]
    assert found["floors"] == [None, None]
