"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isogloss.errors import IsoglossError

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp", re.DOTALL)


def temporary_beside(path: Path) -> Path:
    """A hidden name beside `path`, not taken yet, for what is to be renamed to it."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed process was still writing anywhere below a folder.

    Args:
        folder: that nobody else is writing to.
    """
    for path in [p for p in folder.rglob(".*.tmp") if _TEMPORARY.fullmatch(p.name)]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn the system's errors while writing `path` into one that names it.

    Raises:
        IsoglossError: E121 if the folder cannot be made or written to, or the disk is full.
    """
    try:
        yield
    except OSError as error:
        raise IsoglossError("E121", path=path, reason=error.strerror or str(error)) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; renamed to `path` at the end.

    Where the body raises, the temporary file is removed and `path` stays as it was.

    Raises:
        IsoglossError: E121 if the folder cannot be made, or the file cannot be renamed.
    """
    temporary = temporary_beside(path)
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with naming(path):
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
