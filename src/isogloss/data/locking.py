"""A folder that one process at a time writes to, by a file that names its owner."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

from isogloss.data.atomic import naming, temporary_beside
from isogloss.errors import IsoglossError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = "lock.json"
# Each failed attempt means that another process took or gave up the lock in between.
_ATTEMPTS = 20
# Seconds for the system to close the files of a process that was killed.
_GRACE = 5.0


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the lock is given up however the body ends.

    The lock is the file `lock.json`. One whose owner is gone (killed, or the machine was started
    anew) is recognised and replaced.

    Args:
        folder: is made where it is missing, and removed again if it stays empty.

    Raises:
        IsoglossError: E546 where a process of this machine holds it, E547 where one of another
            machine does, of which nobody here can tell whether it still runs; E121 where the
            folder cannot be written to.

    Example:
        >>> with locked(Path("runs/de")):
        ...     write_json(Path("runs/de/metrics.json"), metrics)
    """
    with naming(folder):
        is_new = not folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        held = _take(folder / LOCK)
    try:
        yield
    finally:
        _give_up(folder / LOCK, held)
        if is_new:
            with suppress(OSError):
                folder.rmdir()


def check_free(folder: Path) -> None:
    """Refuse a folder that another process holds; writes nothing.

    Raises:
        IsoglossError: E546, E547.
    """
    with suppress(OSError):
        descriptor = os.open(folder / LOCK, os.O_RDONLY)
        try:
            _refuse_live(folder / LOCK, descriptor)
        finally:
            os.close(descriptor)


def _take(path: Path) -> int:
    """Create the lock and return its open descriptor, which holds a lock of the system, too."""
    for _ in range(_ATTEMPTS):
        with suppress(FileExistsError):
            return _create(path)
        with suppress(FileNotFoundError):
            _remove_stale(path)
    raise IsoglossError("E546", folder=path.parent, pid="unknown", started="just now")


def _create(path: Path) -> int:
    # Written under another name first: a lock never lacks its owner.
    own = temporary_beside(path)
    descriptor = os.open(own, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(descriptor, json.dumps(_myself(), indent=2).encode())
        _flock(descriptor)
        try:
            os.link(own, path)
        except FileExistsError:
            raise
        except OSError:
            # A file system without links; what it lacks in safety the owner's name makes up for.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
            os.replace(own, path)
    except BaseException:
        os.close(descriptor)
        raise
    finally:
        with suppress(OSError):
            own.unlink()
    return descriptor


def _remove_stale(path: Path) -> None:
    """Remove a lock whose owner is gone; only one of several processes that try gets to."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _refuse_live(path, descriptor)
        # The system's lock is ours now; the file may have been replaced before it was.
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            path.unlink()
    finally:
        os.close(descriptor)


def _refuse_live(path: Path, descriptor: int) -> None:
    """Raise if the owner may be alive; else the system's lock on the file is ours."""
    owner = _owner(descriptor)
    if owner is None:
        # Cut off by a full disk or written by nobody of ours: only the system's lock counts.
        if not _flock(descriptor):
            raise IsoglossError("E546", folder=path.parent, pid="unknown", started="lately")
        return
    started = owner["started"]
    if owner["host"] != socket.gethostname():
        raise IsoglossError(
            "E547",
            folder=path.parent,
            pid=owner["pid"],
            host=owner["host"],
            started=started,
            lock=path,
        )
    if _is_alive(owner) or not _flock_in_time(descriptor):
        raise IsoglossError("E546", folder=path.parent, pid=owner["pid"], started=started)


def _give_up(path: Path, descriptor: int) -> None:
    try:
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                path.unlink()
    finally:
        os.close(descriptor)


def _myself() -> dict[str, Any]:
    pid = os.getpid()
    return {
        "host": socket.gethostname(),
        "pid": pid,
        "process": _birth(pid),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _owner(descriptor: int) -> Mapping[str, Any] | None:
    try:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            file.seek(0)
            found = json.load(file)
        return found if {"host", "pid", "process", "started"} <= set(found) else None
    except (ValueError, TypeError, OSError):
        return None


def _is_alive(owner: Mapping[str, Any]) -> bool:
    """Whether the owner runs on this machine, and not another process under its number."""
    try:
        pid = int(owner["pid"])
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            # It has ended, though its parent has not asked how.
            return False
    except psutil.AccessDenied:
        pass
    except (psutil.NoSuchProcess, ValueError, TypeError, OverflowError):
        return False
    born = _birth(pid)
    return owner["process"] is None or born is None or born == owner["process"]


def _birth(pid: int) -> str | None:
    """What tells a process from others that had its number; None where the system does not say.

    Counted from the machine's start and not by its clock, which may be set back meanwhile.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        # Behind the name in brackets, which may itself hold brackets and spaces: field 22.
        ticks = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    return f"{boot}/{ticks[19]}"


def _flock_in_time(descriptor: int) -> bool:
    """Take the system's lock of an owner that has ended: the system gives it up a little later."""
    until = time.monotonic() + _GRACE
    while not _flock(descriptor):
        if time.monotonic() > until:
            return False
        time.sleep(_GRACE / 100)
    return True


def _flock(descriptor: int) -> bool:
    """Take the system's lock on an open file; True, too, where there is no such thing."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
