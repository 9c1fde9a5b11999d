"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from isogloss.errors import IsoglossError

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp", re.DOTALL)
# It can be read only by setting it.
_UMASK = os.umask(0o077)
os.umask(_UMASK)


def temporary_beside(path: Path) -> Path:
    """A hidden name beside `path`, not taken yet, for what is to be renamed to it."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")


def is_temporary(path: Path) -> bool:
    """Whether a path has a name of `temporary_beside`."""
    return _TEMPORARY.fullmatch(path.name) is not None


def share(file: Path) -> None:
    """Give a file the permissions of one that a program opened for writing.

    What safetensors writes nobody but its owner may read, whatever the umask. A link to another
    user's file stays as it is.
    """
    with suppress(PermissionError):
        file.chmod(0o666 & ~_UMASK)


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed process was still writing anywhere below a folder.

    Args:
        folder: that nobody else is writing to.
    """
    for path in [p for p in folder.rglob(".*.tmp") if is_temporary(p)]:
        _remove(path)


def remove_abandoned(folder: Path, *, seconds: float = 86_400.0) -> None:
    """Remove what killed processes left unfinished in a folder that others may be writing to.

    Args:
        folder: looked at without its subfolders; it need not exist.
        seconds: how long ago something was begun that nobody is working on any more. A clock that
            was set back makes things look younger, so that they stay longer.
    """
    for path in folder.glob(".*.tmp"):
        with suppress(OSError):
            if is_temporary(path) and time.time() - path.stat().st_mtime > seconds:
                _remove(path)


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


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be made or written to, before long work whose results go there.

    Args:
        folder: it need not exist, and is not made.

    Raises:
        IsoglossError: E121.
    """
    place = folder.absolute()
    while not os.path.lexists(place):
        place = place.parent
    with naming(folder):
        if not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A temporary path beside `path` to write to; renamed to `path` at the end.

    Where the body raises, the temporary file is removed and `path` stays as it was.

    Args:
        path: the file.
        durable: have the disk hold the file and its name before going on, so that a loss of power
            leaves either the old file or the new one; for files that others rest on.

    Raises:
        IsoglossError: E121 if the folder cannot be made, or the file cannot be renamed.
    """
    temporary = temporary_beside(path)
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with naming(path):
            if temporary.is_file():
                share(temporary)
            if durable:
                _sync(temporary)
            os.replace(temporary, path)
            if durable:
                _sync(path.parent)
    finally:
        _remove(temporary)


@contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path` to work in, removed in the end with whatever is still in it.

    After a kill it stays until `remove_unfinished` or `remove_abandoned` passes.

    Args:
        path: what is worked on; its parents are made.

    Raises:
        OSError: where the folder cannot be made.
    """
    holder = temporary_beside(path)
    holder.mkdir(parents=True)
    try:
        yield holder
    finally:
        _remove(holder)


def sync_tree(path: Path) -> None:
    """Have the disk hold a file, or all files below a folder, and their names.

    Raises:
        OSError: where the disk cannot.
    """
    for below in path.rglob("*") if path.is_dir() else ():
        _sync(below)
    _sync(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        # Windows opens no folders.
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
