"""Files turned once into memory-mapped Arrow files, in a folder keyed by their content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import datasets
import pyarrow as pa

from isogloss.data.atomic import naming, replacing
from isogloss.data.fingerprints import file_digest
from isogloss.data.streaming import read_schema, record_batches

# Raised with every change of how files are read, so that old copies are not used.
CACHE_VERSION = 2


def cache_folder() -> Path:
    """Where converted files are kept: `data` in `ISOGLOSS_CACHE`, or in `~/.cache/isogloss`."""
    root = os.environ.get("ISOGLOSS_CACHE") or Path.home() / ".cache" / "isogloss"
    return Path(root).expanduser() / "data"


def load_cached(path: Path, *, format: str) -> datasets.Dataset:
    """The rows of a file as a memory-mapped data set, converted at its first use.

    Raises:
        IsoglossError: E102 to E127 for what is in the file, E121 if the cache is not writable.
    """
    key = hashlib.sha256(f"{CACHE_VERSION} {format} {file_digest(path)}".encode()).hexdigest()
    cached = cache_folder() / f"{key[:32]}.arrow"
    if not cached.is_file():
        convert(path, cached, format=format)
    return datasets.Dataset.from_file(str(cached))


def convert(path: Path, to: Path, *, format: str) -> None:
    """Write the rows of a file to an Arrow stream file, at constant memory.

    Raises:
        IsoglossError: E102 to E127 for what is in the file, E121 if `to` cannot be written.
    """
    schema = read_schema(path, format=format)
    with (
        naming(to),
        replacing(to) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_stream(sink, schema) as writer,
    ):
        for batch in record_batches(path, schema, format=format):
            writer.write_batch(batch)
