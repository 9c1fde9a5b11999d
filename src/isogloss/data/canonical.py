"""A data set's chosen columns under their canonical names and types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import datasets
import pyarrow as pa

from isogloss.data.columns import Columns
from isogloss.data.conversion import label_column, text_column, words_column
from isogloss.data.formats import listed
from isogloss.errors import IsoglossError

Labels = Literal["required", "optional", "drop"]
Side = Literal["source", "target", "test", "labelled target", "file to resample"]
OPTIONS = {
    "text": "--text",
    "text_pair": "--text-pair",
    "tokens": "--text",
    "label": "--label",
    "tags": "--label",
}
CONVERSIONS = {
    "text": text_column,
    "text_pair": text_column,
    "tokens": words_column,
    "label": label_column,
    "tags": words_column,
}
OTHER_SEPARATOR = re.compile(r"[;\t|,]")


def canonical(
    dataset: datasets.Dataset, columns: Columns, *, side: Side, name: str, labels: Labels
) -> datasets.Dataset:
    """`dataset` with the canonical columns only; their rows are not looked at.

    Args:
        dataset: rows as loaded.
        columns: which columns to read.
        side: which data these are; for messages.
        name: of the data; for messages.
        labels: whether labels must be there, may be there, or are left out.

    Returns:
        `text`, or `text` and `text_pair`, with `label` as text where kept; or `tokens` with
        `tags` where kept, as lists of text. A missing value is null, or an empty list.

    Raises:
        IsoglossError: E105 or E122 for a missing column, E106 for missing labels, E109 or E128
            for a column of another type, E129 for a column named twice, E130 for a pair
            without a second column.
    """
    chosen = _choose(dataset, columns, side=side, name=name, labels=labels)
    raw = dataset.with_format(None).select_columns(list(chosen.values()))
    view = raw.rename_columns({column: new for new, column in chosen.items() if column != new})
    for new, column in chosen.items():
        convert = CONVERSIONS[new]
        view = convert(view, new, name=name, column=column, option=OPTIONS[new])
    return view.select_columns(list(chosen))


def arrow_batches(dataset: datasets.Dataset, *, rows: int = 1000) -> Iterator[pa.Table]:
    """The rows of a data set in order, as Arrow tables of at most `rows` rows."""
    yield from dataset.with_format("arrow").iter(batch_size=rows)


def _choose(
    dataset: datasets.Dataset, columns: Columns, *, side: Side, name: str, labels: Labels
) -> dict[str, str]:
    """Canonical name -> column of the data set, all of which are there."""
    if columns.kind == "pair" and columns.text_pair is None:
        raise IsoglossError("E130")
    present = list(dataset.column_names)
    chosen = columns.inputs
    for new, column in chosen.items():
        if column not in present:
            raise _missing(column, present, name=name, option=OPTIONS[new])
    if labels != "drop" and columns.label is not None and columns.label in present:
        chosen[columns.target] = columns.label
    elif labels == "required":
        label = columns.label or columns.target
        raise IsoglossError("E106", name=name, column=label, side=side, present=listed(present))
    taken = list(chosen.values())
    for column in taken:
        if taken.count(column) > 1:
            raise IsoglossError("E129", column=column)
    return chosen


def _missing(column: str, present: list[str], *, name: str, option: str) -> IsoglossError:
    """The error for a missing column; a single one holding separators was not cut into cells."""
    if len(present) == 1 and OTHER_SEPARATOR.search(present[0]):
        separator = "tabs" if name.lower().endswith(".tsv") else "commas"
        return IsoglossError("E122", name=name, column=present[0], separator=separator)
    return IsoglossError("E105", name=name, column=column, present=listed(present), option=option)
