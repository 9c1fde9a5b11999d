"""What a stage's classifier says of the held-out source rows: all that a later prior needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isogloss.data.arrays import read_arrays, save_arrays
from isogloss.errors import IsoglossError
from isogloss.recipes.folder import METRICS, RunFolder, read_json
from isogloss.recipes.serving import model_folder
from isogloss.selection.opinions import CORRECTED
from isogloss.trainers.rows import CollectedRows

# Beside the model in a stage's folder, and in the run's beside the one that it serves, unless that
# is corrected: these are the rows as its stage's model sees them.
HELD_OUT = "held-out.safetensors"


@dataclass(frozen=True, kw_only=True)
class HeldOutRows:
    """Labelled source rows as a classifier sees them.

    Attributes:
        probabilities: (n, k) float32, rows sum to 1.
        labels: (n,) int64, the true classes in 0..k-1.
        examples: (n,) int64, the example each row belongs to: the words of a sentence share one.
        names: the k class names.
        trained_on: whether the classifier was fitted to these very rows.
        p_value_before: of the test of label shift before the classifier was adapted to a target, 1
            where it was not; see `PriorEstimator.estimate`.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    examples: np.ndarray
    names: tuple[str, ...]
    trained_on: bool
    p_value_before: float = 1.0


def save_held_out(
    path: Path,
    rows: CollectedRows,
    *,
    names: tuple[str, ...],
    trained_on: bool,
    p_value_before: float = 1.0,
) -> None:
    """Write the rows whole or not at all.

    Args:
        path: the file.
        rows: with labels.
        names: the k class names.
        trained_on: whether the classifier was fitted to these very rows.
        p_value_before: as in `HeldOutRows`.

    Raises:
        IsoglossError: E121 where it cannot be written.
    """
    arrays = {
        "probabilities": rows.probabilities.astype(np.float32),
        "labels": rows.labels,
        "examples": rows.examples,
    }
    facts = {"labels": list(names), "trained_on": trained_on, "p_value_before": p_value_before}
    save_arrays(path, arrays, facts)


def uncorrected(folder: str | Path) -> Path:
    """The folder whose model predicts as it was trained.

    Of a run that serves a corrected candidate that of its stage: the correction is for the run's
    own target, may rule classes out that another file has, and no held-out rows were asked of it.

    Args:
        folder: of a run, of one of its stages, or of the model in either.

    Raises:
        IsoglossError: E524 and E525 as `model_folder`; E524 where the stage is not there any more.
    """
    place = model_folder(folder).parent
    metrics = read_json(place / METRICS) if (place / METRICS).is_file() else {}
    name = str(metrics.get("chosen", {}).get("name", ""))
    if not name.endswith(CORRECTED):
        return Path(folder)
    stage = RunFolder(place).stage(name.removesuffix(CORRECTED))
    model_folder(stage)
    return stage


def read_held_out(folder: str | Path) -> HeldOutRows:
    """The held-out rows of a run.

    Args:
        folder: of the run, of one of its stages, or of the model in either.

    Raises:
        IsoglossError: E524 and E525 as `model_folder`; E531 where there are none, E532 where they
            cannot be read.
    """
    model = model_folder(folder)
    path = model.parent / HELD_OUT
    if not path.is_file():
        raise IsoglossError("E531", folder=folder)
    try:
        arrays, facts = read_arrays(path)
        return HeldOutRows(
            **arrays,
            names=tuple(facts["labels"]),
            trained_on=bool(facts["trained_on"]),
            # Not in runs of earlier versions.
            p_value_before=float(facts.get("p_value_before", 1.0)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise IsoglossError("E532", path=path, reason=str(error)) from error
