"""A small engine for where atheris is not installed: mutate, and keep what runs new lines."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

LONGEST = 1 << 14


def fuzz(
    run: Callable[[bytes], None],
    seeds: Sequence[bytes],
    words: Sequence[bytes],
    *,
    seconds: float,
    seed: int,
) -> None:
    """Call `run` with mutations of the seeds until the time is over.

    Args:
        run: raises nothing.
        seeds: files to begin with.
        words: what to insert beside random bytes.
        seconds: how long.
        seed: of the mutations.
    """
    rng = random.Random(seed)
    corpus, seen = list(seeds), set[tuple[str, int]]()
    end = time.monotonic() + seconds
    for data in seeds:
        seen |= lines_of(run, data)
    while time.monotonic() < end:
        data = mutated(rng.choice(corpus), corpus, words, rng)
        lines = lines_of(run, data)
        if not lines <= seen:
            seen |= lines
            corpus.append(data)


def mutated(
    data: bytes, corpus: Sequence[bytes], words: Sequence[bytes], rng: random.Random
) -> bytes:
    """`data` after a few random changes, at most `LONGEST` bytes of it."""
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        at, to = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        change = rng.randrange(6)
        if change == 0:
            data = data[:at] + data[to:]
        elif change == 1:
            data = data[:at] + data[at:to] * rng.randrange(1, 4) + data[to:]
        elif change == 2:
            data = data[:at] + rng.randbytes(rng.randrange(1, 5)) + data[at + 1 :]
        elif change == 3:
            data = data[:at] + rng.choice(words) + data[at:]
        elif change == 4:
            data = data[:at] + rng.choice(words) + data[to:]
        else:
            other = rng.choice(corpus)
            data = data[:at] + other[rng.randrange(len(other) + 1) :]
    return data[:LONGEST]


def lines_of(run: Callable[[bytes], None], data: bytes) -> set[tuple[str, int]]:
    """The lines of isogloss that `run(data)` went through."""
    seen: set[tuple[str, int]] = set()

    def local(frame: FrameType, event: str, _: Any) -> Any:
        seen.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    def called(frame: FrameType, event: str, _: Any) -> Any:
        return local if "isogloss" in frame.f_code.co_filename else None

    sys.settrace(called)
    try:
        run(data)
    finally:
        sys.settrace(None)
    return seen
