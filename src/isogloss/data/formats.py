"""The file formats rows are read from and written to, told by a file's ending."""

from __future__ import annotations

import os
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
        raise IsoglossError("E104", name=Path(path).name, known=known)
    return found


def existing_file(path: str | Path) -> Path:
    """`path` as a `Path`, where it is a file that may be read.

    Raises:
        IsoglossError: E101 if there is nothing there, E126 if it is a folder, E131 if it may
            not be read.
    """
    path = Path(path)
    if path.is_dir():
        raise IsoglossError("E126", path=path)
    if not path.exists():
        raise IsoglossError("E101", path=path)
    if not os.access(path, os.R_OK):
        raise IsoglossError("E131", path=path)
    return path


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Column names as they stand in a message: quoted, with commas between."""
    return ", ".join(f"'{name}'" for name in names) or "none"
