"""Probabilities for the rows of a file, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Dataset

from isogloss.data.formats import existing_file, format_of
from isogloss.data.hub import is_hub_id
from isogloss.data.loading import load, name_of
from isogloss.data.preparing import prepare
from isogloss.data.streaming import read_batches, read_schema, to_dataset
from isogloss.errors import IsoglossError, warn
from isogloss.progress import Progress
from isogloss.recipes.predict import check_texts
from isogloss.recipes.serving import ServedModel


@dataclass(frozen=True, kw_only=True)
class UnlabelledRows:
    """Where rows without labels come from; a label column is not read.

    Args:
        where: CSV, TSV, JSON lines, Parquet or CoNLL, a data set, or an id on the hub.
        format: of the file, where its name does not say it.
        batch_rows: rows read at a time, >= 1.

    Raises:
        IsoglossError: E101, E104, E126, E131 for the path.
    """

    where: str | Path | Dataset
    format: str | None = None
    batch_rows: int = 2048

    def __post_init__(self) -> None:
        if self._is_file():
            assert not isinstance(self.where, Dataset)
            format_of(existing_file(self.where), format=self.format)

    @property
    def name(self) -> str:
        """What messages call it."""
        return name_of(self.where)

    def batches(self, served: ServedModel) -> Iterator[Dataset]:
        """The rows under canonical names, some at a time.

        Raises:
            IsoglossError: E1xx for what is in the file.
        """
        done = 0
        for raw in self._read(served):
            rows = prepare(
                raw,
                served.task.columns,
                side="target",
                name=self.name,
                labels="drop",
                first_row=done + 1,
            )
            done += len(rows)
            yield rows

    def _is_file(self) -> bool:
        if isinstance(self.where, Dataset):
            return False
        on_hub = isinstance(self.where, str) and is_hub_id(self.where)
        return Path(self.where).exists() or not on_hub

    def _read(self, served: ServedModel) -> Iterator[Dataset]:
        if isinstance(self.where, Dataset) or not self._is_file():
            loaded = load(self.where)
            for start in range(0, len(loaded), self.batch_rows):
                yield loaded.select(range(start, min(start + self.batch_rows, len(loaded))))
            return
        schema = read_schema(self.where, format=self.format)
        check_texts(served, schema, name=self.name)
        batches = read_batches(self.where, format=self.format, batch_rows=self.batch_rows)
        yield from (to_dataset(batch, schema) for batch in batches)


@dataclass(frozen=True)
class Classified:
    """What a model says of rows.

    Attributes:
        probabilities: (m, k) float32, rows sum to 1; for tagging a row is a word.
        examples: (m,) int64, the example each row belongs to.
        count: the number of examples.
    """

    probabilities: np.ndarray
    examples: np.ndarray
    count: int


def classify(served: ServedModel, rows: UnlabelledRows, *, progress: Progress) -> Classified:
    """Run a model over rows; of each only the probabilities are kept.

    Args:
        served: the model.
        rows: without labels.
        progress: hears how far it is.

    Raises:
        IsoglossError: E102 where there are none, E1xx for what is in the file.
    """
    probabilities, examples = [], []
    done = truncated = 0
    progress.start("classify", None, "rows")
    for batch in rows.batches(served):
        encoded, collected = served.rows(batch)
        probabilities.append(collected.probabilities.astype(np.float32))
        examples.append(collected.examples + done)
        done += len(batch)
        truncated += encoded.truncated
        progress.advance(len(batch))
    progress.finish()
    if not done:
        raise IsoglossError("E102", name=rows.name)
    if truncated:
        warn("W522", name=rows.name, count=truncated, of=done, length=served.max_length)
    return Classified(np.concatenate(probabilities), np.concatenate(examples), done)
