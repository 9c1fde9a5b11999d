"""The process that is killed: the command line, watched; `python -m benchmarks.crashbench.child`.

The environment says how: `CRASH_LOG` names a file that gets a line for every training step and the
number of file operations at the end; `CRASH_UNDER` names the folders whose operations count, with
colons between; at number `CRASH_AT` the process kills itself, before carrying it out.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

# What changes files, by the name of Python's audit event; `open` by its flags.
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}
WRITABLE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Watch:
    """Counts the operations that change files, and kills the process at one of them.

    Args:
        folders: below which they count.
        at: the number of the operation, from 1; 0: none.
    """

    def __init__(self, folders: list[str], at: int) -> None:
        self.folders = tuple(os.path.join(folder, "") for folder in folders)
        self.at = at
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
                os.kill(os.getpid(), signal.SIGKILL)


def log_steps(log: int) -> None:
    """Have every training step written to a file, at once."""
    from isogloss.progress import ProgressCallback

    inner = ProgressCallback.on_step_end

    def on_step_end(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        os.write(log, f"{self.phase} {state.global_step}\n".encode())
        inner(self, args, state, control, **kwargs)

    ProgressCallback.on_step_end = on_step_end  # type: ignore[method-assign]


def main() -> None:
    """Run the command line, or only the conversion of the offline encoder."""
    log = os.open(os.environ["CRASH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    folders = os.environ["CRASH_UNDER"].split(":")
    watch = Watch([str(Path(folder).resolve()) for folder in folders], int(os.environ["CRASH_AT"]))
    sys.addaudithook(watch)
    try:
        if sys.argv[1:] == ["convert"]:
            from isogloss.models.offline.convert import offline_folder

            offline_folder()
        else:
            log_steps(log)
            from isogloss.cli import main as command_line

            command_line()
    finally:
        os.write(log, f"operations {watch.count}\n".encode())


if __name__ == "__main__":
    main()
