"""A reproduction as Markdown and as an HTML page: ours, the paper's, the difference, the claims."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from isogloss.models.card import inert
from isogloss.paper.claims import Verdict
from isogloss.paper.results import Score, Units, scores_of, units_of
from isogloss.paper.specification import METRICS, Part, Specification
from isogloss.paper.work import Record

MISSING = "–"
# Letters, digits and marks that begin nothing in the middle of a line.
_HARMLESS = re.compile(r"(?![\s+-])([^\W_]|[ .,:;±+–%'-])*|[+-]?[\d.]+( \[[\d., +-]+\])?")
# Edges of the bands of prior shift that a figure's sets are averaged in.
_BANDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells of text.

    Attributes:
        title: above it.
        columns: headings.
        rows: as many cells each.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]


def safe(text: str) -> str:
    """Text that is inert in Markdown; what is harmless stays readable."""
    return text if _HARMLESS.fullmatch(text) and "www." not in text.lower() else inert(text)


def tables_of(spec: Specification, records: Sequence[Record]) -> list[Table]:
    """The tables of every part.

    Args:
        spec: the table or figure.
        records: of its finished cells.
    """
    if spec.shift is None:
        return [score_table(spec, part, records) for part in spec.parts]
    return [band_table(part, records) for part in spec.parts]


def score_table(spec: Specification, part: Part, records: Sequence[Record]) -> Table:
    """Three rows a method: ours over the seeds, the paper's, the difference."""
    found = scores_of(spec, part, records)
    languages = list(next(iter(found.values())))
    rows = []
    for method, by_language in found.items():
        scores = [by_language[language] for language in languages]
        if method in part.methods:
            rows.append([method, "here", *map(ours, scores)])
        if any(score.published is not None for score in scores):
            rows.append([method, "paper", *(number(score.published) for score in scores)])
            if method in part.methods:
                differences = (number(score.difference, signed=True) for score in scores)
                rows.append([method, "difference", *differences])
    return Table(
        title=f"{part.corpus}, {part.metric} in percent",
        columns=["method", "", *languages],
        rows=rows,
    )


def band_table(part: Part, records: Sequence[Record]) -> Table:
    """Percent improvement over zero-shot, in bands of prior shift."""
    own = [record for record in records if record["corpus"] == part.corpus]
    units = units_of(own, METRICS[part.metric])
    edges = list(pairwise(_BANDS))
    rows = []
    for method in part.methods:
        if method == "zero-shot":
            continue
        cells = [spread(improvements(units, method, low, high)) for low, high in edges]
        rows.append([method, *cells])
    return Table(
        title=f"{part.corpus}, improvement of {part.metric} over zero-shot in percent, by the "
        "total variation between the priors",
        columns=["method", *(f"{low:.1f} to {high:.1f}" for low, high in edges)],
        rows=rows,
    )


def improvements(units: Units, method: str, low: float, high: float) -> list[float]:
    """Percent improvements over zero-shot of the sets whose shift is in a band."""
    return [
        100 * (one[method] - one["zero-shot"]) / one["zero-shot"]
        for unit, one in units.scores.items()
        if low <= units.shifts[unit] < high + (high == _BANDS[-1])
        and method in one
        and one.get("zero-shot", 0.0) > 0
    ]


def ours(score: Score) -> str:
    """Mean and standard deviation, such as "51.90 ± 0.31"."""
    if score.mean is None:
        return MISSING
    if score.deviation is None:
        return number(score.mean)
    return f"{score.mean:.2f} ± {score.deviation:.2f}"


def spread(values: Sequence[float]) -> str:
    """Mean, standard deviation and number of values."""
    if not values:
        return MISSING
    if len(values) == 1:
        return f"{values[0]:+.1f} (1)"
    return f"{mean(values):+.1f} ± {stdev(values):.1f} ({len(values)})"


def number(value: float | None, *, signed: bool = False) -> str:
    """Two decimals, or a dash."""
    if value is None:
        return MISSING
    return f"{value:+.2f}" if signed else f"{value:.2f}"


