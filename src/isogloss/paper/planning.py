"""A request for a table or figure, checked and turned into the jobs of a grid."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.data.atomic import naming, remove_unfinished
from isogloss.errors import IsoglossError, warn
from isogloss.paper.corpora import CORPORA
from isogloss.paper.grid import SOURCE, Choices, Wanted, as_wanted, cells_of
from isogloss.paper.keeping import with_models_where_needed
from isogloss.paper.local import find
from isogloss.paper.reading import HUB
from isogloss.paper.sides import DataPlan, Side
from isogloss.paper.specification import Specification, specification
from isogloss.paper.studies import study_sides
from isogloss.paper.work import Job
from isogloss.progress import Progress
from isogloss.recipes.folder import read_json, write_json
from isogloss.recipes.presets import PRESETS

SETTINGS = "reproduce.json"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to reproduce, and how.

    Attributes:
        name: such as `"table1"`, or the path of a specification.
        data: a folder, or `"hub"`.
        output: folder for everything; several tables may share it.
        choices: model, preset, steps.
        wanted: part of the grid.
        fraction: of the rows, in (0, 1].
        keep_models: whether all models stay, and not only those that a cell still needs.
    """

    name: str
    data: str
    output: Path
    choices: Choices = dataclasses.field(default_factory=Choices)
    wanted: Wanted = dataclasses.field(default_factory=Wanted)
    fraction: float = 1.0
    keep_models: bool = False

    def settings(self) -> dict[str, Any]:
        """What all runs of an output folder have in common."""
        data = self.data if self.data == HUB else str(Path(self.data).resolve())
        return {"data": data, "fraction": self.fraction, "max_steps": self.choices.max_steps}


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A request as jobs.

    Attributes:
        spec: the table or figure.
        jobs: each behind what it starts from.
        missing: why the data of some targets cannot be had, by `Side.place`.
        drawn: keys of the cells whose models a study is made of.
    """

    spec: Specification
    jobs: list[Job]
    missing: dict[str, str]
    drawn: frozenset[str] = frozenset()


def plan(request: Request, progress: Progress) -> Grid:
    """Check a request and turn it into jobs; nothing is written.

    Raises:
        IsoglossError: as `reproduce`.
    """
    check_range("fraction", request.fraction)
    preset = request.choices.preset
    if preset not in (None, *PRESETS):
        wanted = f"one of {', '.join(PRESETS)}"
        raise IsoglossError("E640", name="preset", value=preset, wanted=wanted)
    spec = as_wanted(specification(request.name), request.wanted)
    cells = cells_of(spec, request.choices, request.wanted)
    check_folder(request)
    data = DataPlan(where=request.data, root=request.output / "data", fraction=request.fraction)
    steps = request.choices.max_steps
    jobs = [Job(cell=cell, plan=data, root=request.output, max_steps=steps) for cell in cells]
    sides = [side for job in jobs for side in job.cell.sides().values()]
    drawn: frozenset[str] = frozenset()
    if "study" in spec.draws:
        drawn = frozenset(job.cell.key for job in jobs if job.cell.language == SOURCE)
        sides += study_sides(spec, request.wanted)
    missing = missing_data(request, sides)
    if missing:
        warn("W800", languages=", ".join(missing))
    if request.data == HUB:
        for corpus in dict.fromkeys(job.cell.part.corpus for job in jobs):
            if not (data.root / corpus).is_dir():
                known = CORPORA[corpus]
                progress.say(f"From the hub: {known.title}; licence: {known.licence}.")
    jobs = with_models_where_needed(jobs, drawn)
    return Grid(spec=spec, jobs=jobs, missing=missing, drawn=drawn)


def check_range(name: str, value: float) -> None:
    """Require a share in (0, 1].

    Raises:
        IsoglossError: E808.
    """
    if not 0.0 < value <= 1.0:
        raise IsoglossError("E808", name=name, value=value, range="a number above 0 and up to 1")


def missing_data(request: Request, wanted: Sequence[Side]) -> dict[str, str]:
    """Targets whose files are not there, each with the reason.

    Raises:
        IsoglossError: E801 to E803, E813 where the source's or every target's are not there.
    """
    sides = {side.name: side for side in wanted}
    failed: dict[str, IsoglossError] = {}
    for side in sides.values():
        try:
            check_there(request.data, side.part.corpus, side.language, side.split)
        except IsoglossError as error:
            if side.language == SOURCE or error.code in ("E802", "E813"):
                raise
            failed.setdefault(side.place, error)
    targets = {side.place for side in sides.values() if side.language != SOURCE}
    if failed and targets <= set(failed):
        raise next(iter(failed.values()))
    return {place: str(error) for place, error in failed.items()}


def check_there(where: str, corpus: str, language: str, split: str) -> None:
    """Require that a split can be looked for where it is said to be.

    Raises:
        IsoglossError: E801 to E803, E813.
    """
    known = CORPORA[corpus]
    if where != HUB:
        if not Path(where).is_dir():
            raise IsoglossError("E813", folder=where)
        find(Path(where), corpus, language, split)
    elif not known.hub:
        raise IsoglossError("E802", title=known.title)
    elif language not in known.hub:
        raise IsoglossError("E803", title=known.title, language=language, corpus=corpus)


def check_folder(request: Request) -> None:
    """Refuse an output folder that holds something else.

    Raises:
        IsoglossError: E807 for other settings, E812 for something that is no reproduction.
    """
    path = request.output / SETTINGS
    if path.is_file():
        before, now = read_json(path), request.settings()
        differing = [name for name in now if before.get(name) != now[name]]
        if differing:
            pairs = "; ".join(f"{n}: {before.get(n)} there, {now[n]} now" for n in differing)
            raise IsoglossError("E807", folder=request.output, differing=pairs)
    elif request.output.is_file() or (request.output.is_dir() and any(request.output.iterdir())):
        raise IsoglossError("E812", folder=request.output)


def open_folder(request: Request) -> None:
    """Begin the output folder, or take it up."""
    with naming(request.output):
        request.output.mkdir(parents=True, exist_ok=True)
    if not (request.output / SETTINGS).is_file():
        write_json(request.output / SETTINGS, request.settings())
    for name in ("data", "cells", "runs"):
        remove_unfinished(request.output / name)
