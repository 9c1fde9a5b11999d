"""Work for other processes: functions of a module, which they can import."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from isogloss.paper.work import Job, Record, carry_out
from isogloss.progress import Progress


class Killer(Progress):
    """Kills its process after some steps of a stage, once for all processes."""

    def __init__(self, mark: Path, stage: str, steps: int) -> None:
        self.mark, self.stage, self.left = mark, stage, steps
        self.phase = ""

    def start(self, phase: str, total: int | None, unit: str) -> None:
        self.phase = phase

    def advance(self, amount: int, figures: Mapping[str, float] | None = None) -> None:
        if self.phase != self.stage or not amount:
            return
        self.left -= amount
        if self.left <= 0 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


class Listing(Progress):
    """Writes what a run says to a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def say(self, text: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")


class Both(Killer):
    """Kills, and writes down what the run says."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.root / "killed", "iwda", 3)
        self.listing = Listing(job.root / "said")

    def say(self, text: str) -> None:
        self.listing.say(text)


def killed_once(job: Job) -> Record:
    """A run whose process dies in the midst of its alignment."""
    return carry_out(job, Both(job))


def always_killed(job: Job) -> Record:
    """A run whose process dies each time, for one language."""
    if job.cell.language == "de":
        os.kill(os.getpid(), signal.SIGKILL)
    return without_training(job)


def without_training(job: Job) -> Record:
    """A record at once; of a start that failed, a failure."""
    start = job.cell.start
    assert start is None or job.record_of(start) is not None
    return job.keep({"key": job.cell.key, "status": "done"})


def unable(job: Job) -> Record:
    """A fault that is not the run's."""
    raise ModuleNotFoundError("No module named 'isogloss'")


def elsewhere(job: Job) -> Record:
    """A machine that writes to a disk of its own."""
    return {"key": job.cell.key, "status": "done"}
