"""Stopping on SIGTERM and Ctrl-C: training at the next step, everything else at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """A run was asked to stop, and has.

    Attributes:
        number: of the signal.
        stage: that was being trained, and of which a checkpoint was written; None: none.
        step: of the checkpoint.
    """

    def __init__(self, number: int, *, stage: str | None = None, step: int | None = None) -> None:
        super().__init__(number, stage, step)
        self.number, self.stage, self.step = number, stage, step


class _State:
    # What has been asked for while it could not be done at once, and whether it is put off.
    requested: int | None = None
    deferring = False
    told: Callable[[], None] | None = None
    # Of the process that heeds; those that it forks inherit the handlers.
    owner: int | None = None


@contextmanager
def heeding_signals(told: Callable[[], None] | None = None) -> Iterator[None]:
    """Turn SIGTERM and SIGINT into `Stopped`; the earlier handlers come back at the end.

    Within `deferred` the first signal is noted for `requested` and only the second one raises.

    Args:
        told: called where a signal is noted, to say so to whoever sent it.
    """
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may set handlers, and only it hears of signals.
        yield
        return
    # A signal that is ignored on purpose, as by nohup or a shell's background jobs, stays so.
    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _heed) for number in heeded}
    _State.requested, _State.told, _State.owner = None, told, os.getpid()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _State.requested, _State.told = None, None


@contextmanager
def deferred() -> Iterator[None]:
    """A body that asks `requested` by itself and stops where it is well."""
    before, _State.deferring = _State.deferring, True
    try:
        yield
    finally:
        _State.deferring = before


def requested() -> int | None:
    """The number of the signal that asked to stop within `deferred`; None: nobody did."""
    return _State.requested


def _heed(number: int, frame: FrameType | None) -> None:
    if os.getpid() != _State.owner:
        # Ctrl-C reaches all processes of a terminal; a loader's go when the training says so.
        if number != signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        return
    if not _State.deferring or _State.requested is not None:
        raise Stopped(number)
    _State.requested = number
    if _State.told is not None:
        _State.told()
