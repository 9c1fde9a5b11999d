"""Files turned once into memory-mapped Arrow files, in a folder keyed by their content.

Nothing in the folder is needed: what is missing, or was cut off, is made again. Nothing is taken
out of it either; whoever wants the room deletes it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import datasets
import pyarrow as pa

from isogloss.data.atomic import naming, remove_abandoned, replacing
from isogloss.data.fingerprints import file_digest
from isogloss.data.streaming import read_schema, record_batches

# Raised with every change of how files are read, so that old copies are not used.
CACHE_VERSION = 2

# With this a stream of Arrow record batches ends; a file that was cut off lacks it.
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def cache_root() -> Path:
    """Where all that can be made again is kept: `$ISOGLOSS_CACHE`, or else `~/.cache/isogloss`."""
    root = os.environ.get("ISOGLOSS_CACHE") or Path.home() / ".cache" / "isogloss"
    return Path(root).expanduser()


def cache_folder() -> Path:
    """Where converted files are kept: `data` in `cache_root`."""
    return cache_root() / "data"


def size_of(folder: Path) -> int:
    """Bytes in all files of a folder, at whatever depth; 0 where it is not there."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def load_cached(path: Path, *, format: str) -> datasets.Dataset:
    """The rows of a file as a memory-mapped data set, converted at its first use.

    Raises:
        IsoglossError: E102 to E127 for what is in the file, E121 if the cache is not writable.
    """
    key = hashlib.sha256(f"{CACHE_VERSION} {format} {file_digest(path)}".encode()).hexdigest()
    cached = cache_folder() / f"{key[:32]}.arrow"
    kept = open_whole(cached)
    if kept is not None:
        return kept
    convert(path, cached, format=format)
    return datasets.Dataset.from_file(str(cached))


def open_whole(path: Path) -> datasets.Dataset | None:
    """The memory-mapped rows of an Arrow stream file; `None` where there is no whole one."""
    if not path.is_file() or not _is_ended(path):
        return None
    try:
        return datasets.Dataset.from_file(str(path))
    except (pa.ArrowException, OSError):
        return None


def convert(path: Path, to: Path, *, format: str) -> None:
    """Write the rows of a file to an Arrow stream file, at constant memory.

    Raises:
        IsoglossError: E102 to E127 for what is in the file, E121 if `to` cannot be written.
    """
    remove_abandoned(to.parent)
    schema = read_schema(path, format=format)
    with (
        naming(to),
        replacing(to) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_stream(sink, schema) as writer,
    ):
        for batch in record_batches(path, schema, format=format):
            writer.write_batch(batch)


def _is_ended(path: Path) -> bool:
    """Whether a file ends as a whole Arrow stream does."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(END_OF_STREAM)))
        return file.read() == END_OF_STREAM
