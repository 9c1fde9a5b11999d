"""Load a data set from a file or from the hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import datasets

from isogloss.data.cache import load_cached
from isogloss.data.fingerprints import fingerprint
from isogloss.data.formats import existing_file, format_of
from isogloss.data.hub import is_hub_id, load_from_hub
from isogloss.errors import IsoglossError


def load(where: str | Path | datasets.Dataset, *, format: str | None = None) -> datasets.Dataset:
    """Load rows as a data set that need not fit in memory.

    Cells of CSV and TSV files are text as they stand. CoNLL files have the columns `tokens` and
    `tags` (no `tags` where there is one column). A file is converted once, into the cache.

    Args:
        where: a CSV, TSV, JSON lines, Parquet or CoNLL file; or `owner/name[:config][@split]`
            on the hub, where there is no such file (split `train` if none is named); or a data
            set, which is returned as it is.
        format: `"csv"`, `"tsv"`, `"jsonl"`, `"parquet"` or `"conll"`, where the file's ending
            does not say.

    Returns:
        The data set, memory-mapped.

    Raises:
        IsoglossError: E101, E104, E126, E131, E135 for the path; E102, E103, E110 to E113, E115 to
            E117, E123, E127, E133, E134, E136, E137 for what is in the file; E118 for the hub; E120
            for an object that is no data set; E121 if the cache is not writable.
    """
    if isinstance(where, datasets.Dataset):
        return where
    _check_path(where)
    if isinstance(where, str) and not os.path.exists(where) and is_hub_id(where):
        return one_split(load_from_hub(where))
    path = existing_file(where)
    return load_cached(path, format=format_of(path, format=format))


def name_of(where: str | Path | datasets.Dataset, *, default: str = "the data set") -> str:
    """How messages name the data: a file by its name, the hub's by its id, else `default`."""
    if isinstance(where, datasets.Dataset):
        return default
    if isinstance(where, str) and not os.path.exists(where) and is_hub_id(where):
        return where
    return Path(where).name


def check_different_files(
    source: str | Path | datasets.Dataset, target: str | Path | datasets.Dataset
) -> None:
    """Check that source and target do not hold the same data.

    Raises:
        IsoglossError: E119 for the same file, hub id or data set, or for equal content; E101
            if a file does not exist.
    """
    if _identity(source) == _identity(target):
        names = {
            "source": name_of(source, default="a data set"),
            "target": name_of(target, default="a data set"),
        }
        raise IsoglossError("E119", **names)


def content_digest(where: str | Path | datasets.Dataset, loaded: datasets.Dataset) -> str:
    """What identifies the content of loaded data: `fingerprint` of the file, or of the rows.

    Args:
        where: as `load` takes it.
        loaded: what `load` made of it.
    """
    is_file = not isinstance(where, datasets.Dataset) and os.path.isfile(where)
    return fingerprint(where if is_file else loaded)


def one_split(loaded: Any) -> datasets.Dataset:
    """`loaded` where it is one whole data set.

    Raises:
        IsoglossError: E120 if it holds several splits, or is something else.
    """
    if not isinstance(loaded, datasets.Dataset):
        raise IsoglossError("E120", found=type(loaded).__name__)
    return loaded


def _check_path(where: Any) -> None:
    if not isinstance(where, str | Path):
        raise IsoglossError("E120", found=type(where).__name__)


def _identity(where: str | Path | datasets.Dataset) -> str:
    """A digest of the content, or the hub's id."""
    if isinstance(where, str) and not os.path.exists(where) and is_hub_id(where):
        return where
    return fingerprint(where)
