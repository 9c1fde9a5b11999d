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
# In characters. Bounds the memory that a file without line ends can take.
LONGEST_LINE = 1 << 26


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file with their ends as they are, a byte order mark left out.

    Raises:
        IsoglossError: E103 with the line and byte offset where the file is not UTF-8; E134 for a
            line of more than `LONGEST_LINE` characters.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        number = 0
        try:
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise too_long(path, number)
                yield line
        except UnicodeDecodeError:
            raise _not_utf8(path) from None


def too_long(path: Path, line: int) -> IsoglossError:
    """The error for a line, or a row that began before it, that takes too much memory."""
    return IsoglossError("E134", name=path.name, line=line, most=LONGEST_LINE)


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
        while line := file.readline(LONGEST_LINE):
            text = line.decode("utf-8", errors="surrogateescape")
            bad = ESCAPED_BYTE.search(text)
            if bad is not None:
                offset += len(text[: bad.start()].encode("utf-8"))
                break
            number, offset = number + line.endswith(b"\n"), offset + len(line)
    return IsoglossError("E103", name=path.name, line=number, offset=offset)