def claim_table(found: Sequence[Verdict]) -> Table:
    """The claims, each with its verdict and statistic."""
    rows = []
    for one in found:
        reach = "" if one.low is None else f" [{one.low:+.2f}, {one.high:+.2f}]"
        statistic = MISSING if one.mean is None else f"{one.mean:+.2f}{reach}"
        rows.append(
            [
                f"{one.corpus}: {one.sentence}",
                one.verdict,
                statistic,
                f"{one.positive} of {one.units}",
                number(one.published, signed=True),
                one.remark,
            ]
        )
    return Table(
        title="What the paper claims",
        columns=["claim", "here", "mean difference", "above 0", "paper's mean", ""],
        rows=rows,
    )


def facts_of(report: dict[str, Any]) -> list[tuple[str, str]]:
    """What the reproduction was made with, by name."""
    chosen = report["settings"]
    named = {
        "model": report["model"],
        "preset": report["preset"],
        "data": chosen["data"],
        "share of the rows": f"{chosen['fraction']:g}",
        "steps of a stage, at most": chosen["max_steps"] or "as the preset says",
        "cells": f"{report['done']} finished, {len(report['failed'])} failed",
    }
    return [(name, str(value)) for name, value in named.items()]


def cautions_of(report: dict[str, Any]) -> list[str]:
    """Why figures cannot be the paper's, as sentences."""
    chosen, out = report["settings"], []
    if chosen["fraction"] < 1.0 or chosen["max_steps"]:
        out.append("Trained on a part of the data or for fewer steps than the paper.")
    if report["model"] != report["paper_model"]:
        out.append("Trained with another encoder than the paper's.")
    if report["preset"] != report["paper_preset"]:
        out.append("Trained with other settings than the paper's.")
    if report["failed"]:
        out.append("Some cells failed; their places are empty or stand on fewer runs.")
    return out


def as_markdown(
    report: dict[str, Any],
    tables: Sequence[Table],
    pictures: Sequence[tuple[str, Path]] = (),
    folder: Path = Path(),
) -> str:
    """The reproduction as Markdown; all text in it is inert.

    Args:
        report: as `reproduce` gives it.
        tables: one below the other.
        pictures: what each shows, and its file.
        folder: that the text is for, which links to files start from.
    """
    lines = [f"# {safe(report['name'])}: {safe(report['title'])}", ""]
    lines += [f"{safe(text)}\n" for text in (*cautions_of(report), report["note"]) if text]
    for table in tables:
        lines += [f"## {safe(table.title)}", "", *markdown_rows(table), ""]
    for title, path in pictures:
        lines += [f"![{safe(title)}]({quote(path.relative_to(folder).as_posix())})", ""]
    lines += ["## Made with", ""]
    lines += [f"* {safe(name)}: {safe(value)}" for name, value in facts_of(report)]
    if report["failed"]:
        lines += ["", "## Failed", ""]
        lines += [f"* {safe(one['key'])}: {safe(one['error'])}" for one in report["failed"]]
    return "\n".join(lines) + "\n"


def markdown_rows(table: Table) -> list[str]:
    """The lines of a table."""
    head = [safe(column) for column in table.columns]
    body = [[safe(cell) for cell in row] for row in table.rows]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)]


def as_html(
    report: dict[str, Any], tables: Sequence[Table], pictures: Sequence[tuple[str, Path]] = ()
) -> str:
    """The reproduction as a page that needs no other file; all text in it is escaped.

    Args:
        report: as `reproduce` gives it.
        tables: one below the other.
        pictures: what each shows, and its SVG file.
    """
    environment = Environment(
        loader=PackageLoader("isogloss.paper"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = [(title, base64.b64encode(path.read_bytes()).decode()) for title, path in pictures]
    return environment.get_template("reproduction.html").render(
        report=report,
        tables=tables,
        pictures=drawn,
        facts=facts_of(report),
        cautions=cautions_of(report),
    )
