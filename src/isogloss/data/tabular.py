"""Rows of CSV and TSV files; every cell is text, as it stands in the file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from isogloss.data.formats import SEPARATORS, check_header
from isogloss.data.textfile import LONGEST_LINE, in_batches, read_lines, too_long
from isogloss.errors import IsoglossError

# In characters. Bounds the memory that an unclosed quote can take.
LONGEST_CELL = LONGEST_LINE // 2


def read_header(path: Path, *, format: str) -> list[str]:
    """The column names of a CSV or TSV file.

    Raises:
        IsoglossError: E102 if the file is empty, E103, E111 if a name stands there twice, E112,
            E133 for too many columns, E134, E137 for a NUL in a name.
    """
    row, _ = next(_read_rows(path, format=format), ([], 0))
    if not row:
        raise IsoglossError("E102", name=path.name)
    check_header(row, name=path.name)
    column, count = Counter(row).most_common(1)[0]
    if count > 1:
        raise IsoglossError("E111", name=path.name, column=column)
    return row


def read_tabular(path: Path, *, format: str, batch_rows: int) -> Iterator[dict[str, list[str]]]:
    """Batches of columns of a CSV or TSV file with a header, in file order.

    Blank lines are passed over; quoted cells may span lines.

    Args:
        path: the file, UTF-8 with or without a byte order mark.
        format: `"csv"` (commas) or `"tsv"` (tabs).
        batch_rows: the most rows in a batch.

    Raises:
        IsoglossError: E102, E103, E110 for a ragged row, E111, E112, E133, E134, E137.
    """
    header = read_header(path, format=format)
    rows = _data_rows(path, header, format=format)
    for batch in in_batches(rows, batch_rows=batch_rows):
        yield dict(zip(header, map(list, zip(*batch, strict=True)), strict=True))


def _data_rows(path: Path, header: list[str], *, format: str) -> Iterator[tuple[list[str], int]]:
    """The rows after the header, each with its length in characters."""
    rows = _read_rows(path, format=format)
    next(rows)
    for number, (row, line) in enumerate(rows, start=1):
        if len(row) != len(header):
            raise IsoglossError(
                "E110",
                name=path.name,
                row=number,
                line=line,
                found=len(row),
                expected=len(header),
            )
        yield row, sum(map(len, row))


def _read_rows(path: Path, *, format: str) -> Iterator[tuple[list[str], int]]:
    """All rows but blank ones, header first, each with the number of its last line."""
    csv.field_size_limit(LONGEST_CELL)
    lines = _RowLines(path)
    # Strict, since otherwise an unclosed quote would silently swallow the rest of the file.
    reader = csv.reader(lines, delimiter=SEPARATORS[format], strict=True)
    number = 0
    try:
        for row in reader:
            lines.characters = 0
            if row:
                yield row, reader.line_num
                number += 1
    except csv.Error as error:
        raise IsoglossError(
            "E112", name=path.name, row=number, line=reader.line_num, reason=error
        ) from error


class _RowLines:
    """The lines of a file, as many as one row may take: quoted cells need not end on theirs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = enumerate(read_lines(path), start=1)
        self.characters = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = next(self.lines)
        self.characters += len(line)
        if self.characters > LONGEST_LINE:
            raise too_long(self.path, number)
        return line
