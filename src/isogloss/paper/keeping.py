"""Models of a grid on disk: kept while another cell needs them, and the room that they take."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from isogloss.data.atomic import remove_unfinished, temporary_beside
from isogloss.paper.grid import Cell
from isogloss.paper.steps import Cost
from isogloss.paper.work import Job

# A checkpoint in models: the weights, and Adam's two moments; two are kept while one is written.
_CHECKPOINTS = 3 * 3


class Keeper:
    """Removes the models of a run when no cell of the grid is left that needs them.

    Args:
        jobs: of the grid, each behind what it starts from.
        drawn: keys of cells that a figure is drawn from at the end.
    """

    def __init__(self, jobs: Sequence[Job], drawn: Collection[str]) -> None:
        self.by_key = {job.cell.key: job for job in jobs}
        self.drawn = frozenset(drawn)
        self.left = left_of(jobs, drawn)

    def ended(self, job: Job) -> None:
        """Remove what nothing needs any more after a cell: its own models, or its start's."""
        if is_finished(job):
            self.left.discard(job.cell.key)
        for key in (job.cell.key, key_of_start(job.cell)):
            if key in self.by_key and not self._is_needed(key):
                remove_models(self.by_key[key].run_folder)

    def _is_needed(self, key: str) -> bool:
        followers = (own for own, job in self.by_key.items() if key_of_start(job.cell) == key)
        return key in self.drawn or not self.left.isdisjoint({key, *followers})


def key_of_start(cell: Cell) -> str | None:
    """The key of what a cell starts from."""
    return None if cell.start is None else cell.start.key


def is_finished(job: Job) -> bool:
    """Whether a cell's run is done, and all that is wanted of it is measured."""
    record = job.record_of(job.cell)
    if record is None or record["status"] != "done":
        return False
    return all(name in record for name in job.cell.measures)


def left_of(jobs: Sequence[Job], drawn: Collection[str]) -> set[str]:
    """Keys of the cells that are still to be carried out.

    A finished cell is among them where its models were removed and something needs them: another
    table, or a figure.

    Args:
        jobs: each behind what it starts from.
        drawn: keys of cells that a figure is drawn from.
    """
    left: set[str] = set()
    needed = set(drawn)
    for job in reversed(jobs):
        key, start = job.cell.key, key_of_start(job.cell)
        if not is_finished(job) or (key in needed and not job.has_models):
            left.add(key)
            if start is not None:
                needed.add(start)
    return left


def with_models_where_needed(jobs: Sequence[Job], drawn: Collection[str]) -> list[Job]:
    """The jobs, those marked that have to come to their models, whatever was recorded."""
    left = left_of(jobs, drawn)
    return [dataclasses.replace(job, needs_models=job.cell.key in left) for job in jobs]


def remove_models(run: Path) -> None:
    """Remove the models and checkpoints of a run; its scores, predictions and report stay."""
    # The folder that says whether there are any goes first.
    found = [run / "model", *run.glob("stages/*/model"), *run.glob("stages/*/checkpoints")]
    for folder in (one for one in found if one.is_dir()):
        # By a name that the next call removes, should this one be killed here.
        removed = temporary_beside(folder)
        folder.rename(removed)
        shutil.rmtree(removed, ignore_errors=True)
    remove_unfinished(run)


def most_models(jobs: Sequence[Job], costs: Sequence[Cost], drawn: Iterable[str]) -> int:
    """The most models that lie on disk at once while a grid goes on, cell after cell.

    Models that a run takes over are links, and count once. Checkpoints of the stage that is being
    trained count with them. Models that are there already do not.

    Args:
        jobs: of the grid, each behind what it starts from.
        costs: of the same jobs.
        drawn: keys of cells whose models stay; all keys, where all stay.
    """
    stay = set(drawn)
    trained = {cost.cell.key: len(cost.steps) for cost in costs}
    followers: dict[str | None, set[str]] = {}
    for job in jobs:
        followers.setdefault(key_of_start(job.cell), set()).add(job.cell.key)
    # Models by the cell that trained them, for the folder of each cell.
    holds: dict[str, set[tuple[str, int]]] = {}
    kept: set[str] = set()
    left = {key for key, count in trained.items() if count}
    most = 0
    for job in jobs:
        key, start = job.cell.key, key_of_start(job.cell)
        own = {(key, number) for number in range(trained[key])}
        holds[key] = own | holds.get(start or "", set())
        kept.add(key)
        there = set().union(*(holds[one] for one in kept))
        most = max(most, len(there) + _CHECKPOINTS * bool(own))
        left.discard(key)
        for one in (key, start):
            if one is not None and one not in stay and left.isdisjoint(followers.get(one, ())):
                kept.discard(one)
    return most
