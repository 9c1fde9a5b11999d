"""Lines of UTF-8 text files, and batches of what is parsed from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from isogloss.errors import IsoglossError

Item = TypeVar("Item")

ESCAPED_BYTE = re.compile("[\udc80-\udcff]")

# A batch ends early at this many characters, so that memory stays bounded on long texts.
BATCH_CHARACTERS = 1 << 24


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file with their ends as they are, a byte order mark left out.

    Raises:
        IsoglossError: E103 with the line and byte offset where the file is not UTF-8.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            yield from file
        except UnicodeDecodeError:
            raise _not_utf8(path) from None


def in_batches(items: Iterable[tuple[Item, int]], *, batch_rows: int) -> Iterator[list[Item]]:
    """Group `(item, its length in characters)` into lists of at most `batch_rows` items."""
    batch: list[Item] = []
    characters = 0
    for item, length in items:
        batch.append(item)
        characters += length
        if len(batch) >= batch_rows or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _not_utf8(path: Path) -> IsoglossError:
    """The error for the first byte of `path` that is not UTF-8."""
    number, offset = 1, 0
    with path.open("rb") as file:
        for line in file:
            text = line.decode("utf-8", errors="surrogateescape")
            bad = ESCAPED_BYTE.search(text)
            if bad is not None:
                offset += len(text[: bad.start()].encode("utf-8"))
                break
            number, offset = number + 1, offset + len(line)
    return IsoglossError("E103", name=path.name, line=number, offset=offset)
