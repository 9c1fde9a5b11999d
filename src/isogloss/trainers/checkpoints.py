"""Checkpoints: whole ones and others, written so that whatever happens the one before stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import TrainerCallback

from isogloss.data.atomic import replacing, sync_tree
from isogloss.errors import IsoglossError
from isogloss.stopping import requested

# Written last into a checkpoint: a folder without it was cut off while being written.
COMPLETE_MARKER = "complete.json"
# What it says of the other files: their lengths by name.
FILES = "files"
_OF_ONE_PROCESS = "rng_state_"
# What `torch.save` says where it cannot write, with no class of its own and no word of why.
_TORCH_CANNOT_WRITE = ("PytorchStreamWriter", "inline_container.cc", "iostream error")
_TORCH_REASON = "the disk is full, or files on it may not grow so large"


class StopAtStep(TrainerCallback):
    """Where a signal asks to stop: after the step, with a checkpoint.

    Args:
        agree: gives the largest of the numbers that all processes call it with.

    Attributes:
        signal: the number of the signal that ended the training; None: none did.
    """

    def __init__(self, agree: Callable[[int], int]) -> None:
        self._agree = agree
        self.signal: int | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Nobody has asked yet."""
        self.signal = None

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Have a checkpoint written and the training end if any process was asked to stop."""
        # Processes that stopped at different steps would wait for each other for ever.
        number = self._agree(requested() or 0)
        if number:
            self.signal = number
            control.should_save = control.should_training_stop = True


@contextmanager
def writing_checkpoint(folder: Path, step: int) -> Iterator[None]:
    """Remove a checkpoint that could not be written whole, and say why.

    Args:
        folder: of the checkpoint.
        step: that it is of.

    Raises:
        IsoglossError: E548 where it cannot be written.
    """
    try:
        yield
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        reason = _why_not_written(error)
        if reason is None:
            raise
        raise IsoglossError("E548", step=step, folder=folder.parent, reason=reason) from error


def _why_not_written(error: BaseException) -> str | None:
    if isinstance(error, IsoglossError) and error.code == "E121":
        return str(error.fields["reason"])
    if isinstance(error, OSError):
        return error.strerror or str(error)
    text = " ".join(str(error).split())
    if isinstance(error, RuntimeError) and any(mark in text for mark in _TORCH_CANNOT_WRITE):
        return _TORCH_REASON
    return text.rstrip(".") if isinstance(error, SafetensorError) else None


def mark_complete(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the mark of a whole checkpoint, when the disk holds all the rest of it.

    Args:
        folder: of the checkpoint.
        facts: what else the mark is to say.

    Raises:
        OSError: where the disk cannot.
        IsoglossError: E121 where the mark cannot be written.
    """
    sync_tree(folder)
    with replacing(folder / COMPLETE_MARKER, durable=True) as temporary:
        temporary.write_text(json.dumps({**facts, FILES: _sizes(folder)}), "utf-8")


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file of a checkpoint, but for those that other processes may be writing yet."""
    return {
        path.name: path.stat().st_size
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(_OF_ONE_PROCESS)
    }


def _is_whole(folder: Path) -> bool:
    """Whether a checkpoint was finished and its files still are as long as they were then."""
    marker = read_marker(folder)
    there = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    # Marks of earlier versions know no files.
    lost = dict(marker.get(FILES, {})).items() - there.items()
    return bool(marker) and not lost


def read_marker(folder: Path) -> dict[str, Any]:
    """What the mark of a checkpoint says; nothing where there is none or it is broken."""
    try:
        found = json.loads((folder / COMPLETE_MARKER).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def last_complete_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint of `folder`, by its step; broken ones are removed on the way.

    Whole is one that was written to its end and of which nothing was lost or cut off since, as a
    copy that broke off would.

    Args:
        folder: a trainer's `output_dir`; it need not exist.

    Returns:
        The checkpoint folder, or None where there is no whole one.
    """
    whole: list[tuple[int, Path]] = []
    for path in folder.glob("checkpoint-*"):
        if _is_whole(path):
            whole.append((int(path.name.rpartition("-")[2]), path))
        else:
            shutil.rmtree(path)
    return max(whole)[1] if whole else None
