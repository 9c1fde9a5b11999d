"""What a model scores at even steps of its training, for whoever reports on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from transformers import TrainerCallback

from isogloss.trainers.averaging import snapshot_steps

# A point's scores in the trainer's log, beside its step.
_SCORES = "course"


class Course(TrainerCallback):
    """Scores the model before the first step and behind evenly spaced ones, the last among them.

    The points are entries of the trainer's log, so that every checkpoint has those before it.

    Args:
        score: the scores of the model as it is. Training must not depend on it: it leaves weights,
            modes and global random generators as they were.
        points: how many behind the first, at least 1; fewer where the training has not as many
            steps.
    """

    def __init__(self, score: Callable[[], Mapping[str, float]], *, points: int) -> None:
        self._score, self._points = score, points

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The model that the training starts from."""
        if state.global_step == 0:
            self._add(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Before a checkpoint of this step is written."""
        if state.global_step in snapshot_steps(state.max_steps, snapshots=self._points, share=1.0):
            self._add(state)

    def _add(self, state: Any) -> None:
        state.log_history.append({"step": state.global_step, _SCORES: dict(self._score())})


def course_of(log: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The points in a trainer's log, in order: `step` and `scores` of each.

    Args:
        log: `state.log_history`.
    """
    # Sorted: upstream sorts what a checkpoint keeps, so that a resumed run's would differ.
    return [
        {"step": entry["step"], "scores": dict(sorted(entry[_SCORES].items()))}
        for entry in log
        if _SCORES in entry
    ]
