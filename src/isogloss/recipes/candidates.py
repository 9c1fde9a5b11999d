"""What each stage's model says of held-out source rows and of the target, kept to choose by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.data.arrays import read_arrays, save_arrays
from isogloss.errors import IsoglossError
from isogloss.recipes.folder import RunFolder
from isogloss.recipes.methods import AVERAGE, SEEDS
from isogloss.selection.rows import CandidateRows
from isogloss.trainers.rows import CollectedRows

# In a stage's folder.
CANDIDATE = "candidate.safetensors"


def save_candidate(
    path: Path,
    *,
    source: CollectedRows,
    target: CollectedRows,
    drawn: Mapping[str, int] | None = None,
) -> None:
    """Write both sides' rows whole or not at all, features in half precision.

    Args:
        path: the file.
        source: with labels, and features.
        target: with features; labels, if any, are left behind.
        drawn: how the target's examples were drawn, the arguments of `sampled_places` under the
            names `of`, `most` and `seed`; None: all are there.

    Raises:
        IsoglossError: E121 where it cannot be written.
    """
    arrays = {f"source_{name}": values for name, values in _side(source).items()}
    facts = {"version": 1, "target": dict(drawn or {})}
    arrays |= {f"target_{name}": values for name, values in _side(target).items()}
    save_arrays(path, arrays | {"source_labels": source.labels}, facts)


def read_candidate(folder: Path, *, name: str) -> CandidateRows:
    """The rows that a stage left.

    Args:
        folder: of the stage.
        name: what to call the candidate.

    Raises:
        IsoglossError: E532 where there are none or they cannot be read.
    """
    path = folder / CANDIDATE
    try:
        arrays, _ = read_arrays(path)
        return CandidateRows(name=name, **arrays)
    except (TypeError, ValueError) as error:
        raise IsoglossError("E532", path=path, reason=str(error)) from error


def candidate_of(folder: RunFolder, stage: str) -> CandidateRows:
    """The rows of a finished stage, which know whether training settled their balance.

    Raises:
        IsoglossError: as `read_candidate`.
    """
    rows = read_candidate(folder.stage(stage), name=stage)
    return replace(rows, settled=is_settled(folder, stage))


def is_settled(folder: RunFolder, stage: str) -> bool:
    """Whether a stage learnt from a teacher whose word on target texts had been corrected.

    So did its average, which says nothing of it, and what repeats it under another seed.
    """
    taught = folder.stage_result(stage.removesuffix(AVERAGE).removesuffix(SEEDS)) or {}
    weights = taught.get("teacher_weights")
    # Of a teacher that found no shift, nothing was corrected.
    return weights is not None and any(weight != 1.0 for weight in weights)


def _side(rows: CollectedRows) -> dict[str, Any]:
    found = {"logits": rows.logits, "groups": rows.examples}
    if rows.features is not None:
        found["features"] = rows.features.astype(np.float16)
    return found
