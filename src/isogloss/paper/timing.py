"""How long a step takes, from a handful of each kind of training on a few rows."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from isogloss.data.loading import load
from isogloss.errors import IsoglossError
from isogloss.paper.drawing import share_of_rows
from isogloss.paper.sides import DATA_SEED, prepared, write_rows
from isogloss.paper.specification import METHODS
from isogloss.paper.steps import Cost
from isogloss.paper.work import Job
from isogloss.progress import Progress
from isogloss.recipes.methods import stages_of

# Of each stage, and rows a side to take them on.
STEPS, ROWS = 4, 256


class Pace(Progress):
    """Notes when each step of a stage ends, and hands phases on.

    Args:
        listener: who shows them.
        clock: gives seconds.
    """

    def __init__(
        self, listener: Progress, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.listener, self.clock = listener, clock
        self._phase = ""
        self._ends: dict[str, list[float]] = {}

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """A phase begins."""
        self._phase = phase
        self.listener.start(phase, total, unit)

    def advance(self, amount: int, figures: Mapping[str, float] | None = None) -> None:
        """Work of the phase is done."""
        if amount:
            self._ends.setdefault(self._phase, []).append(self.clock())
        self.listener.advance(amount, figures)

    def finish(self) -> None:
        """The phase is over."""
        self.listener.finish()

    def seconds(self, stage: str) -> float:
        """Of a step, from the end of the first to that of the last."""
        ends = self._ends[stage]
        return (ends[-1] - ends[0]) / max(1, len(ends) - 1)


def time_steps(
    jobs: Sequence[Job], costs: Sequence[Cost], progress: Progress
) -> tuple[dict[str, float], str | None]:
    """Seconds of a step, by how a stage trains.

    A run of `STEPS` steps a stage, in a folder that goes away, for each kind of training that is
    still to be done. Loading, estimates, the first step, measuring and writing are not counted.

    Args:
        jobs: of the grid.
        costs: of the same jobs.
        progress: hears how it goes.

    Returns:
        Seconds by method of a stage; and why there are none, where the model cannot be loaded or
        trained.
    """
    wanted = dict.fromkeys(method for cost in costs for method in cost.steps)
    found: dict[str, float] = {}
    # A run with several kinds of training times them at once.
    for job in sorted(jobs, key=lambda job: -len(kinds_of(job))):
        if not (set(wanted) & kinds_of(job)) - set(found):
            continue
        try:
            found |= _timed(job, progress)
        except IsoglossError as error:
            return {}, str(error)
    return {method: found[method] for method in wanted}, None


def kinds_of(job: Job) -> set[str]:
    """How the stages of a job's recipe train, those that it takes over included."""
    return {stage.method for stage in stages_of(METHODS[job.cell.method])}


def _timed(job: Job, progress: Progress) -> dict[str, float]:
    from isogloss.recipes.adapt import run

    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        # What they say of a few rows is nothing to know.
        warnings.simplefilter("ignore")
        folder = Path(name)
        files = few_rows(job, folder)
        config = job.cell.config(files, start=None, most=STEPS)
        config.test = None
        pace = Pace(progress)
        run(config, folder / "run", progress=pace)
    stages = stages_of(METHODS[job.cell.method])
    return {stage.method: pace.seconds(stage.name) for stage in stages}


def few_rows(job: Job, folder: Path) -> dict[str, Path]:
    """A few rows of each side, as files in a folder."""
    files = {}
    for name, side in job.cell.sides().items():
        rows = load(prepared(job.plan, side))
        fraction = min(1.0, ROWS / len(rows))
        files[name] = folder / f"{name}.parquet"
        write_rows(files[name], rows.select(share_of_rows(len(rows), fraction, seed=DATA_SEED)))
    return files
