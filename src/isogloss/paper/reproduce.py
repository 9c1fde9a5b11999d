"""Reproduce a table or figure of the paper: plan the grid, carry it out, compare."""

from __future__ import annotations

from typing import Any

from isogloss.data.locking import locked
from isogloss.paper.engine import Engine, LocalEngine
from isogloss.paper.figures import make_figures
from isogloss.paper.keeping import Keeper
from isogloss.paper.planning import Grid, Request, open_folder, plan
from isogloss.paper.reporting import write_report
from isogloss.paper.work import Record, carry_out
from isogloss.progress import Progress


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
        `failed` (`key` and `error` of each), `scores`, `claims`, `studies`, `layers`, `courses`,
        and `files`, by ending.
        The same is in `<name>.json`, with tables in `<name>.md` and `<name>.html`.

    Raises:
        IsoglossError: E800, E805, E806, E808 for the request; E807, E812 for the folder;
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
    keeper = None if request.keep_models else Keeper(grid.jobs, grid.drawn)
    records: list[Record] = []
    for number, (job, record) in enumerate(engine.run(grid.jobs, carry_out), start=1):
        state = record["status"] if record["status"] == "done" else record["error"]
        progress.say(f"{number} of {len(grid.jobs)}: {job.cell.key}: {state}")
        records.append(record)
        if keeper is not None:
            keeper.ended(job)
    # As the grid has them, in whatever order they ended.
    place = {job.cell.key: number for number, job in enumerate(grid.jobs)}
    records.sort(key=lambda record: place[record["key"]])
    figures = make_figures(
        grid.spec,
        [job for job in grid.jobs if job.cell.key in grid.drawn and job.has_models],
        [record for record in records if record["status"] == "done"],
        request.wanted,
        request.output / grid.spec.name,
        grid.missing,
        progress,
    )
    return write_report(request, grid.spec, records, figures)
