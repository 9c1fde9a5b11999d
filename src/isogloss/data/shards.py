"""A large set of rows as shards: the files of a folder or pattern, or the parts of one file."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.data.formats import existing_file
from isogloss.data.parquet import count_parquet, read_parquet
from isogloss.errors import IsoglossError

# Rows of a part of a large file.
SHARD_ROWS = 1_000_000
ENDING = ".parquet"


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Consecutive rows of a Parquet file that are worked on as one.

    Attributes:
        path: of the file.
        name: of what is made of them, relative to the output folder, with `/` between folders.
        first: the rows of the file before them.
        rows: how many they are; may be 0.
    """

    path: Path
    name: str
    first: int
    rows: int

    def batches(self, batch_rows: int) -> Iterator[dict[str, list[Any]]]:
        """Their raw columns in batches of at most `batch_rows` >= 1, in order.

        Raises:
            IsoglossError: E102, E111, E117.
        """
        if self.rows:
            found = read_parquet(self.path, batch_rows=batch_rows, first=self.first, rows=self.rows)
            yield from (batch.to_pydict() for batch in found)


def is_sharded(source: str | Path, output: str | Path, *, format: str | None = None) -> bool:
    """Whether rows are to go to a folder shard by shard, and not to one file.

    Args:
        source: a file, a folder or a pattern.
        output: a folder, where it is one or its name has no ending.
        format: one that is named for `source` stands for one file.
    """
    if Path(source).is_dir() or _is_pattern(source):
        return True
    folder = Path(output).is_dir() or not Path(output).suffix
    return folder and format is None and Path(source).suffix.lower() == ENDING


def find_shards(source: str | Path, output: Path, *, shard_rows: int = SHARD_ROWS) -> list[Shard]:
    """The shards of an input, in order.

    A folder's are all its Parquet files, in folders below it too, by their names; those whose own
    or whose folder's name begins with `_` or a dot are passed over, as Spark and Arrow do. The
    files of a pattern are those that it fits. One file is cut into parts.

    Args:
        source: a folder, a pattern (`*`, `**`, `?`, `[...]`) or a Parquet file.
        output: a folder; what is in it is no input.
        shard_rows: rows of a part of one file, >= 1.

    Raises:
        IsoglossError: E101, E131 for a file; E552 where there is no Parquet file, E529 where
            `output` is the input, E117 for a file that cannot be read, E102 where there is no row.
    """
    if _is_pattern(source):
        base, paths = _matches(str(source))
    elif Path(source).is_dir():
        base = Path(source)
        paths = [p for p in base.rglob(f"*{ENDING}") if _is_visible(p.relative_to(base))]
    else:
        return _parts(existing_file(source), shard_rows)
    if base.resolve() == output.resolve():
        raise IsoglossError("E529", path=output)
    inside = output.resolve()
    kept = [p for p in paths if p.is_file() and inside not in p.resolve().parents]
    if not kept:
        raise IsoglossError("E552", path=source)
    names = sorted((path.relative_to(base).as_posix(), path) for path in kept)
    shards = [
        Shard(path=path, name=name, first=0, rows=count_parquet(path)) for name, path in names
    ]
    if not any(shard.rows for shard in shards):
        raise IsoglossError("E102", name=source)
    return shards


def _parts(path: Path, shard_rows: int) -> list[Shard]:
    rows = count_parquet(path)
    if not rows:
        raise IsoglossError("E102", name=path.name)
    return [
        Shard(
            path=path,
            name=f"{path.stem}-{number:05d}{ENDING}",
            first=first,
            rows=min(shard_rows, rows - first),
        )
        for number, first in enumerate(range(0, rows, shard_rows))
    ]


def _is_pattern(source: str | Path) -> bool:
    return glob.has_magic(str(source)) and not Path(source).exists()


def _matches(pattern: str) -> tuple[Path, list[Path]]:
    """The folder that a pattern starts from, and the Parquet files that it fits."""
    plain: list[str] = []
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        plain.append(part)
    base = Path(*plain)
    found = [Path(name) for name in glob.glob(pattern, recursive=True)]
    return base, [path for path in found if path.suffix.lower() == ENDING]


def _is_visible(path: Path) -> bool:
    return not any(part.startswith(("_", ".")) for part in path.parts)
