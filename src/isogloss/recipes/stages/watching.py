"""Who watches a stage train: the run's progress, and TensorBoard where it is wanted."""

from __future__ import annotations

from typing import Any

from transformers.integrations import TensorBoardCallback

from isogloss.progress import ProgressCallback
from isogloss.recipes.settings import writes_events
from isogloss.recipes.workshop import Workshop

EVENTS = "tensorboard"


def watchers(shop: Workshop, stage: str) -> list[Any]:
    """The callbacks of a stage's trainer.

    Args:
        shop: the run.
        stage: its name; TensorBoard's events lie in a folder of that name.
    """
    callbacks: list[Any] = [ProgressCallback(shop.progress, stage)]
    if writes_events(shop.config.tensorboard):
        events = TensorBoardCallback()
        # Upstream's own setting for this is a variable of the environment.
        events.logging_dir = str(shop.folder.root / EVENTS / stage)
        callbacks.append(events)
    return callbacks
