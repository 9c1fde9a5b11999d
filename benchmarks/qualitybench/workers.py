"""Cells carried out side by side, one core each, what a cell starts from before it."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import Queue, get_context
from typing import Any

from qualitybench.grid import METHODS, Cell

Run = Callable[[Cell], dict[str, Any]]


def run_cells(
    cells: Iterable[Cell], run: Run, *, workers: int
) -> Iterator[tuple[Cell, dict[str, Any] | None]]:
    """Carry out cells, each as soon as what it starts from is there.

    Two trainings of one thread each, each on a core of its own, do nearly twice as much as one of
    two threads.

    Args:
        cells: in the order wanted.
        run: gives the record of a cell; picklable.
        workers: processes; 1: all in this one, with all of its threads.

    Yields:
        Each cell with its record when it is done; with None where it failed or could not begin.
    """
    waiting = list(cells)
    if workers == 1:
        for cell in waiting:
            yield cell, _attempt(run, cell)
        return
    context = get_context("spawn")
    cores: Queue[int] = context.Queue()
    for core in sorted(os.sched_getaffinity(0))[:workers] if _can_pin() else range(workers):
        cores.put(core)
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_settle, initargs=(cores,)
    ) as pool:
        running: dict[Future[Any], Cell] = {}
        while waiting or running:
            for cell in _ready(waiting, list(running.values())):
                if len(running) == workers:
                    break
                waiting.remove(cell)
                running[pool.submit(_attempt, run, cell)] = cell
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()


def _ready(waiting: list[Cell], running: list[Cell]) -> list[Cell]:
    """The cells whose start is neither waiting nor being made."""
    unfinished = {cell.key for cell in [*waiting, *running]}
    starts = {cell: start_of(cell) for cell in waiting}
    return [c for c, start in starts.items() if start is None or start.key not in unfinished]


def start_of(cell: Cell) -> Cell | None:
    """The cell that a cell takes stages over from."""
    shared = METHODS[cell.method].shared
    if shared is None:
        return None
    return Cell(pair=cell.pair, shift=cell.shift, method=shared, seed=cell.seed)


def _can_pin() -> bool:
    return hasattr(os, "sched_setaffinity")


def _settle(cores: Queue[int]) -> None:
    """Take a core of one's own, and one thread."""
    core = cores.get()
    if _can_pin():
        os.sched_setaffinity(0, {core})
    import torch

    torch.set_num_threads(1)


def _attempt(run: Run, cell: Cell) -> dict[str, Any] | None:
    """The record of a cell, or None where its run failed; the rest goes on."""
    print(f"begun: {cell.key}", file=sys.stderr, flush=True)
    try:
        return run(cell)
    except Exception:
        traceback.print_exc()
        print(f"failed: {cell.key}", file=sys.stderr, flush=True)
        return None
