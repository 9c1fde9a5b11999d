"""Write rows to a file batch by batch; the file appears only when it is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from isogloss.data.atomic import naming, replacing
from isogloss.data.formats import format_of, listed
from isogloss.data.row_formats import Batch, Rows, open_rows
from isogloss.errors import IsoglossError


class RowWriter:
    """Write batches of columns to a CSV, TSV, JSON lines, Parquet or CoNLL file.

    Rows go to a temporary file beside `path`, which takes its name when the `with` block ends
    and is removed when it raises. In CSV and TSV a missing value is an empty cell, a list of
    words is written with spaces between, and other lists and objects as JSON; CoNLL has the
    words (column `tokens`, else the first) and the last column.

    Args:
        path: the file to write; its folder is made where it is missing.
        format: where the file's ending does not say.
        columns: their names and order; those of the first batch where `None`.
        schema: Arrow types of some of the columns, from `read_schema`, so that Parquet keeps
            them; the others' are found from the first batch.
        no_formulas: begin text that a spreadsheet would take for a formula with `'`, in CSV and
            TSV.

    Raises:
        IsoglossError: E104 for an unknown format; on writing E121 if the file cannot be
            written, E124 for a word that CoNLL cannot hold, E125 if a batch has other
            columns, E132 if Parquet is given values of another type than before.

    Example:
        with RowWriter("out.jsonl") as writer:
            for batch in read_batches("in.csv"):
                writer.write({**batch, "length": [len(text) for text in batch["text"]]})
    """

    def __init__(
        self,
        path: str | Path,
        *,
        format: str | None = None,
        columns: Sequence[str] | None = None,
        schema: pa.Schema | None = None,
        no_formulas: bool = False,
    ) -> None:
        self.path = Path(path)
        self.format = format_of(path, format=format)
        self.columns = None if columns is None else list(columns)
        self.schema = schema
        self.no_formulas = no_formulas
        self._stack = ExitStack()
        self._rows: Rows | None = None

    def __enter__(self) -> RowWriter:
        self._temporary = self._stack.enter_context(replacing(self.path))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if kind is not None:
            return self._stack.__exit__(kind, error, trace)
        with self._stack:
            if self._rows is None:
                self.write({name: [] for name in self.columns or []})
        return None

    def write(self, batch: Mapping[str, Sequence[Any]]) -> None:
        """Append rows.

        Args:
            batch: columns of equal length.

        Raises:
            IsoglossError: E121, E124, E125, E132.
        """
        if self.columns is None:
            self.columns = list(batch)
        if set(batch) != set(self.columns):
            raise IsoglossError(
                "E125",
                name=self.path.name,
                found=listed(list(batch)),
                expected=listed(self.columns),
            )
        ordered = {name: _listed(batch[name]) for name in self.columns}
        with naming(self.path):
            if self._rows is None:
                self._rows = self._stack.enter_context(closing(self._open(ordered)))
            self._rows.write(ordered)

    def _open(self, first: Batch) -> Rows:
        return open_rows(
            self._temporary,
            first,
            format=self.format,
            name=self.path.name,
            schema=self.schema,
            no_formulas=self.no_formulas,
        )


def _listed(values: Sequence[Any] | np.ndarray) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
