"""The two processes of `train_step.py`: each trains its own way, a turn of steps when told to."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

# Passes over the source in a run, to which the schedules of the published step refer.
EPOCHS = 4

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
    """One turn's outcome: `seconds` and, over the turns so far, `peak` resident bytes."""

    seconds: float
    peak: int


class Worker:
    """A process of its own that loads once and then runs as many steps as it is told.

    Args:
        train: `train_ours` or `train_published`.
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
            self._connection.send(Turn(seconds=seconds, peak=peak_memory()))
            self._wait()

    def _wait(self) -> None:
        self._left = self._connection.recv()
        if self._left == 0:
            raise SystemExit(0)
        self._began = time.perf_counter()


def _serve(train: Callable[[Job, Turns], None], job: Job, connection: Connection) -> None:
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


def train_ours(job: Job, turns: Turns) -> None:
    """The `iwda` stage of a run, as `isogloss adapt` goes through it."""
    from isogloss.recipes import stages

    with tempfile.TemporaryDirectory() as folder:
        shop = open_workshop(job, Path(folder), turns)
        stages.align(shop, stage="iwda", start=Path("offline"))


def train_published(job: Job, turns: Turns) -> None:
    """The published step on the same encoder and the same encoded examples."""
    from published_step import random_batches

    with tempfile.TemporaryDirectory() as folder:
        shop = open_workshop(job, Path(folder), turns)
        data, steps = shop.data, EPOCHS * len(shop.data.train) // job.batch_size
        step, pad_token_id = open_published(job, shop, total_steps=steps)
        source, target = (
            random_batches(
                examples,
                tagging=job.task == "token",
                batch_size=job.batch_size,
                pad_token_id=pad_token_id,
                seed=job.seed + side,
            )
            for side, examples in enumerate((data.train, data.target))
        )
        turns.ready({"precision": "fp32", "run_steps": steps})
        while True:
            step(next(source), next(target))
            turns.step_done()


def open_published(job: Job, shop: Any, *, total_steps: int) -> tuple[Any, int]:
    """The published step of the offline encoder with a new head, and the id of its padding."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

    from isogloss.models.offline import offline_folder
    from published_step import PublishedOptions, PublishedStep

    tagging = job.task == "token"
    auto = AutoModelForTokenClassification if tagging else AutoModelForSequenceClassification
    torch.manual_seed(job.seed)
    model = auto.from_pretrained(
        offline_folder(), num_labels=len(shop.labels), attn_implementation=job.attention
    )
    prior = torch.as_tensor(shop.source_prior, dtype=torch.float32)
    start = torch.ones_like(prior)
    step = PublishedStep(
        model,
        source_prior=prior,
        start_weights=start,
        total_steps=total_steps,
        options=PublishedOptions(),
    )
    return step, model.config.pad_token_id


def open_workshop(job: Job, folder: Path, turns: Turns) -> Any:
    """Data and settings of a run with the defaults that users get, told to go turn by turn.

    Of the weightings it takes `online`, since that is what a published step does, too.
    """
    from isogloss.models.precision import choose_precision
    from isogloss.models.reading import load_tokenizer
    from isogloss.recipes import adapt, inputs
    from isogloss.recipes.config import RunConfig
    from isogloss.recipes.folder import RunFolder

    config = RunConfig(
        source=job.source,
        target=job.target,
        task=job.task,
        max_length=job.max_length,
        seed=job.seed,
        iwda={"per_device_train_batch_size": job.batch_size, "weighting": "online"},
    ).resolved()
    data = inputs.read(config, {})
    tokenizer, longest = load_tokenizer(config.model, trust_remote_code=False)
    length = min(job.max_length, longest)
    encoded = inputs.encode(data, config, tokenizer, max_length=length)
    progress = turn_progress(turns, choose_precision(config.precision or "auto"))
    return adapt.make_workshop(
        config, RunFolder(folder), data, encoded, tokenizer.pad_token_id, length, progress
    )


def turn_progress(turns: Turns, precision: str) -> Any:
    """A `Progress` that lets a trainer go on only when a turn is due."""
    from isogloss.progress import Progress

    class TurnProgress(Progress):
        def start(self, phase: str, total: int | None, unit: str) -> None:
            turns.ready({"run_steps": total, "precision": precision})

        def advance(self, amount: int, figures: Mapping[str, float] | None = None) -> None:
            for _ in range(amount):
                turns.step_done()

    return TurnProgress()
