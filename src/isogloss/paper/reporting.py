"""What came out of a grid, beside the paper's figures: as JSON, Markdown and HTML."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from isogloss.data.atomic import naming, replacing
from isogloss.paper.claims import verdicts
from isogloss.paper.figures import Figures, all_tables, pictures
from isogloss.paper.planning import Request
from isogloss.paper.results import scores_of
from isogloss.paper.specification import Specification
from isogloss.paper.tables import as_html, as_markdown, claim_table
from isogloss.paper.work import Record
from isogloss.recipes.folder import write_json


def write_report(
    request: Request,
    spec: Specification,
    records: Sequence[Record],
    figures: Figures,
) -> dict[str, Any]:
    """Compare records with the paper, and write the tables.

    Args:
        request: what was asked for.
        spec: its specification.
        records: of all its cells.
        figures: as `make_figures` gives them.
    """
    done = [record for record in records if record["status"] == "done"]
    failed = [record for record in records if record["status"] != "done"]
    claims = verdicts(spec, done)
    scores = (
        {}
        if spec.shift
        else {
            part.corpus: {
                method: {
                    language: {
                        "values": list(one.values),
                        "mean": one.mean,
                        "deviation": one.deviation,
                        "published": one.published,
                        "difference": one.difference,
                    }
                    for language, one in by_language.items()
                }
                for method, by_language in scores_of(spec, part, done).items()
            }
            for part in spec.parts
        }
    )
    files = {end: request.output / f"{spec.name}.{end}" for end in ("md", "html", "json")}
    report: dict[str, Any] = {
        "name": spec.name,
        "title": spec.title,
        "note": spec.note,
        "model": request.choices.model or spec.model,
        "paper_model": spec.model,
        "preset": request.choices.preset or spec.preset,
        "paper_preset": spec.preset,
        "settings": request.settings(),
        "done": len(done),
        "failed": [{"key": one["key"], "error": one["error"]} for one in failed],
        "scores": scores,
        "claims": [dataclasses.asdict(one) for one in claims],
        **figures,
        "files": {end: str(path) for end, path in files.items()},
    }
    tables = all_tables(spec, done, figures) + ([claim_table(claims)] if claims else [])
    texts = {
        "md": as_markdown(report, tables, pictures(figures, ".png"), request.output),
        "html": as_html(report, tables, pictures(figures, ".svg")),
    }
    for end, text in texts.items():
        with replacing(files[end]) as temporary, naming(files[end]):
            temporary.write_text(text, "utf-8")
    write_json(files["json"], report)
    return report
