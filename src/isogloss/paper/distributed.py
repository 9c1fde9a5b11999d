"""Cells on Ray, one task each: on the cores of this machine or on a cluster."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from isogloss.cluster import TRIES, cluster, in_folder, require_ray
from isogloss.errors import IsoglossError
from isogloss.paper.engine import Work
from isogloss.paper.sizes import training_bytes
from isogloss.paper.work import Job, Record, keep_failure
from isogloss.progress import Progress


class RayEngine:
    """Carries out every cell as a task of Ray's, several at a time.

    A task asks for one core, for the memory that its model needs, and for a GPU where the cluster
    has any. Ray's usage statistics and dashboard are off.

    Args:
        address: of a cluster, as `ray.init` takes it; None: one of this machine's own, which ends
            with the grid.
        workers: cores of the machine's own cluster; None: all.
        progress: hears how many cells have ended.

    Raises:
        IsoglossError: E817 where Ray is not installed.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        require_ray()
        self.address, self.workers = address, workers
        self.progress = progress or Progress()

    def run(self, jobs: Sequence[Job], work: Work) -> Iterator[tuple[Job, Record]]:
        """As the protocol says; cells come in the order in which they end.

        Raises:
            IsoglossError: E818 where there is no such cluster, E820 where its machines write to
                storage that this one does not see.
        """
        with cluster(self.address, self.workers) as ray:
            self.progress.start("cells", len(jobs), "cells")
            for job, record in _Schedule(ray, jobs, work, self.progress).run():
                self.progress.advance(1)
                yield job, record
            self.progress.finish()


class _Schedule:
    """Begins cells when what they start from has ended, and again when their worker dies."""

    def __init__(self, ray: Any, jobs: Sequence[Job], work: Work, progress: Progress) -> None:
        self.ray, self.work, self.progress = ray, work, progress
        self.waiting = list(jobs)
        self.open = {job.cell.key for job in jobs}
        self.running: dict[Any, Job] = {}
        self.tries: Counter[str] = Counter()
        self.limits = limits_of(ray.nodes())

    def run(self) -> Iterator[tuple[Job, Record]]:
        """Yield each job with its record when it has ended."""
        try:
            while self.waiting or self.running:
                self._begin_ready()
                (ended, *_), _ = self.ray.wait(list(self.running), num_returns=1)
                job = self.running.pop(ended)
                record = self._record_of(ended, job)
                if record is not None:
                    self.open.discard(job.cell.key)
                    yield job, record
        finally:
            for task in self.running:
                self.ray.cancel(task, force=True)

    def _begin_ready(self) -> None:
        waiting = []
        for job in self.waiting:
            start = job.cell.start
            if start is not None and start.key in self.open:
                waiting.append(job)
            else:
                self._begin(job)
        self.waiting = waiting

    def _begin(self, job: Job) -> None:
        self.tries[job.cell.key] += 1
        # Ray would begin a task whose worker died again by itself, and tell nobody.
        task = self.ray.remote(in_folder).options(
            max_retries=0, name=job.cell.key, **needs_of(job, self.limits)
        )
        self.running[task.remote(os.getcwd(), self.work, job)] = job

    def _record_of(self, ended: Any, job: Job) -> Record | None:
        """The record of a cell that has ended; None where it was begun again."""
        failures = self.ray.exceptions
        try:
            record: Record = self.ray.get(ended)
        except failures.RayTaskError as error:
            # Not of the run, which records its own: say, isogloss is not installed there.
            return keep_failure(job, f"{type(error.cause).__name__}: {error.cause}")
        except failures.RayError as error:
            why = str(error).strip().partition("\n")[0]
            if self.tries[job.cell.key] < TRIES:
                self.progress.say(f"{job.cell.key}: its worker died ({why}); it is begun again")
                self._begin(job)
                return None
            return keep_failure(job, str(IsoglossError("E819", times=TRIES, reason=why)))
        if job.record_of(job.cell) is None:
            raise IsoglossError("E820", folder=job.root)
        return record


def limits_of(nodes: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The most that a machine of the cluster has of each resource."""
    limits: dict[str, float] = {}
    for node in nodes:
        for name, amount in node["Resources"].items() if node["Alive"] else ():
            limits[name] = max(limits.get(name, 0.0), amount)
    return limits


def needs_of(job: Job, limits: dict[str, float]) -> dict[str, float]:
    """What a cell asks for, as options of a task.

    Args:
        job: of the cell.
        limits: see `limits_of`; a task that asks for more would never begin.
    """
    memory = training_bytes(job.cell.encoder)
    return {
        "num_cpus": 1,
        "num_gpus": 1 if limits.get("GPU", 0) >= 1 else 0,
        "memory": int(min(memory, limits.get("memory", memory))),
    }
