"""Figure 7: scores over the steps of training, from tiny runs to a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from isogloss.paper import work
from isogloss.paper.courses import course_tables, courses_of
from isogloss.paper.grid import Cell, Choices, Wanted, cells_of
from isogloss.paper.planning import Request
from isogloss.paper.reproduce import reproduce
from isogloss.paper.specification import specification


def request(name: str, data: Path, encoder: Path, output: Path, **more: Any) -> Request:
    return Request(
        name=name,
        data=str(data),
        output=output,
        choices=Choices(model=str(encoder), max_steps=4),
        wanted=Wanted(languages=("de",), methods=("zero-shot", "iwda", "iwda-unweighted"), seeds=1),
        **more,
    )


def test_figure_7_has_a_curve_for_each_method_that_trains(
    corpora: Path, encoder: Path, tmp_path: Path
) -> None:
    asked = request("figure7", corpora, encoder, tmp_path / "out")
    report = reproduce(asked)
    assert (report["done"], report["failed"]) == (4, [])
    (figure,) = report["courses"]
    assert list(figure["curves"]) == ["de"]
    scores = report["scores"]["conll"]
    for method, points in figure["curves"]["de"].items():
        assert points["steps"] == [0, 1, 2, 3, 4]
        # From the zero-shot model to what the table has.
        assert points["values"][0] == scores["zero-shot"]["de"]["values"]
        assert points["values"][-1] == scores[method]["de"]["values"]
    assert list(figure["curves"]["de"]) == ["iwda", "iwda-unweighted"]
    assert figure["zero_shot"]["de"] == scores["zero-shot"]["de"]["mean"]
    drawn = Path(figure["files"][1]).read_text("utf-8")
    assert all(f"<!-- {name} -->" in drawn for name in (*figure["curves"]["de"], "zero-shot"))
    assert [Path(path).name for path in figure["files"]] == ["course.png", "course.svg"]
    assert all(Path(path).stat().st_size > 1_000 for path in figure["files"])
    text = (tmp_path / "out" / "figure7.md").read_text("utf-8")
    assert "(figure7/conll/course.png)" in text
    assert "over the steps of the last stage" in text
    page = (tmp_path / "out" / "figure7.html").read_text("utf-8")
    assert page.count("<figure>") == 1
    assert '<th scope="row">4</th>' in page
    # The points are in the cells: nothing is trained to draw it once more, or kept for it.
    assert not list((tmp_path / "out" / "runs").rglob("model"))
    assert reproduce(asked) == report


@pytest.mark.parametrize("keep", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_runs_of_a_table_are_made_again_for_their_course(
    corpora: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    table = reproduce(request("table2", corpora, encoder, tmp_path, keep_models=keep))
    trained: list[Cell] = []
    inner = work.train

    def spy(job: Any, *others: Any) -> Any:
        trained.append(job.cell)
        return inner(job, *others)

    monkeypatch.setattr(work, "train", spy)
    figure = reproduce(request("figure7", corpora, encoder, tmp_path, keep_models=keep))
    assert figure["failed"] == []
    before, after = (one["scores"]["conll"] for one in (table, figure))
    for method in ("zero-shot", "iwda", "iwda-unweighted"):
        assert after[method]["de"]["values"] == before[method]["de"]["values"]
    methods = {cell.method for cell in trained if cell.language == "de"}
    assert methods == {"iwda", "iwda-unweighted"}
    # The model that they start from was removed with the table, if it was not kept.
    assert any(cell.language == "en" for cell in trained) is not keep


def test_a_cell_is_measured_for_all_that_asks_for_it() -> None:
    spec = specification("figure7")
    wanted = Wanted(seeds=1)
    by_method = {cell.method: cell for cell in cells_of(spec, Choices(), wanted)}
    assert by_method["zero-shot"].measures == ()
    assert by_method["iwda"].measures == by_method["iwda-unweighted"].measures == ("course",)


def test_curves_are_of_all_seeds() -> None:
    part = specification("figure7").parts[0]
    facts = {"corpus": "conll", "method": "iwda", "language": "de"}
    records = [
        facts | {"course": [{"step": step, "scores": {"f1": f1}} for step, f1 in points]}
        for points in ([(0, 0.5), (2, 0.7)], [(0, 0.5), (2, 0.8), (3, 0.9)])
    ]
    curves = courses_of(part, records)
    points = curves["de"]["iwda"]
    assert points["steps"] == [0, 2, 3]
    assert points["values"] == [[50.0, 50.0], [pytest.approx(70.0), 80.0], [90.0]]
    other = {"steps": [0, 2], "values": [[50.0], [40.0]]}
    figure = {"corpus": "conll", "metric": "entity-f1", "curves": {"de": {"iwda": points}}}
    figure["curves"]["de"]["iwda-unweighted"] = other
    (table,) = course_tables(figure)
    assert table.columns == ["step", "iwda", "iwda-unweighted"]
    assert table.rows == [
        ["0", "50.00 ± 0.00", "50.00"],
        ["2", "75.00 ± 7.07", "40.00"],
        ["3", "90.00", "–"],
    ]
    assert json.loads(json.dumps(curves)) == curves
    assert courses_of(part, [facts]) == {}
