"""Look at every row of a prepared data set, and name the first that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isogloss.data.canonical import arrow_batches
from isogloss.errors import IsoglossError


def check_rows(
    dataset: datasets.Dataset, *, names: dict[str, str], name: str, first_row: int = 1
) -> None:
    """Check that no text, label, word or tag is missing, and that each word has one tag.

    Args:
        dataset: canonical columns.
        names: canonical name -> the user's name of each column.
        name: of the data; for messages.
        first_row: the number of its first row, counted from 1.

    Raises:
        IsoglossError: E107 for an empty label, E108 for an empty text or sentence, E114 for a
            sentence with more or fewer tags than words, E127 for an empty word or tag.
    """
    start = first_row
    for table in arrow_batches(dataset):
        for column in names:
            _check_column(table[column], column, start, name=name, shown=names[column])
        if "tags" in names:
            _check_lengths(table, start, name=name)
        start += table.num_rows


def empty_rows(table: pa.Table) -> np.ndarray:
    """Which rows (n,) of a canonical table have an input that is missing or blank."""
    inputs = [c for c in ("text", "text_pair", "tokens") if c in table.column_names]
    return np.logical_or.reduce([_is_empty(table[column]) for column in inputs])


def _check_column(
    values: pa.ChunkedArray, column: str, start: int, *, name: str, shown: str
) -> None:
    """Check one column, whose first row has the number `start`."""
    # An unlabelled sentence is told by its number of tags.
    for index in _first(_is_empty(values)) if column != "tags" else ():
        if column == "label":
            raise IsoglossError("E107", name=name, row=start + index)
        raise IsoglossError("E108", name=name, row=start + index, column=shown)
    if column in ("tokens", "tags"):
        parents = pc.list_parent_indices(values.combine_chunks())
        items = pc.list_flatten(values.combine_chunks())
        for index in _first(_lacks_text(items, blank=column == "tags")):
            place = f"row {start + parents[index].as_py()}"
            raise IsoglossError("E127", name=name, place=place)


def _check_lengths(table: pa.Table, start: int, *, name: str) -> None:
    """Check that each sentence has as many tags as words."""
    tokens, tags = (_lengths(table[column]) for column in ("tokens", "tags"))
    for index in _first(tokens != tags):
        counts = {"tokens": tokens[index], "tags": tags[index]}
        raise IsoglossError("E114", name=name, row=start + index, **counts)


def _is_empty(values: pa.ChunkedArray) -> np.ndarray:
    """Which rows (n,) are null, blank text, or an empty list."""
    if pa.types.is_list(values.type):
        return _lengths(values) == 0
    return _lacks_text(values, blank=True)


def _lacks_text(values: pa.ChunkedArray | pa.Array, *, blank: bool) -> np.ndarray:
    """Which texts (n,) are null or empty, or with `blank`, nothing but white space."""
    texts = pc.cast(values, pa.string()) if pa.types.is_null(values.type) else values
    kept = pc.utf8_trim_whitespace(texts) if blank else texts
    return pc.fill_null(pc.equal(pc.binary_length(kept), 0), True).to_numpy(zero_copy_only=False)


def _lengths(values: pa.ChunkedArray) -> np.ndarray:
    """Number of items (n,) of each list, 0 for null."""
    return pc.fill_null(pc.list_value_length(values), 0).to_numpy()


def _first(flags: np.ndarray) -> Iterator[int]:
    """The index of the first row that is flagged, if any."""
    if flags.any():
        yield int(flags.argmax())
