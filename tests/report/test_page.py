"""The report: whole, escaped, bounded, and never the end of a run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from isogloss.cli.app import app
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.recipes import reporting
from isogloss.report.page import write_report
from tests.helpers.runs import TARGET_ROWS, write_run

NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}]]>--><!--$\\frac{"
VOID = {"meta", "link", "br", "img", "image", "path", "use", "rect", "line"}


class Page(HTMLParser):
    """The elements of a page, with the attributes of each, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.comments: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(run: Path) -> Page:
    return Page(write_report(run).read_text("utf-8"))


def test_every_section_and_no_reference_outside(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", reasons=["It is the best."], warnings=["W521: 5 of 5."])
    path = write_report(run)
    text, page = path.read_text("utf-8"), page_of(run)
    assert page.open == []
    assert path == run / "report.html"
    shown = "".join(page.words)
    for words in ("What was asked", "What came out", "It is the best.", "Class balance", "5 of 5"):
        assert words in shown, words
    for words in ("Feature shift", "isogloss adapt --config", "text-classification", "W521"):
        assert words in shown, words
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), attributes
    assert not re.search(r"url\((?!#|\s*['\"]?data:)|@import", text)
    assert page.all("script") == [] == page.comments


def test_for_keyboard_and_screen_reader(tmp_path: Path) -> None:
    page = page_of(write_run(tmp_path / "run"))
    assert page.all("html")[0]["lang"] == "en"
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"] for a in page.all("a")]
    assert links[0] == "#main"
    assert {link.removeprefix("#") for link in links if link} <= set(ids)
    assert all(figure["role"] == "img" and figure["aria-label"] for figure in page.all("svg"))
    assert len(page.all("table")) == len(page.all("caption")) >= 6
    assert all(cell["scope"] in ("col", "row") for cell in page.all("th"))
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _ in page.elements}
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert levels.count(1) == 1
    labelled = [a["aria-labelledby"] for a in page.all("section")]
    assert set(labelled) <= set(ids)


def test_texts_of_users_are_texts(tmp_path: Path) -> None:
    """Markup in every field that holds a text of the user's ends up as text."""
    fields: dict[str, Any] = {
        "labels": [f"{NASTY}{i}" for i in range(3)],
        "texts": [f"{NASTY} text {i}" for i in range(TARGET_ROWS)],
        "source": f"s {NASTY}.csv",
        "target": f"t {NASTY}.csv",
        "column": f"c {NASTY}",
        "warnings": [f"W999: {NASTY}", NASTY],
        "reasons": [NASTY],
    }
    run = write_run(tmp_path / "run", **fields)
    harmless = page_of(write_run(tmp_path / "plain"))
    page = page_of(run)
    assert page.open == []
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in harmless.elements}
    known = {name for _, attributes in harmless.elements for name in attributes}
    assert {name for _, attributes in page.elements for name in attributes} <= known
    assert page.comments == []
    shown = "".join(page.words)
    for begin in ("s ", "t ", "c "):
        assert begin + NASTY in shown
    assert shown.count(NASTY) > 15
    assert "{{ 7*7 }}" in shown


