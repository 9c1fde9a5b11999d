"""The process that is killed: the command line, watched.

Importing this module imports what runs need, so that processes forked from one that has can be
killed while they work and not while they start.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import isogloss.recipes.adapt
import isogloss.report.charts
import isogloss.report.page  # noqa: F401
from isogloss.cli import main as command_line
from isogloss.models.offline.convert import offline_folder
from isogloss.progress import ProgressCallback

# What changes files, by the name of Python's audit event; `open` by its flags.
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}
WRITABLE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Watch:
    """Counts the operations that change files, and signals to the process at one of them.

    Args:
        folders: below which they count.
        at: the number of the operation, from 1; 0: none.
        delay: seconds between it and the signal.
        number: of the signal.
    """

    def __init__(self, folders: list[str], *, at: int, delay: float, number: int) -> None:
        self.folders = tuple(os.path.join(folder, "") for folder in folders)
        self.at, self.delay, self.number = at, delay, number
        self.count = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Hear of an audit event."""
        is_open = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITABLE
        if not is_open and event not in CHANGES:
            return
        path = arguments[0]
        if not isinstance(path, (str, os.PathLike)):
            return
        if os.path.abspath(os.fspath(path)).startswith(self.folders):
            self.count += 1
            if self.count == self.at:
                self.signal()

    def signal(self) -> None:
        """Send the signal, now or later."""
        if self.delay:
            timer = threading.Timer(self.delay, os.kill, (os.getpid(), self.number))
            timer.daemon = True
            timer.start()
        else:
            os.kill(os.getpid(), self.number)


def log_steps(log: int) -> None:
    """Have every training step written to a file, at once."""
    inner = ProgressCallback.on_step_end

    def on_step_end(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        os.write(log, f"{self.phase} {state.global_step}\n".encode())
        inner(self, args, state, control, **kwargs)

    ProgressCallback.on_step_end = on_step_end  # type: ignore[method-assign]


def work(
    place: str, arguments: list[str], watched: list[str], *, at: int, delay: float, number: int
) -> None:
    """Run the command line, or only the conversion of the offline encoder.

    Args:
        place: the working folder; the run is below it, in `run`, the cache in `cache`, in
            `steps.log` a line for every training step and the number of file operations at the
            end, in `stderr.txt` what the process says.
        arguments: of the command line, or "convert".
        watched: folders below which operations count.
        at: the number of the file operation that the process is stopped at; 0: none.
        delay: seconds between it and the signal.
        number: of the signal.
    """
    os.chdir(place)
    # A job in the background ignores it from the start, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["ISOGLOSS_CACHE"] = str(Path(place, "cache"))
    said = os.open("stderr.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    log = os.open("steps.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    log_steps(log)
    watch = Watch(watched, at=at, delay=delay, number=number)
    sys.addaudithook(watch)
    try:
        if arguments == ["convert"]:
            offline_folder()
        else:
            sys.argv = ["isogloss", *arguments]
            command_line()
    finally:
        os.write(log, f"operations {watch.count}\n".encode())
