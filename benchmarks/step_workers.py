"""Processes that load once, then train a turn of steps when told to, while the others wait."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What both processes train on.

    Args:
        task: `"sequence"` or `"token"`.
        source: labelled file.
        target: unlabelled file.
        batch_size: examples a side in a step.
        max_length: word pieces a text is cut to.
        attention: transformers' attention implementation of the published step.
        threads: of each process; None leaves it to torch.
        seed: of everything drawn at random.
    """

    task: str
    source: str
    target: str
    batch_size: int
    max_length: int
    attention: str
    threads: int | None
    seed: int


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One turn's outcome.

    Args:
        seconds: that it took.
        peak: resident bytes, over the turns so far.
        flop: floating-point operations of the encoder's layers, padding counted.
    """

    seconds: float
    peak: int
    flop: int = 0


class Worker:
    """A process of its own that loads once and then runs as many steps as it is told.

    Args:
        train: a side of `step_sides.py`.
        job: what to train on.

    Attributes:
        facts: what the process said when it had loaded: `loading_peak` (bytes) and settings.
    """

    def __init__(self, train: Callable[[Job, Turns], None], job: Job) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(train, job, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.facts: dict[str, Any] = self._receive()

    def run(self, steps: int) -> Turn:
        """Train for `steps` steps while everybody else waits."""
        self._connection.send(steps)
        turn: Turn = self._receive()
        return turn

    def stop(self) -> None:
        """End the process."""
        self._connection.send(0)
        self._process.join()

    def _receive(self) -> Any:
        try:
            return self._connection.recv()
        except EOFError:
            raise SystemExit("A training process ended early; its own message is above.") from None


class Turns:
    """The training process's side: says when it is ready, waits, and reports each turn."""

    def __init__(self, connection: Connection, *, threads: int) -> None:
        self._connection = connection
        self._threads = threads
        self._left = 0
        self._began = 0.0
        self._flop = 0

    def ready(self, facts: Mapping[str, Any]) -> None:
        """Report what loading took and wait for the first turn."""
        measured = {"threads": self._threads, "loading_peak": peak_memory()}
        self._connection.send({**facts, **measured})
        reset_peak_memory()
        self._wait()

    def step_done(self) -> None:
        """Count a step; at the end of a turn, report it and wait for the next one."""
        self._left -= 1
        if self._left == 0:
            seconds = time.perf_counter() - self._began
            self._connection.send(Turn(seconds=seconds, peak=peak_memory(), flop=self._flop))
            self._wait()

    def _wait(self) -> None:
        self._left = self._connection.recv()
        if self._left == 0:
            raise SystemExit(0)
        self._flop = 0
        self._began = time.perf_counter()

    def computed(self, flop: int) -> None:
        """Count operations into the turn."""
        self._flop += flop


def _serve(train: Callable[[Job, Turns], None], job: Job, connection: Connection) -> None:
    from isogloss.cli.quiet import quiet_environment

    # As the command line does it, before torch is imported; the same for every side.
    quiet_environment()
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    train(job, Turns(connection, threads=torch.get_num_threads()))


def peak_memory() -> int:
    """The largest resident size so far, in bytes."""
    if STATUS.is_file():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def reset_peak_memory() -> None:
    """Forget the peak of loading, where the system can."""
    if CLEAR.exists():
        CLEAR.write_text("5")
