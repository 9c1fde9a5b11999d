"""What a long run tells whoever watches it; the library itself shows nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import TrainerCallback

# Before a class's name: the figure is its share in the target as the present weights have it.
PRIOR_FIGURE = "prior/"


class Progress:
    """Hears of a run's phases; a subclass shows them. This one is silent."""

    def plan(self, phases: Sequence[str]) -> None:
        """The run's stages, before the first begins."""

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """A phase of `total` units (None: unknown) begins, such as ("zero-shot", 460, "steps")."""

    def advance(self, amount: int, figures: Mapping[str, float] | None = None) -> None:
        """`amount` more units of the phase are done; `figures` are its latest measurements."""

    def finish(self) -> None:
        """The phase is over."""

    def skip(self, phase: str, why: str) -> None:
        """A stage that is not carried out, such as ("zero-shot", "finished before")."""
        self.say(f"{phase}: {why}")

    def say(self, text: str) -> None:
        """A line worth knowing, such as where a run is taken up again."""


class ProgressCallback(TrainerCallback):
    """Hands a trainer's steps and log entries on to a `Progress`.

    Args:
        progress: who listens.
        phase: the name of the training stage.
    """

    def __init__(self, progress: Progress, phase: str) -> None:
        self.progress = progress
        self.phase = phase

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the phase at the step the trainer starts at."""
        self.progress.start(self.phase, state.max_steps, "steps")
        self.progress.advance(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """One more step."""
        self.progress.advance(1)

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        logs: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """The latest figures."""
        self.progress.advance(0, logs or {})

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the phase."""
        self.progress.finish()
