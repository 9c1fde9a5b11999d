"""What is drawn of a grid's models and measures, beside its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss.paper.grid import Wanted
from isogloss.paper.specification import Specification
from isogloss.paper.studies import make_studies, study_table
from isogloss.paper.tables import Table, tables_of
from isogloss.paper.work import Job, Record
from isogloss.progress import Progress

Figures = dict[str, list[dict[str, Any]]]


def make_figures(
    spec: Specification,
    models: Sequence[Job],
    records: Sequence[Record],
    wanted: Wanted,
    folder: Path,
    missing: Mapping[str, str],
    progress: Progress,
) -> Figures:
    """Draw what the specification says.

    Args:
        spec: of the table or figure.
        models: of its finished zero-shot models.
        records: of its finished cells.
        wanted: part of it.
        folder: for the pictures.
        missing: targets that are left out, by `Side.place`.
        progress: hears how it goes.

    Returns:
        `studies`, as `make_studies` gives them, `layers`, as `make_layer_figures` does, and
        `courses`, as `make_courses` does; each has the `corpus` and the `files` that were written.
    """
    found: Figures = {"studies": [], "layers": [], "courses": []}
    if "study" in spec.draws:
        found["studies"] = make_studies(spec, models, wanted, folder, missing, progress)
    if "layers" in spec.draws:
        # Not on top: a table needs no plotting library.
        from isogloss.paper.layers import make_layer_figures

        found["layers"] = make_layer_figures(spec, records, folder)
    if "course" in spec.draws:
        from isogloss.paper.courses import make_courses

        found["courses"] = make_courses(spec, records, folder)
    return found


def all_tables(spec: Specification, records: Sequence[Record], figures: Figures) -> list[Table]:
    """The scores of the cells, but for a study, whose models have theirs on its sets; the figures.

    Args:
        spec: of the table or figure.
        records: of its finished cells.
        figures: as `make_figures` gives them.
    """
    tables = [study_table(one) for one in figures["studies"]]
    if "study" not in spec.draws:
        tables += tables_of(spec, records)
    if figures["layers"]:
        from isogloss.paper.layers import layer_tables

        for one in figures["layers"]:
            tables += layer_tables(one)
    if figures["courses"]:
        from isogloss.paper.courses import course_tables

        for one in figures["courses"]:
            tables += course_tables(one)
    return tables


def pictures(figures: Figures, ending: str) -> list[tuple[str, Path]]:
    """The pictures of a format, each with what it shows."""
    kinds = {
        "studies": "sets at many class balances",
        "layers": "feature shift of every layer",
        "courses": "scores over the steps of training",
    }
    return [
        (f"{one['corpus']}: {kinds[kind]}", Path(path))
        for kind, found in figures.items()
        for one in found
        for path in one["files"]
        if path.endswith(ending)
    ]
