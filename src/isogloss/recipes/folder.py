"""The folder of one run: what it was told, its stages, what came out; always whole or resumable."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isogloss.data.atomic import (
    is_temporary,
    naming,
    remove_unfinished,
    replacing,
    sync_tree,
    temporary_beside,
)
from isogloss.data.locking import LOCK
from isogloss.errors import IsoglossError, warn
from isogloss.recipes.config import RunConfig, read_yaml
from isogloss.trainers.checkpoints import COMPLETE_MARKER

CONFIG, RECORD, DONE = "config.yaml", "run.json", "result.json"
# The mark of a finished run; under the second name while another candidate takes its place.
METRICS, METRICS_BEFORE = "metrics.json", "metrics.before.json"
# Settings that change nothing about what comes out.
ONLY_WATCHED = ("tensorboard",)


class RunFolder:
    """One run's folder, created or taken up again.

    Args:
        root: the folder.
        is_new: whether this process began it.
    """

    def __init__(self, root: Path, *, is_new: bool = False) -> None:
        self.root = root
        self.is_new = is_new

    @classmethod
    def open(cls, root: Path, config: RunConfig, record: Mapping[str, Any]) -> RunFolder:
        """Create the folder, or take it up where it holds the very same run.

        Whoever goes on to write into it holds it (`isogloss.data.locking`).

        Args:
            root: the folder; need not exist.
            config: the resolved settings.
            record: `data` (fingerprints) and `versions` of this run.

        Raises:
            IsoglossError: what `check` raises; E522 where the data files have changed;
                E121 where the folder cannot be made.
        """
        check(root, config)
        folder = cls(root, is_new=not (root / CONFIG).is_file())
        if not (root / CONFIG).is_file():
            with naming(root):
                root.mkdir(parents=True, exist_ok=True)
                write_json(root / RECORD, record)
                config.save(root / CONFIG)
        folder._compare(record)
        folder._tidy()
        return folder

    def _compare(self, record: Mapping[str, Any]) -> None:
        before = read_json(self.root / RECORD)
        for name, fingerprint in before["data"].items():
            if record["data"].get(name) != fingerprint:
                raise IsoglossError("E522", side=name, folder=self.root)
        if before["versions"] != record["versions"] and not self.is_done():
            changed = [n for n, v in record["versions"].items() if before["versions"].get(n) != v]
            warn("W520", folder=self.root, names=", ".join(changed))

    def is_done(self) -> bool:
        """Whether the run has reached its end."""
        return (self.root / METRICS).is_file()

    def metrics(self) -> dict[str, Any] | None:
        """What a finished run says of itself; None where it is not finished.

        Where changing the candidate that it serves was cut off, what it said before.
        """
        for name in (METRICS, METRICS_BEFORE):
            if (self.root / name).is_file():
                return read_json(self.root / name)
        return None

    def stage(self, name: str) -> Path:
        """The folder of a stage."""
        return self.root / "stages" / name

    def stage_result(self, name: str) -> dict[str, Any] | None:
        """What a finished stage measured, or None where it is not finished."""
        path = self.stage(name) / DONE
        return read_json(path) if path.is_file() else None

    def has_work(self) -> bool:
        """Whether there is anything to go on from: a finished stage or a whole checkpoint."""
        stages = self.root / "stages"
        marks = (f"*/{DONE}", f"*/checkpoints/*/{COMPLETE_MARKER}")
        return any(True for mark in marks for _ in stages.glob(mark))

    @contextmanager
    def removed_if_in_vain(self) -> Iterator[None]:
        """Remove a folder that this process began where an error comes before any work is done."""
        try:
            yield
        except Exception:
            if self.is_new and not self.has_work():
                shutil.rmtree(self.root, ignore_errors=True)
            raise

    def finish_stage(self, name: str, result: Mapping[str, Any]) -> None:
        """Mark a stage as finished and drop its checkpoints."""
        with naming(self.stage(name)):
            self.stage(name).mkdir(parents=True, exist_ok=True)
            # The mark must not outlive, after a loss of power, what it stands for.
            for path in self.stage(name).iterdir():
                if path.name != "checkpoints":
                    sync_tree(path)
        write_json(self.stage(name) / DONE, result)
        self._drop_checkpoints(name)

    def _drop_checkpoints(self, name: str) -> None:
        shutil.rmtree(self.stage(name) / "checkpoints", ignore_errors=True)

    def _tidy(self) -> None:
        """Remove what a process that was killed had no time to."""
        remove_unfinished(self.root)
        for mark in self.root.glob(f"stages/*/{DONE}"):
            self._drop_checkpoints(mark.parent.name)


def check(root: Path, config: RunConfig) -> None:
    """Refuse an output folder that this run must not write to; writes nothing.

    Raises:
        IsoglossError: E520 where the folder holds something else, E521 where it holds another run.
    """
    if root.is_file():
        raise IsoglossError("E520", folder=root)
    if (root / CONFIG).is_file():
        before, now = read_yaml(root / CONFIG), config.as_dict()
        differing = [n for n in now if before.get(n) != now[n] and n not in ONLY_WATCHED]
        if differing:
            pairs = [f"{n}: {before.get(n)!r} there, {now[n]!r} now" for n in differing[:3]]
            raise IsoglossError("E521", folder=root, differing="; ".join(pairs))
    elif root.is_dir() and any(not _is_of_a_beginning(path) for path in root.iterdir()):
        raise IsoglossError("E520", folder=root)


def _is_of_a_beginning(path: Path) -> bool:
    """Whether a run that was killed before it had its configuration may have left a file."""
    # The last name is that of earlier versions.
    return path.name in (RECORD, LOCK, f".{CONFIG}") or is_temporary(path)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all, also where the power fails."""
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    with naming(path), replacing(path, durable=True) as temporary:
        temporary.write_text(text, "utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a run.

    Raises:
        IsoglossError: E532 where it is not there or holds something else.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise IsoglossError("E532", path=path, reason=why) from error
    if not isinstance(values, dict):
        raise IsoglossError("E532", path=path, reason="it holds no JSON object")
    return values


def link_tree(source: Path, target: Path) -> None:
    """Copy a folder by hard links (copies where the file system has none), whole or not at all."""
    temporary = temporary_beside(target)
    shutil.copytree(source, temporary, copy_function=_link_or_copy)
    shutil.rmtree(target, ignore_errors=True)
    temporary.replace(target)


def link_file(source: Path, target: Path) -> None:
    """Copy a file by a hard link (a copy where the file system has none), whole or not at all."""
    with replacing(target) as temporary, naming(target):
        _link_or_copy(str(source), str(temporary))


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