def test_half_a_character_does_no_harm(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["warnings"] = ["half \ud800 of one \u202e and \x00"]
    (run / "metrics.json").write_text(json.dumps(metrics))
    assert "half ? of one" in "".join(page_of(run).words)


@pytest.mark.parametrize("classes", [2, 60])
def test_it_stays_small(tmp_path: Path, classes: int) -> None:
    labels = [f"{i} " + "long " * 200 for i in range(classes)]
    run = write_run(tmp_path / "run", texts=["word " * 20_000] * TARGET_ROWS,
                    labels=labels[:6] if classes > 6 else labels)  # fmt: skip
    if classes > 6:
        prior = json.loads((run / "prior.json").read_text())
        for name in ("source", "predicted", "estimate"):
            prior[name] = (prior[name] + [0.0] * classes)[:classes]
        prior["interval"] = (prior["interval"] + [[0.0, 0.1]] * classes)[:classes]
        prior["labels"] = labels
        (run / "prior.json").write_text(json.dumps(prior))
        metrics = json.loads((run / "metrics.json").read_text())
        metrics["warnings"] = ["W1: " + "much " * 1_000] * 500
        metrics["data"]["test_shares"] = [1 / classes] * classes
        (run / "metrics.json").write_text(json.dumps(metrics))
    path = write_report(run)
    assert path.stat().st_size < 2_000_000
    if classes > 6:
        text = path.read_text("utf-8")
        assert "the 40 largest of 60" in text
        assert "450 more are in metrics.json" in text


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert sorted(p.name for p in run.glob(".*")) == []


def test_one_stage_alone_has_nothing_to_compare(tmp_path: Path) -> None:
    page = page_of(write_run(tmp_path / "run", stages=["supervised"]))
    words = "".join(page.words)
    assert "What changed" not in words
    assert "Feature shift" in words


def test_a_corrected_model_is_held_against_the_first_stage(tmp_path: Path) -> None:
    words = "".join(page_of(write_run(tmp_path / "run", chosen="zero-shot+prior")).words)
    assert "What changed: zero-shot against zero-shot+prior" in words
    assert "which is how they are served" in words or "zero-shot on held-out" in words


def test_a_run_of_an_earlier_version(tmp_path: Path) -> None:
    """Without kept rows, record of warnings, choice or expectation there is still a report."""
    run = write_run(tmp_path / "run")
    metrics = json.loads((run / "metrics.json").read_text())
    for name in ("chosen", "expected", "warnings"):
        del metrics[name]
    metrics["data"] = {"source_rows": 5, "target_rows": TARGET_ROWS}
    (run / "metrics.json").write_text(json.dumps(metrics))
    for path in run.glob("stages/*/candidate.safetensors"):
        path.unlink()
    words = "".join(page_of(run).words)
    assert "kept no record of its warnings" in words
    assert "What changed" not in words


def test_a_broken_part_is_left_out_with_a_warning(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "stages" / "iwda" / "candidate.safetensors").write_bytes(b"no")
    with pytest.warns(IsoglossWarning, match="W708: The report leaves out what iwda kept"):
        path = write_report(run)
    assert "What iwda kept: left out" in path.read_text("utf-8")


def test_what_the_report_needs(tmp_path: Path) -> None:
    def code(folder: Path, output: Path | None = None) -> str:
        with pytest.raises(IsoglossError) as caught:
            write_report(folder, output)
        return caught.value.code

    assert code(tmp_path) == "E524"
    run = write_run(tmp_path / "run")
    assert code(run, run / "metrics.json") == "E740"
    assert not (run / "report.html").exists()
    (run / "prior.json").write_text("{")
    assert code(run) == "E532"
    (run / "config.yaml").write_text("- 1")
    assert code(run) == "E532"
    (run / "metrics.json").unlink()
    assert code(run) == "E525"


def report_on(run: Path, metrics: dict[str, Any]) -> Any:
    """As the end of a run does."""
    findings, sentences = reporting.find_out(run, metrics)
    reporting.report(run, findings)
    assert bool(sentences) == (findings is not None)
    return findings


@pytest.mark.parametrize("broken", ["prior.json", "nothing"])
def test_a_report_that_fails_does_not_fail_the_run(
    tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path / "run")
    metrics = json.loads((run / "metrics.json").read_text())
    if broken == "nothing":

        def fail(*_: Any) -> str:
            raise ZeroDivisionError

        monkeypatch.setattr("isogloss.report.page.render", fail)
    else:
        (run / broken).write_text("{")
    with pytest.warns(IsoglossWarning, match=f"W707.*isogloss report {re.escape(str(run))}"):
        findings = report_on(run, metrics)
    assert (findings is None) == (broken == "prior.json")
    assert not (run / "report.html").exists()


def test_the_command(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    result = CliRunner().invoke(app, ["report", str(run), "-o", str(tmp_path / "there.html")])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"report  {tmp_path / 'there.html'}\n"
    assert (tmp_path / "there.html").is_file()
    refused = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: E524: ")


@pytest.mark.slow
def test_plots_are_not_loaded_by_commands_that_draw_nothing() -> None:
    code = (
        "import isogloss.cli.app, isogloss.recipes.adapt, sys; print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_by_layer_where_an_analysis_is_there(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    scaled = {0: 2.0, 1: 1.5, "features": 0.25}
    layers = [
        {
            "layer": layer,
            "view": "mean",
            "conditional": {"l1": dict.fromkeys(("value", "low", "high", "floor"), 2 * value)},
            "spread": {"l1": 2.0},
        }
        for layer, value in scaled.items()
    ]
    models = [{"name": name, "layers": layers} for name in ("zero-shot", "iwda")]
    analysis = {"models": models, "sentences": ["Classes are <guessed>."]}
    (run / "analysis.json").write_text(json.dumps(analysis))
    page = page_of(run)
    assert "Classes are <guessed>." in "".join(page.words)
    said = [figure["aria-label"] or "" for figure in page.all("svg")]
    assert any("zero-shot from 2.00 to 0.25" in text for text in said)
    np.testing.assert_equal(sum("by layer" in text or "layers" in text for text in said), 1)
