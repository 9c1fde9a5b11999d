"""Who carries cells out: one after the other here, or elsewhere behind the same two methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from isogloss.paper.work import Job, Record
from isogloss.progress import Progress

# Carries out one job; a function of a module, so that it can be sent to another process.
Work = Callable[..., Record]


class Engine(Protocol):
    """Carries out jobs, each after the one that it starts from."""

    def run(self, jobs: Sequence[Job], work: Work) -> Iterator[tuple[Job, Record]]:
        """Yield each job with its record when it has ended.

        Args:
            jobs: each behind the one whose stages it takes over (`Job.cell.start`).
            work: `work(job)` gives the record, and raises nothing but an interruption. Jobs, work
                and records can be pickled.
        """


class LocalEngine:
    """One job after the other, in this process.

    Args:
        progress: hears how each goes.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self.progress = progress or Progress()

    def run(self, jobs: Sequence[Job], work: Work) -> Iterator[tuple[Job, Record]]:
        """As the protocol says."""
        for job in jobs:
            yield job, work(job, self.progress)
