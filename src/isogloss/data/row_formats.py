"""One writer per file format, each appending batches of columns to an open file."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from isogloss.data.arrow_types import column_type, fit_column, unmarked
from isogloss.data.conversion import split_texts
from isogloss.data.formats import SEPARATORS
from isogloss.errors import IsoglossError

Batch = Mapping[str, Sequence[Any]]
PLAIN_WORD = re.compile(r"[^ \t\r\n]+\Z")
BREAKS_WORD = re.compile(r"[ \t\r\n]")
BREAKS_CELL = re.compile(r"[\t\r\n]|^ | $")

# What spreadsheets compute, spaces and control characters before it passed over; see OWASP's page
# on CSV injection. The full-width forms count, too.
FORMULA = re.compile("[\t\r\n]|[\\s\0]*[=+\\-@\uff1d\uff0b\uff0d\uff20]")


class Rows(Protocol):
    """An open file that takes batches of columns."""

    def write(self, batch: Batch) -> None:
        """Append the rows of a batch that has the columns of the first one."""

    def close(self) -> None:
        """End the file."""


def open_rows(
    path: Path,
    first: Batch,
    *,
    format: str,
    name: str,
    schema: pa.Schema | None,
    no_formulas: bool = False,
) -> Rows:
    """Open a file of `format`; `first` is a batch that shows the columns, yet to be written.

    With `no_formulas`, cells of CSV and TSV that a spreadsheet would compute begin with `'`.
    """
    if format == "jsonl":
        return JsonRows(path)
    if format == "parquet":
        return ParquetRows(path, first, name=name, schema=schema)
    if format == "conll":
        return ConllRows(path, name=name)
    separator = SEPARATORS[format]
    return DelimitedRows(path, list(first), separator=separator, no_formulas=no_formulas)


class DelimitedRows:
    """Rows of a CSV or TSV file under a header."""

    def __init__(
        self, path: Path, columns: list[str], *, separator: str, no_formulas: bool = False
    ) -> None:
        self.text_of = _inert_cell if no_formulas else _cell
        self.file = path.open("w", encoding="utf-8", newline="")
        self.rows = csv.writer(_ShortEnds(self.file), delimiter=separator)
        if columns:
            self.rows.writerow([self.text_of(name) for name in columns])

    def write(self, batch: Batch) -> None:
        """Append rows."""
        for row in zip(*batch.values(), strict=True):
            self.rows.writerow([self.text_of(value) for value in row])

    def close(self) -> None:
        """End the file."""
        self.file.close()


class _ShortEnds:
    """Ends rows in a line feed alone.

    Python's writer quotes a lone carriage return only where rows end in one, too, and without
    quotes it would end the row when it is read.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def write(self, row: str) -> int:
        return self.file.write(row.removesuffix("\r\n") + "\n")


class JsonRows:
    """Rows of a JSON lines file."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("w", encoding="utf-8", newline="")

    def write(self, batch: Batch) -> None:
        """Append rows."""
        for row in zip(*batch.values(), strict=True):
            self.file.write(_json(dict(zip(batch, row, strict=True))) + "\n")

    def close(self) -> None:
        """End the file."""
        self.file.close()


class ConllRows:
    """Sentences of a CoNLL file: the words, and the last column where there is another."""

    def __init__(self, path: Path, *, name: str) -> None:
        self.name = name
        self.file = path.open("w", encoding="utf-8", newline="")

    def write(self, batch: Batch) -> None:
        """Append sentences, each with a blank line after it."""
        words = "tokens" if "tokens" in batch else next(iter(batch), None)
        last = next(reversed(list(batch)), None)
        names = [column for column in dict.fromkeys([words, last]) if column is not None]
        breaks = BREAKS_CELL if len(names) > 1 else BREAKS_WORD
        for row in zip(*(batch[column] for column in names), strict=True):
            cells = [self._cells(value, breaks) for value in row]
            lines = ["\t".join(line) + "\n" for line in zip(*cells, strict=True)]
            self.file.write("".join(lines) + "\n")

    def close(self) -> None:
        """End the file."""
        self.file.close()

    def _cells(self, value: str | list[str], breaks: re.Pattern[str]) -> list[str]:
        words = split_texts([value], None)[0] if isinstance(value, str) else value
        return [_word(word, breaks, name=self.name) for word in words]


class ParquetRows:
    """Rows of a Parquet file, whose types are those of `schema`, else of the first batch."""

    def __init__(self, path: Path, first: Batch, *, name: str, schema: pa.Schema | None) -> None:
        self.name = name
        known = {} if schema is None else {field.name: unmarked(field) for field in schema}
        fields = [known.get(column) or _field(column, first[column]) for column in first]
        self.schema = pa.schema(fields, metadata=None if schema is None else schema.metadata)
        self.rows = pq.ParquetWriter(path, self.schema)

    def write(self, batch: Batch) -> None:
        """Append rows."""
        arrays = [self._array(field, batch[field.name]) for field in self.schema]
        self.rows.write_table(pa.Table.from_arrays(arrays, schema=self.schema))

    def close(self) -> None:
        """End the file."""
        self.rows.close()

    def _array(self, field: pa.Field, values: Sequence[Any]) -> pa.Array:
        try:
            return pa.array(fit_column(values, field.type), type=field.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as error:
            raise IsoglossError("E132", name=self.name, column=field.name) from error


def _field(name: str, values: Sequence[Any]) -> pa.Field:
    """A column as its first values show it; text where they show nothing."""
    kind = column_type(values) or pa.string()
    if pa.types.is_null(kind):
        kind = pa.string()
    if pa.types.is_list(kind) and pa.types.is_null(kind.value_type):
        kind = pa.list_(pa.string())
    return pa.field(name, kind)


def _cell(value: Any) -> str:
    """A value as CSV text: words with spaces between, other lists and objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(w, str) and PLAIN_WORD.match(w) for w in value):
        return " ".join(value)
    return _json(value) if isinstance(value, list | dict) else str(value)


def _inert_cell(value: Any) -> str:
    """The same, with a `'` before what a spreadsheet would take for a formula; numbers stay."""
    text = _cell(value)
    return f"'{text}" if isinstance(value, str | list | dict) and FORMULA.match(text) else text


def _word(word: str | None, breaks: re.Pattern[str], *, name: str) -> str:
    """`word`, where it can be read back from between its neighbours."""
    if not word or breaks.search(word):
        raise IsoglossError("E124", name=name, cell=repr(word)[:60])
    return word


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """NumPy values as Python's, anything else JSON does not know as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
