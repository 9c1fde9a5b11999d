"""Files of a cell: the first rows of a data set, the target's resampled to another balance."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from isogloss.data.streaming import read_batches
from isogloss.data.writing import RowWriter
from qualitybench.grid import DATA, NATURAL, STRENGTHS, Cell, Pair

LABEL = "label"


def files_of(cell: Cell, pair: Pair, folder: Path) -> dict[str, Path]:
    """Source, target and test of a cell, made where they are not there yet."""
    made = {}
    for side, file, rows in zip(("source", "target", "test"), pair.files, pair.rows, strict=True):
        shift = NATURAL if side == "source" else cell.shift
        made[side] = _file(DATA / file, rows, shift, folder)
    return made


def _file(path: Path, rows: int, shift: str, folder: Path) -> Path:
    target = folder / f"{path.parent.name}-{path.stem}-{rows}-{shift}{path.suffix}"
    if target.is_file():
        return target
    columns = _first(path, rows)
    if shift != NATURAL:
        kept = resampled(columns[LABEL], strength=float(shift))
        columns = {name: [values[i] for i in kept] for name, values in columns.items()}
    with RowWriter(target) as writer:
        writer.write(columns)
    return target


def _first(path: Path, rows: int) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {}
    for batch in read_batches(path):
        for name, values in batch.items():
            columns.setdefault(name, []).extend(values)
        if len(next(iter(columns.values()))) >= rows:
            break
    return {name: values[:rows] for name, values in columns.items()}


def resampled(labels: list[str], *, strength: float) -> np.ndarray:
    """Rows that give the labels another balance, none of them twice.

    Args:
        labels: (n,), about equally many of each.
        strength: total variation from the even balance, 0 to 1 - 1/k. All of it goes to one class,
            another one for each strength.

    Returns:
        Ascending places in 0..n-1, as many as there can be.
    """
    counts = Counter(labels)
    names = sorted(counts)
    k = len(names)
    raised = STRENGTHS.index(str(strength)) % k
    prior = np.full(k, (1 - 1 / k - strength) / (k - 1))
    prior[raised] = 1 / k + strength
    size = int(min(counts[name] / share for name, share in zip(names, prior, strict=True)))
    rng = np.random.default_rng(20_220_425)
    kept: list[int] = []
    for name, share in zip(names, prior, strict=True):
        places = np.flatnonzero(np.array(labels) == name)
        kept += rng.permutation(places)[: round(size * share)].tolist()
    return np.array(sorted(kept))
