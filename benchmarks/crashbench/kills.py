"""Kill a process at a moment, have the same command finish, and compare with an unbroken run."""

from __future__ import annotations

import json
import multiprocessing
import re
import shutil
import signal
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from benchmarks.crashbench.cases import Case

GRACE = 900.0
# Keys of JSON files that hold times.
TIMES = ("seconds",)
# In the report, behind the steps of a stage.
MINUTES = re.compile(rb'(<td class="number">[\d,]+</td><td class="number">)[\d.]+(</td></tr>)')


@dataclass(frozen=True)
class Unbroken:
    """An unbroken run.

    Attributes:
        files: path below the folder -> what it holds, times left out.
        seconds: how long it took.
        operations: that changed files.
    """

    files: dict[str, bytes]
    seconds: float
    operations: int


@dataclass(frozen=True)
class Moment:
    """When a process is stopped: at an operation that changes files, or some time after it.

    Attributes:
        operation: its number, from 1; 0: never.
        delay: seconds from there.
        number: of the signal.
    """

    operation: int = 0
    delay: float = 0.0
    number: int = signal.SIGKILL

    def __str__(self) -> str:
        later = f" + {1000 * self.delay:.0f} ms" if self.delay else ""
        return f"{signal.Signals(self.number).name} at file operation {self.operation}{later}"


@dataclass(frozen=True)
class Outcome:
    """What became of a process that was stopped.

    Attributes:
        code: its exit code; negative: the signal that ended it.
        reached: the stage and step it was at, or what else.
        lost: steps that were made twice; None: it was in no training.
        said: its last line on stderr.
        differing: files that the rerun left other than an unbroken run does.
        leftovers: temporary files that the rerun left.
    """

    code: int
    reached: str
    lost: int | None
    said: str
    differing: list[str]
    leftovers: list[str]


def run_through(case: Case) -> Unbroken:
    """Run a case without a kill."""
    began = time.monotonic()
    finish(case)
    took = time.monotonic() - began
    operations = int(case.log.read_text().split()[-1])
    return Unbroken(contents(case.made), took, operations)


def stop(case: Case, moment: Moment, unbroken: Unbroken) -> Outcome:
    """Stop a case at a moment, run it again, and compare."""
    process = start(case, moment)
    process.join(GRACE)
    code = process.exitcode
    assert code is not None
    reached, lines = last_step(case.log), said(case).strip().splitlines()
    state = describe(case, reached, code=code)
    finish(case)
    lost = None
    if reached is not None:
        repeated = first_step(case.log, reached[0])
        lost = 0 if repeated is None else reached[1] - repeated + 1
    found = contents(case.made)
    names = sorted(set(found) | set(unbroken.files))
    return Outcome(
        code=code,
        reached=state,
        lost=lost,
        said=lines[-1] if lines else "",
        differing=[name for name in names if found.get(name) != unbroken.files.get(name)],
        leftovers=leftovers(case),
    )


def start(case: Case, moment: Moment | None = None) -> BaseProcess:
    """Start a case's process, forked from one that has imported what it needs."""
    case.place.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.crashbench.child"])
    watched = [str(folder) for folder in case.watched]
    what = str(case.place), case.arguments(), watched, moment or Moment()
    process = context.Process(target=begin, args=what)
    process.start()
    return process


def begin(place: str, arguments: list[str], watched: list[str], moment: Moment) -> None:
    """What the process does."""
    from benchmarks.crashbench.child import work

    signal_at = {"at": moment.operation, "delay": moment.delay, "number": moment.number}
    work(place, arguments, watched, **signal_at)


def finish(case: Case) -> None:
    """Run a case to its end.

    Raises:
        RuntimeError: where it fails.
    """
    process = start(case)
    process.join(GRACE)
    if process.exitcode != 0:
        raise RuntimeError(f"{case.recipe}: exit {process.exitcode}\n{said(case)[-4000:]}")


def said(case: Case) -> str:
    """What a case's last process wrote to stderr."""
    return (case.place / "stderr.txt").read_text("utf-8", "replace")


def steps(log: Path) -> list[tuple[str, int]]:
    """The training steps that a process made: stage and number."""
    lines = log.read_text().splitlines() if log.is_file() else []
    pairs = [line.rpartition(" ") for line in lines]
    return [(stage, int(step)) for stage, _, step in pairs if stage != "operations"]


def last_step(log: Path) -> tuple[str, int] | None:
    """The last step of a process."""
    found = steps(log)
    return found[-1] if found else None


def first_step(log: Path, stage: str) -> int | None:
    """The first step of a stage that a process made."""
    return next((step for name, step in steps(log) if name == stage), None)


def describe(case: Case, reached: tuple[str, int] | None, *, code: int) -> str:
    """Where a process was when it ended."""
    if code == 0:
        return "ended before"
    run = case.place / "run"
    if reached is None:
        if any(case.downloads.rglob("*.incomplete")):
            return "within a file's download"
        if (run / "config.yaml").is_file():
            return "folder begun"
        if case.downloads.is_dir():
            return "between downloads"
        return "cache begun" if any((case.place / "cache").rglob("*")) else "starting"
    stage, step = reached
    if (run / "metrics.json").is_file():
        return "report"
    if (run / "stages" / stage / "result.json").is_file():
        return f"behind {stage}"
    if (run / "stages" / stage / "model").is_dir():
        return f"{stage}, measuring"
    return f"{stage}, step {step}"


def contents(folder: Path) -> dict[str, bytes]:
    """What every file below a folder holds; temporary ones and times are left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and not any(part.startswith(".") for part in Path(name).parts):
            found[name] = without_times(path)
    return found


def without_times(path: Path) -> bytes:
    """The bytes of a file; of JSON files and of the report without the times in them."""
    if path.suffix == ".html":
        return MINUTES.sub(rb"\1\2", path.read_bytes())
    if path.suffix != ".json":
        return path.read_bytes()
    return json.dumps(_stripped(json.loads(path.read_text("utf-8")))).encode()


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stripped(one) for key, one in value.items() if key not in TIMES}
    return [_stripped(one) for one in value] if isinstance(value, list) else value


def leftovers(case: Case) -> list[str]:
    """Temporary files, checkpoints and the lock in a finished run's folder."""
    run = case.place / "run"
    names = [path for path in run.rglob("*") if path.name.startswith(".")]
    names += [*run.rglob("checkpoint*"), *run.glob("lock.json")]
    return [str(path.relative_to(run)) for path in names]


def clear(case: Case) -> None:
    """Remove a case's folder, and what it downloaded."""
    for folder in (case.place, case.downloads):
        shutil.rmtree(folder, ignore_errors=True)
