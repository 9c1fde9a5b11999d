from __future__ import annotations

from typing import Any

import pytest

from isogloss.models.card import inert
from isogloss.paper.results import Score, scores_of
from isogloss.paper.specification import specification
from isogloss.paper.tables import (
    Table,
    as_html,
    as_markdown,
    band_table,
    ours,
    safe,
    score_table,
    spread,
)
from tests.paper.test_claims import record, under_shift

REPORT: dict[str, Any] = {
    "name": "table1",
    "title": "<b>mBERT</b>",
    "note": "a note",
    "model": "x|y`<script>",
    "paper_model": "mbert",
    "preset": "paper",
    "paper_preset": "paper",
    "settings": {"data": "folder", "fraction": 1.0, "max_steps": None},
    "done": 3,
    "failed": [{"key": "a/b", "error": "E804: <img src=x onerror=alert(1)> | row"}],
}


def test_mean_and_deviation_over_seeds() -> None:
    assert ours(Score(values=(50.0, 52.0, 54.0), published=None)) == "52.00 ± 2.00"
    assert ours(Score(values=(50.0,), published=None)) == "50.00"
    assert ours(Score(values=(), published=1.0)) == "–"
    assert Score(values=(50.0, 52.0), published=50.5).difference == pytest.approx(0.5)
    assert spread([10.0, 20.0]) == "+15.0 ± 7.1 (2)"


def test_three_rows_a_method() -> None:
    records = [record("iwda", 0.5294), record("zero-shot", 0.4480)]
    spec = specification("table1")
    found = score_table(spec, spec.parts[0], records)
    assert found.columns[:4] == ["method", "", "en", "de"]
    rows = {(row[0], row[1]): row[3] for row in found.rows}
    assert rows["iwda", "here"] == "52.94"
    assert rows["iwda", "paper"] == "51.94"
    assert rows["iwda", "difference"] == "+1.00"
    assert rows["st", "here"] == rows["st", "difference"] == "–"
    assert all(len(row) == len(found.columns) for row in found.rows)


def test_a_quoted_method_has_only_the_paper_s_row() -> None:
    spec = specification("table8")
    found = score_table(spec, spec.parts[0], [])
    assert [row[1] for row in found.rows if row[0] == "bari2021"] == ["paper"]


def test_english_is_the_mean_over_the_models_for_all_targets() -> None:
    records = [
        record("iwda", 0.1, language=language)
        | {"scores": {"target": {"accuracy": 0.1}, "english": {"accuracy": english}}}
        for language, english in (("de", 0.5), ("es", 0.6))
    ]
    spec = specification("table1")
    assert scores_of(spec, spec.parts[0], records)["iwda"]["en"].values == (pytest.approx(55.0),)


def test_improvements_in_bands_of_shift() -> None:
    records = [*under_shift(0, 0.6, 0.55, [0.5] * 2), *under_shift(1, 0.95, 0.4, [0.5] * 2)]
    found = band_table(specification("figure3").parts[0], records)
    rows = {row[0]: row[1:] for row in found.rows}
    assert rows["st"] == ["+10.0 (1)", "–", "-20.0 (1)", "–", "–"]
    assert "zero-shot" not in rows


def test_text_is_data_in_markdown_and_html() -> None:
    tables = [Table(title="a <i>title</i>", columns=["x", "y"], rows=[["<u>1</u>", "a|b"]])]
    page, text = as_html(REPORT, tables), as_markdown(REPORT, tables)
    for bad in ("<script>", "<img", "<b>", "<i>", "<u>"):
        assert bad not in page
        assert bad not in text
    assert "&lt;script&gt;" in page
    assert "a\\|b" in text
    # A bar within a cell is no further cell.
    assert all(
        line.replace("\\|", "").count("|") == 3 for line in text.splitlines() if line[:1] == "|"
    )


@pytest.mark.parametrize(
    "text",
    ["52.94 ± 0.31", "+1.00", "-0.06 [-0.07, -0.06]", "iwda+kd", "0 of 2 languages", "–", ""],
)
def test_what_is_harmless_stays_readable(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize(
    "text",
    ["a|b", "*x*", "__x__", "[a](b)", "<b>", "`x`", "+ x", "www.x.org", "a\nb", "# x"],
)
def test_what_is_not_becomes_inert(text: str) -> None:
    assert safe(text) == inert(text) != text


def test_cautions() -> None:
    assert "Trained with another encoder" in as_html(REPORT, [])
    fewer = REPORT | {"model": "mbert", "failed": []}
    fewer["settings"] = {"data": "folder", "fraction": 0.1, "max_steps": None}
    text = as_markdown(fewer, [])
    assert "a part of the data" in text
    assert "another encoder" not in text
