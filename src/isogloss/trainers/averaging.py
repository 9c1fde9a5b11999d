"""A mean of snapshots of the weights, taken in the last part of a training and kept with it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from torch import nn
from transformers import TrainerCallback

from isogloss.data.arrays import read_arrays, save_arrays
from isogloss.errors import IsoglossError
from isogloss.models.averaging import WeightAverage, trained_parameters

# In a checkpoint's folder.
AVERAGE = "average.safetensors"


class SnapshotAveraging(TrainerCallback):
    """Adds the weights to a mean at evenly spaced steps, the last step among them.

    Args:
        classifier: that is trained.
        snapshots: how many steps, at least 1; fewer where the training has not as many.
        share: of the steps, above 0 and at most 1: the last part that they are taken in.
    """

    def __init__(self, classifier: nn.Module, *, snapshots: int, share: float) -> None:
        self._classifier = classifier
        self._snapshots, self._share = snapshots, share
        self.average = WeightAverage()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Before a checkpoint of this step is written."""
        if state.global_step in self._steps(state.max_steps):
            self.average.add(self._classifier)

    def save(self, folder: Path) -> None:
        """Write the mean so far into a checkpoint's folder, whole or not at all.

        Raises:
            IsoglossError: E121 where it cannot be written.
        """
        arrays = {name: mean.numpy() for name, mean in self.average.mean.items()}
        save_arrays(folder / AVERAGE, arrays, {"count": self.average.count})

    def load(self, folder: Path) -> None:
        """Go on from the mean in a checkpoint's folder.

        Raises:
            IsoglossError: E651 where there is none, it cannot be read, or it is of other weights.
        """
        path = folder / AVERAGE
        try:
            arrays, facts = read_arrays(path, framework="pt")
            count = int(facts["count"])
        except (KeyError, TypeError, ValueError) as error:
            raise IsoglossError("E651", path=path, reason=str(error)) from error
        wanted = {n: p.shape for n, p in trained_parameters(self._classifier)} if count else {}
        if wanted != {name: mean.shape for name, mean in arrays.items()}:
            reason = "it is of other weights than are trained here"
            raise IsoglossError("E651", path=path, reason=reason)
        # Out of the mapped file, whose folder is removed when later checkpoints are there.
        own = {name: mean.clone() for name, mean in arrays.items()}
        self.average = WeightAverage(count=count, mean=own)

    def _steps(self, total: int) -> set[int]:
        return snapshot_steps(total, snapshots=self._snapshots, share=self._share)


def snapshot_steps(total: int, *, snapshots: int, share: float) -> set[int]:
    """The steps behind which the weights go into the mean.

    Args:
        total: steps of the training.
        snapshots: how many, at least 1.
        share: of the steps, above 0 and at most 1: the last part that they are taken in.

    Returns:
        As many as there are, evenly spaced, or fewer where `share` has not as many steps; the
        last step is one of them.
    """
    last_part = total * share
    return {total - math.floor(last_part * i / snapshots) for i in range(snapshots)}
