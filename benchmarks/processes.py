"""Whole processes measured from outside, and large files for them to read."""

from __future__ import annotations

import csv
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A process from its start to its end.

    Attributes:
        seconds: by the clock.
        cpu_seconds: of computing, over all its threads.
        peak_bytes: the most memory it had at a time, mapped files included; on Linux at least
            what the process that started it had, so that one should import little.
        output: what it printed.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def run_python(arguments: Sequence[str], *, environment: Mapping[str, str]) -> Measured:
    """Run this Python with arguments, in its own process, and measure it.

    Args:
        arguments: of the interpreter, such as `["-m", "isogloss", "--help"]`.
        environment: variables beside those of this process.

    Raises:
        SystemExit: it failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}")
    # macOS counts in bytes, Linux in kilobytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Measured(
        seconds=time.perf_counter() - began,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * unit,
        output=output,
    )


def summarise(runs: Sequence[Measured]) -> dict[str, float]:
    """Median, smallest and largest of the seconds; medians of the rest."""
    seconds = [run.seconds for run in runs]
    return {
        "seconds": statistics.median(seconds),
        "min": min(seconds),
        "max": max(seconds),
        "cpu_seconds": statistics.median(run.cpu_seconds for run in runs),
        "peak_bytes": statistics.median(run.peak_bytes for run in runs),
    }


def data_file(name: str) -> Path:
    """A file of the data folder that ISOGLOSS_DATA names.

    Raises:
        SystemExit: there is none.
    """
    path = Path(os.environ.get("ISOGLOSS_DATA", DEFAULT_DATA)) / name
    if not path.is_file():
        raise SystemExit(f"There is no {path}; set ISOGLOSS_DATA to the data folder.")
    return path


def write_many(path: Path, rows: int, *, like: Path) -> Path:
    """Write a CSV file of `rows` different rows: those of another file over and over, numbered.

    Args:
        path: to write.
        rows: how many, at least 1.
        like: a CSV file whose first column is the text, at the end of which the number stands.
    """
    with like.open(newline="", encoding="utf-8") as file:
        header, *given = csv.reader(file)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for number, (text, *rest) in enumerate(itertools.islice(itertools.cycle(given), rows)):
            writer.writerow([f"{text} {number}", *rest])
    return path
