"""What stages left of the labelled target rows, read back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.data.arrays import read_arrays
from isogloss.errors import IsoglossError
from isogloss.recipes.folder import DONE, RunFolder, read_json
from isogloss.selection.labelled import LabelledRows

# In a stage's folder: the labelled rows as its model sees them, and the report of the prior where
# it says other than the stage's result.
LABELLED, PRIOR = "labelled.safetensors", "prior.json"


def read_labelled(folder: RunFolder, stages: Iterable[str]) -> LabelledRows | None:
    """What stages say of the labelled rows; None where there were none to ask about.

    Raises:
        IsoglossError: E532 for a file that cannot be read.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for stage in stages:
        if (folder.stage(stage) / LABELLED).is_file():
            found[stage] = _read(folder.stage(stage))[0]
    if not found:
        return None
    first = next(iter(found.values()))
    return LabelledRows(
        labels=first["labels"],
        groups=first["groups"],
        logits={stage: arrays["logits"] for stage, arrays in found.items()},
    )


def labelled_metrics(folder: RunFolder, stage: str) -> dict[str, float] | None:
    """The task's scores of a stage on the labelled rows, or None where there were none."""
    if not (folder.stage(stage) / LABELLED).is_file():
        return None
    found: dict[str, float] = _read(folder.stage(stage))[1]["metrics"]
    return found


def _read(folder: Path) -> tuple[dict[str, np.ndarray], Any]:
    path = folder / LABELLED
    try:
        return read_arrays(path)
    except ValueError as error:
        raise IsoglossError("E532", path=path, reason=str(error)) from error


def prior_of(folder: RunFolder, stage: str) -> dict[str, Any]:
    """A finished stage's report of the target's prior, as labelled rows and the guard left it.

    Labelled rows refine it, and the guard has it say so where another stage refutes label shift.

    Args:
        folder: of the run.
        stage: a finished one.

    Raises:
        IsoglossError: E532 where what it left was taken away.
    """
    found = prior_in(folder.stage(stage))
    if found is None:
        path = folder.stage(stage) / DONE
        raise IsoglossError("E532", path=path, reason="it is not there any more")
    return found


def prior_in(stage: Path) -> dict[str, Any] | None:
    """The same by the stage's folder; None where no stage was finished there."""
    if (stage / PRIOR).is_file():
        return read_json(stage / PRIOR)
    if not (stage / DONE).is_file():
        return None
    prior: dict[str, Any] = read_json(stage / DONE)["prior"]
    return prior
