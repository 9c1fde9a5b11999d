"""What a folder of predictions says of itself, so that an interrupted command can go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from isogloss.data.atomic import remove_unfinished
from isogloss.data.fingerprints import file_digest
from isogloss.data.formats import ENDINGS
from isogloss.data.locking import locked
from isogloss.data.parquet import count_parquet
from isogloss.data.shards import ENDING, Shard
from isogloss.errors import IsoglossError
from isogloss.recipes.folder import read_json, write_json

# A name that readers of Parquet folders pass over.
RECORDS, MADE = "_isogloss", "made.json"


class ShardFolder:
    """A folder of predictions: one Parquet file a shard, and a record of each that is finished.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def check(self, made: Mapping[str, Any], shards: Sequence[Shard]) -> None:
        """Refuse a folder that these predictions must not go to; writes nothing.

        Args:
            made: what decides about every prediction, such as the model's digest.
            shards: those that it is to hold in the end, and nothing else.

        Raises:
            IsoglossError: E553 where there is a file, or where a new folder would have the name of
                one, E550 where predictions in it were made
                otherwise, E551 where it holds something else.
        """
        named_as_file = self.root.suffix.lower() in ENDINGS and not self.root.is_dir()
        if self.root.is_file() or named_as_file:
            raise IsoglossError("E553", path=self.root)
        path = self.root / RECORDS / MADE
        if path.is_file():
            before = read_json(path)
            differing = [name for name in made if before.get(name) != made[name]]
            if differing:
                raise IsoglossError("E550", folder=self.root, differing=", ".join(differing))
        self._refuse_others(shards, is_new=not path.is_file())

    @contextmanager
    def held(self, made: Mapping[str, Any], shards: Sequence[Shard]) -> Iterator[None]:
        """Create the folder, or take it up, and hold it for this process.

        Args:
            made: as for `check`.
            shards: as for `check`.

        Raises:
            IsoglossError: as `check`; E546, E547 where another process holds it, E121 where it
                cannot be written.
        """
        self.check(made, shards)
        with locked(self.root / RECORDS):
            # Another process may have been there meanwhile.
            self.check(made, shards)
            remove_unfinished(self.root)
            if not (self.root / RECORDS / MADE).is_file():
                write_json(self.root / RECORDS / MADE, made)
            yield

    def _refuse_others(self, shards: Sequence[Shard], *, is_new: bool) -> None:
        known = {self.output(shard) for shard in shards}
        for found in sorted(self.root.rglob("*") if self.root.is_dir() else ()):
            inside = found.relative_to(self.root)
            if found.is_dir() or inside.parts[0] == RECORDS:
                continue
            if is_new or (found.suffix == ENDING and found not in known):
                raise IsoglossError("E551", folder=self.root, name=inside)

    def output(self, shard: Shard) -> Path:
        """Where a shard's predictions go."""
        return self.root / shard.name

    def is_done(self, shard: Shard) -> bool:
        """Whether a shard is finished, its input unchanged since and its output whole."""
        record, output = self._record(shard), self.output(shard)
        if not (record.is_file() and output.is_file()):
            return False
        try:
            whole = count_parquet(output) == shard.rows
        except IsoglossError:
            return False
        return whole and read_json(record) == describe(shard)

    def forget(self, shard: Shard) -> None:
        """Remove what is left of a shard that is to be labelled anew, the record first."""
        self._record(shard).unlink(missing_ok=True)
        self.output(shard).unlink(missing_ok=True)

    def finish(self, shard: Shard, described: Mapping[str, Any]) -> None:
        """Record a shard whose predictions are written.

        Args:
            shard: that is finished.
            described: by `describe`, before it was read.

        Raises:
            IsoglossError: E121.
        """
        write_json(self._record(shard), described)

    def _record(self, shard: Shard) -> Path:
        return self.root / RECORDS / f"{shard.name}.json"


def describe(shard: Shard) -> dict[str, Any]:
    """A shard's rows and the SHA-256 of the file that they are in."""
    status = shard.path.stat()
    digest = _digest(shard.path, status.st_size, status.st_mtime_ns)
    return {"first": shard.first, "rows": shard.rows, "source": digest}


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, changed: int) -> str:
    # Size and time only say whether the file is still the one that was hashed.
    return file_digest(path)
