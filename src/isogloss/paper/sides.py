"""The files that runs read: a corpus's rows as a specification takes them, prepared once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Dataset

from isogloss.data.writing import RowWriter
from isogloss.errors import IsoglossError
from isogloss.paper.corpora import CORPORA
from isogloss.paper.drawing import (
    at_prior,
    partition,
    random_prior,
    share_of_rows,
    tilted_sentences,
)
from isogloss.paper.reading import read_split
from isogloss.paper.specification import Part, ShiftSets
from isogloss.progress import Progress
from isogloss.tasks import make_task

# What subsets are drawn by; the same for every seed of training, so that only that differs.
DATA_SEED = 0
# Training rows of a target at another class balance, at most; the paper does not say how many.
SHIFTED_ROWS = 20_000
# Fewer test rows say little, so that many are taken where the fraction would leave fewer.
LEAST_TEST_ROWS = 500
_BATCH = 10_000


@dataclass(frozen=True, kw_only=True)
class DataPlan:
    """Where rows come from and go to.

    Attributes:
        where: a folder, or `"hub"`.
        root: folder of the prepared files.
        fraction: of all rows, in (0, 1].
    """

    where: str
    root: Path
    fraction: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a run.

    Attributes:
        part: of the specification.
        language: its code.
        split: `"train"` or `"test"`.
        is_source: whether the part's changes of the source apply.
        shift: of the specification, where the class balance is another.
        number: of the set, where it is.
    """

    part: Part
    language: str
    split: str
    is_source: bool = False
    shift: ShiftSets | None = None
    number: int | None = None

    @property
    def place(self) -> str:
        """The corpus and its language, such as "conll/nl"."""
        return f"{self.part.corpus}/{self.language}"

    @property
    def name(self) -> str:
        """The file's name within the folder of prepared files."""
        marks = [self.language, self.split]
        if self.split == "train" and self.part.partition is not None:
            marks.append(f"part-{self.part.partition}")
        if self.is_source and self.part.source_prior:
            marks.append(f"prior-{digest(dict(self.part.source_prior))}")
        if self.is_source and self.part.source_with:
            marks.append(f"with-{self.part.source_with}")
        if self.number is not None and self.shift is not None:
            marks.append(f"set-{self.number}-of-{self.shift.rows}")
        return f"{self.part.corpus}/{'.'.join(marks)}.parquet"


def prepared(plan: DataPlan, side: Side, progress: Progress | None = None) -> Path:
    """The file of a side, made where it is missing.

    Raises:
        IsoglossError: E801 to E804, E809, E810, E813 to E815; E1xx and E2xx for what is in a file.
    """
    path = plan.root / side.name
    if path.is_file():
        return path
    if progress is not None:
        progress.say(f"preparing {side.name}")
    rows = read_split(plan.where, side.part.corpus, side.language, side.split)
    if CORPORA[side.part.corpus].kind == "token":
        # Before rows are drawn: the scheme is recognised over all of them.
        rows = make_task("token").conform(rows, name=side.name)
    rows = chosen(rows, plan, side)
    write_rows(path, rows)
    return path


def write_rows(path: Path, rows: Dataset) -> None:
    """Write rows to a file that appears only when it is whole."""
    with RowWriter(path) as writer:
        for batch in rows.iter(_BATCH):
            writer.write(batch)


def chosen(rows: Dataset, plan: DataPlan, side: Side) -> Dataset:
    """The rows that the specification takes of a split."""
    part, name = side.part, side.name
    if side.split == "train" and part.partition is not None:
        languages = CORPORA[part.corpus].languages
        rows = rows.select(
            partition(
                len(rows),
                max(1, round(part.partition * plan.fraction)),
                languages.index(side.language),
                of=len(languages),
                seed=DATA_SEED,
                name=name,
            )
        )
    elif plan.fraction < 1.0 and (side.split == "train" or side.number is None):
        share = plan.fraction if side.split == "train" else test_share(len(rows), plan.fraction)
        rows = rows.select(share_of_rows(len(rows), share, seed=DATA_SEED))
    if side.is_source:
        rows = source_rows(rows, part, name)
    if side.number is not None and side.shift is not None:
        rows = rows.select(shifted(rows, plan, side, side.shift, side.number))
    return rows


def test_share(rows: int, fraction: float) -> float:
    """The share of test rows to take: the fraction, or what makes `LEAST_TEST_ROWS`."""
    return min(1.0, max(fraction, LEAST_TEST_ROWS / max(1, rows)))


def source_rows(rows: Dataset, part: Part, name: str) -> Dataset:
    """The source as the part changes it."""
    if part.source_prior:
        rows = rows.select(at_prior(rows["label"], part.source_prior, seed=DATA_SEED, name=name))
    if part.source_with:
        kept = [at for at, tags in enumerate(rows["tags"]) if part.source_with in tags]
        if not kept:
            raise IsoglossError("E810", name=name, label=part.source_with)
        rows = rows.select(kept)
    return rows


def shifted(rows: Dataset, plan: DataPlan, side: Side, shift: ShiftSets, number: int) -> np.ndarray:
    """Indices of a target's rows at the class balance of a numbered set."""
    most = max(1, round(SHIFTED_ROWS * plan.fraction))
    if side.split == "test":
        most = round(shift.rows * test_share(shift.rows, plan.fraction))
    corpus = CORPORA[side.part.corpus]
    if corpus.kind == "token":
        return tilted_sentences(rows["tags"], number, most, seed=DATA_SEED)
    prior = random_prior(corpus.labels, number, seed=DATA_SEED)
    split = ("train", "validation", "test").index(side.split)
    seed = (DATA_SEED, 26, number, split)
    return at_prior(rows["label"], prior, seed=seed, name=side.name, most=most)


def digest(values: object) -> str:
    """A short name for plain values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]
