"""Reproduce a table or figure of the paper: plan the grid, carry it out, compare."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.data.atomic import naming, remove_unfinished, replacing
from isogloss.data.locking import locked
from isogloss.errors import IsoglossError, warn
from isogloss.paper.claims import verdicts
from isogloss.paper.corpora import CORPORA
from isogloss.paper.engine import Engine, LocalEngine
from isogloss.paper.grid import SOURCE, Choices, Wanted, cells_of
from isogloss.paper.local import find
from isogloss.paper.reading import HUB
from isogloss.paper.results import scores_of
from isogloss.paper.sides import DataPlan, Side
from isogloss.paper.specification import Specification, specification
from isogloss.paper.steps import Cost, cost_of
from isogloss.paper.studies import make_studies, study_sides, study_table
from isogloss.paper.tables import as_html, as_markdown, claim_table, tables_of
from isogloss.paper.timing import time_steps
from isogloss.paper.work import Job, Record, carry_out
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
        fraction: of the training rows, in (0, 1].
    """

    name: str
    data: str
    output: Path
    choices: Choices = dataclasses.field(default_factory=Choices)
    wanted: Wanted = dataclasses.field(default_factory=Wanted)
    fraction: float = 1.0

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
    """

    spec: Specification
    jobs: list[Job]
    missing: dict[str, str]


def reproduce(
    request: Request, *, engine: Engine | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Carry out a grid, or the rest of it, and compare what came out with the paper.

    Every cell is kept when it is done, so that the same call goes on where an interrupted one
    stopped. A cell that fails is recorded, tried again by the next call, and the others go on.

    Args:
        request: what to reproduce.
        engine: who carries cells out; None: one after the other, here.
        progress: hears how it goes.

    Returns:
        The report: `name`, `title`, `note`, `model`, `preset`, `settings`, `done` (a number),
        `failed` (`key` and `error` of each), `scores`, `claims`, `studies`, and `files`, by ending.
        The same is in `<name>.json`, with tables in `<name>.md` and `<name>.html`.

    Raises:
        IsoglossError: E800, E805, E806, E808, E811 for the request; E807, E812 for the folder;
            E801 to E803, E813 for data that is not there for any target.
    """
    progress = progress or Progress()
    grid = plan(request, progress)
    with locked(request.output):
        open_folder(request)
        return _carry_out_grid(request, grid, engine or LocalEngine(progress), progress)


def _carry_out_grid(
    request: Request, grid: Grid, engine: Engine, progress: Progress
) -> dict[str, Any]:
    """`reproduce` in a folder that is held."""
    records: list[Record] = []
    for number, (job, record) in enumerate(engine.run(grid.jobs, carry_out), start=1):
        state = record["status"] if record["status"] == "done" else record["error"]
        progress.say(f"{number} of {len(grid.jobs)}: {job.cell.key}: {state}")
        records.append(record)
    studies = []
    if grid.spec.made_by == "study":
        folder = request.output / grid.spec.name
        done = [job for job in grid.jobs if (job.record_of(job.cell) or {}).get("status") == "done"]
        studies = make_studies(grid.spec, done, request.wanted, folder, grid.missing, progress)
    return write_report(request, grid.spec, records, studies)


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
    spec = specification(request.name)
    if spec.made_by == "analyze":
        raise IsoglossError("E811", name=spec.name, command=f"isogloss {spec.made_by}")
    cells = cells_of(spec, request.choices, request.wanted)
    check_folder(request)
    data = DataPlan(where=request.data, root=request.output / "data", fraction=request.fraction)
    steps = request.choices.max_steps
    jobs = [Job(cell=cell, plan=data, root=request.output, max_steps=steps) for cell in cells]
    sides = [side for job in jobs for side in job.cell.sides().values()]
    if spec.made_by == "study":
        sides += study_sides(spec, request.wanted)
    missing = missing_data(request, sides)
    if missing:
        warn("W800", languages=", ".join(missing))
    if request.data == HUB:
        for corpus in dict.fromkeys(job.cell.part.corpus for job in jobs):
            if not (data.root / corpus).is_dir():
                known = CORPORA[corpus]
                progress.say(f"From the hub: {known.title}; licence: {known.licence}.")
    return Grid(spec=spec, jobs=jobs, missing=missing)


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
    for name in ("data", "cells"):
        remove_unfinished(request.output / name)


def estimate(request: Request, *, progress: Progress | None = None) -> dict[str, Any]:
    """What a grid would cost; trains a handful of steps, in a folder that goes away.

    The rows of the corpora are prepared in the output folder, where the runs will read them.

    Args:
        request: what to reproduce.
        progress: hears how it goes.

    Returns:
        `name`, `cells` (each `key` and `steps` by how its stages train, empty where it is done),
        `missing`, `steps` (totals by how stages train), `seconds_per_step`, `seconds` in all (None
        where nothing was timed), `why` not.

    Raises:
        IsoglossError: as `reproduce`.
    """
    progress = progress or Progress()
    grid = plan(request, progress)
    jobs, costs = [], []
    with locked(request.output):
        open_folder(request)
        for job in grid.jobs:
            if job.cell.sides()["target"].place not in grid.missing:
                jobs.append(job)
                costs.append(cost_of(job, progress))
    totals: dict[str, int] = {}
    for cost in costs:
        for method, steps in cost.steps.items():
            totals[method] = totals.get(method, 0) + steps
    paces, why = time_steps(jobs, costs, progress)
    return {
        "name": grid.spec.name,
        "cells": [_described(cost) for cost in costs],
        "missing": grid.missing,
        "steps": totals,
        "seconds_per_step": paces,
        "seconds": None if why else sum(paces[one] * steps for one, steps in totals.items()),
        "why": why,
    }


def _described(cost: Cost) -> dict[str, Any]:
    return {"key": cost.cell.key, "steps": cost.steps}


def write_report(
    request: Request,
    spec: Specification,
    records: Sequence[Record],
    studies: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Compare records with the paper, and write the tables.

    Args:
        request: what was asked for.
        spec: its specification.
        records: of all its cells.
        studies: as `make_studies` gives them.
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
        "studies": list(studies),
        "files": {end: str(path) for end, path in files.items()},
    }
    tables = [study_table(one) for one in studies] if spec.made_by else tables_of(spec, done)
    tables += [claim_table(claims)] if claims else []
    for end, text in (("md", as_markdown(report, tables)), ("html", as_html(report, tables))):
        with replacing(files[end]) as temporary, naming(files[end]):
            temporary.write_text(text, "utf-8")
    write_json(files["json"], report)
    return report
