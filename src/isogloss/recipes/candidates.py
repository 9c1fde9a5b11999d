"""What each stage's model says of held-out source rows and of the target, kept to choose by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.data.arrays import read_arrays, read_facts, save_arrays
from isogloss.errors import IsoglossError
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
    settled: bool = False,
) -> None:
    """Write both sides' rows whole or not at all, features in half precision.

    Args:
        path: the file.
        source: with labels, and features.
        target: with features; labels, if any, are left behind.
        drawn: how the target's examples were drawn, the arguments of `sampled_places` under the
            names `of`, `most` and `seed`; None: all are there.
        settled: see `CandidateRows.settled`.

    Raises:
        IsoglossError: E121 where it cannot be written.
    """
    arrays = {f"source_{name}": values for name, values in _side(source).items()}
    facts = {"version": 1, "target": dict(drawn or {}), "settled": settled}
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
        arrays, facts = read_arrays(path)
        return CandidateRows(name=name, **arrays, settled=bool(facts.get("settled")))
    except (AttributeError, TypeError, ValueError) as error:
        raise IsoglossError("E532", path=path, reason=str(error)) from error


def is_settled(folder: Path) -> bool:
    """Whether the model of a stage's folder learnt from a teacher that had been corrected.

    So did the averages of such models. False where the stage left no rows.
    """
    try:
        return bool(read_facts(folder / CANDIDATE).get("settled"))
    except (AttributeError, ValueError):
        return False


def _side(rows: CollectedRows) -> dict[str, Any]:
    found = {"logits": rows.logits, "groups": rows.examples}
    if rows.features is not None:
        found["features"] = rows.features.astype(np.float16)
    return found
