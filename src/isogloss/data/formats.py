"""The file formats rows are read from and written to, told by a file's ending."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from isogloss.errors import IsoglossError

FORMATS = ("csv", "tsv", "jsonl", "parquet", "conll")
ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".jsonlines": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".conll": "conll",
    ".bio": "conll",
    ".iob": "conll",
    ".iob2": "conll",
}
# Every column costs memory and time in every batch, whether anybody reads it or not.
MOST_COLUMNS = 10_000
MOST_LISTED = 30
SEPARATORS = {"csv": ",", "tsv": "\t"}
SEPARATOR_NAMES = {"csv": "a comma", "tsv": "a tab"}


def format_of(path: str | Path, *, format: str | None = None) -> str:
    """The format of a file: `format` where given, else told by the ending of `path`.

    Returns:
        One of `FORMATS`.

    Raises:
        IsoglossError: E104 if neither names a known format.
    """
    found = ENDINGS.get(Path(path).suffix.lower()) if format is None else format.lower()
    if found not in FORMATS:
        known = ", ".join([*FORMATS, *(end for end in ENDINGS if end[1:] not in FORMATS)])
        what = "The ending" if format is None else f"The format {format!r}"
        raise IsoglossError("E104", what=what, name=Path(path).name, known=known)
    return found


def existing_file(path: str | Path) -> Path:
    """`path` as a `Path`, where it is a file that may be read.

    Raises:
        IsoglossError: E101 if there is nothing there, E126 if it is a folder, E131 if it may
            not be read, E135 if it is a pipe or a device.
    """
    # Unlike those of Path, these say no to a name that could be no path at all.
    if os.path.isdir(path):
        raise IsoglossError("E126", path=path)
    if not os.path.exists(path):
        raise IsoglossError("E101", path=path)
    path = Path(path)
    if not path.is_file():
        raise IsoglossError("E135", path=path)
    if not os.access(path, os.R_OK):
        raise IsoglossError("E131", path=path)
    return path


def check_header(columns: Collection[str], *, name: str) -> None:
    """Refuse a file with more columns than a table can hold, or with a name that ends too soon.

    Raises:
        IsoglossError: E133, E137.
    """
    if len(columns) > MOST_COLUMNS:
        raise IsoglossError("E133", name=name, found=len(columns), most=MOST_COLUMNS)
    for number, column in enumerate(columns, start=1):
        # Arrow takes a NUL for the end of a name.
        if "\0" in column:
            raise IsoglossError("E137", name=name, number=number, column=column)


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Column names as they stand in a message: quoted, with commas between, the first of many."""
    shown = ", ".join(f"'{name}'" for name in names[:MOST_LISTED]) or "none"
    return shown if len(names) <= MOST_LISTED else f"{shown} and {len(names) - MOST_LISTED} more"
