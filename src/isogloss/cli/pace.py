"""How fast work goes, and how long the rest will take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from isogloss.cli.console import duration

_WINDOW_SECONDS = 30.0


class Pace:
    """Units a second over the last half minute; what was done before the first call is left out.

    Args:
        clock: seconds, rising.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._marks: deque[tuple[float, float]] = deque()

    def mark(self, done: float) -> None:
        """Note that `done` units are done now."""
        now = self._clock()
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW_SECONDS:
            self._marks.popleft()

    @property
    def rate(self) -> float | None:
        """Units a second, or None while there is nothing to go by."""
        if len(self._marks) < 2:
            return None
        (began, before), (ended, after) = self._marks[0], self._marks[-1]
        return (after - before) / (ended - began) if ended > began and after > before else None


def describe_pace(rate: float | None, unit: str, left: float | None) -> str:
    """Rate and time left, such as "3.2 steps/s, 42 s left"; empty while unknown.

    Args:
        rate: units a second.
        unit: their name.
        left: units still to do, or None where that is unknown.
    """
    if rate is None:
        return ""
    number = f"{rate:,.0f}" if rate >= 100 else f"{rate:.2g}"
    text = f"{number} {unit}/s"
    return text if left is None else f"{text}, {duration(left / rate)} left"
