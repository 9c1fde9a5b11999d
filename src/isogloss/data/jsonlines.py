"""Rows of JSON lines files: one object a line, a missing key being null."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from isogloss.data.arrow_types import Mark, column_type, first_not_text, marked, wider_type
from isogloss.data.formats import check_header
from isogloss.data.textfile import in_batches, read_lines
from isogloss.errors import IsoglossError

ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
SURROGATE = re.compile("[\ud800-\udfff]")
SCHEMA_ROWS = 1000
# Deeper, and neither checks nor writers could walk through a value.
DEEPEST = 100


def read_json_schema(path: Path) -> pa.Schema:
    """The columns of a JSON lines file and their types, from one pass over all its rows.

    A column of text in some rows and numbers in others is text, marked with the first such row.

    Raises:
        IsoglossError: E102 if the file has no row, E103, E115 for a line that is no object,
            E116 for a column of both lists and single values, E123, E133 for too many columns,
            E134 for a line that is too long, E137 for a NUL in a name.
    """
    types: dict[str, pa.DataType] = {}
    strange: dict[str, tuple[int, str]] = {}
    first_row = 1
    for batch in in_batches(_objects(path), batch_rows=SCHEMA_ROWS):
        for name in dict.fromkeys(key for row in batch for key in row):
            values = [row.get(name) for row in batch]
            known = types.get(name, pa.null())
            found = column_type(values)
            wider = None if found is None else wider_type(known, found)
            if wider is None:
                row = first_row + _first_conflict(values, known)
                raise IsoglossError("E116", name=path.name, row=row, column=name)
            types[name] = wider
            if name not in strange and (place := first_not_text(values)) is not None:
                strange[name] = first_row + place[0], place[1]
        check_header(types, name=path.name)
        first_row += len(batch)
    if not types:
        raise IsoglossError("E102", name=path.name)
    marks = {name: Mark(row, first_row - 1, found) for name, (row, found) in strange.items()}
    return pa.schema([_field(name, kind, marks.get(name)) for name, kind in types.items()])


def read_json_lines(
    path: Path, *, batch_rows: int, names: list[str] | None = None
) -> Iterator[dict[str, list[Any]]]:
    """Batches of columns of a JSON lines file, in file order, values as they stand there.

    Args:
        path: the file, UTF-8 with or without a byte order mark.
        batch_rows: the most rows in a batch.
        names: the columns; found by a pass over the file where `None`.

    Raises:
        IsoglossError: E102, E103, E115, E116, E123, E133, E134, E137.
    """
    columns = read_json_schema(path).names if names is None else names
    for batch in in_batches(_objects(path), batch_rows=batch_rows):
        yield {name: [row.get(name) for row in batch] for name in columns}


def _objects(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """The object of each line that is not blank, with the line's length."""
    _check_no_array(path)
    row = 0
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        row += 1
        value = _parse(line, name=path.name, number=number)
        if ESCAPED_SURROGATE.search(line) and SURROGATE.search(
            json.dumps(value, ensure_ascii=False)
        ):
            raise IsoglossError("E123", name=path.name, row=row)
        yield value, len(line)


def _check_no_array(path: Path) -> None:
    """Tell one JSON array from JSON lines by its beginning, before reading it as one line."""
    with path.open("rb") as file:
        start = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        raise IsoglossError("E115", name=path.name, line=1, reason="a list begins here")


def _parse(line: str, *, name: str, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error)
        raise IsoglossError("E115", name=name, line=number, reason=reason) from error
    if not isinstance(value, dict):
        found = f"{type(value).__name__} found"
        raise IsoglossError("E115", name=name, line=number, reason=found)
    if line.count("[") + line.count("{") > DEEPEST and _is_deep(value):
        reason = f"more than {DEEPEST} lists and objects in each other"
        raise IsoglossError("E115", name=name, line=number, reason=reason)
    return value


def _is_deep(value: dict[str, Any]) -> bool:
    """Whether lists and objects are nested deeper than `DEEPEST`; walks by layers."""
    layer: list[Any] = [value]
    for _ in range(DEEPEST):
        layer = [
            item
            for outer in layer
            for item in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(item, dict | list)
        ]
    return bool(layer)


def _field(name: str, kind: pa.DataType, mark: Mark | None) -> pa.Field:
    """A column; marked where its type, text, is not that of all its values."""
    items = kind.value_type if pa.types.is_list(kind) else kind
    field = pa.field(name, kind)
    return field if mark is None or not pa.types.is_string(items) else marked(field, mark)


def _first_conflict(values: list[Any], known: pa.DataType) -> int:
    """Index of the first value that is a list where those before are not, or the reverse."""
    seen = None if pa.types.is_null(known) else pa.types.is_list(known)
    for index, value in enumerate(values):
        if value is None:
            continue
        if seen is not None and isinstance(value, list) != seen:
            return index
        seen = isinstance(value, list)
    return 0
