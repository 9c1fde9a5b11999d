"""Prepare a loaded data set: canonical columns, and every row fit for use."""

from __future__ import annotations

import datasets

from isogloss.data.canonical import Labels, Side, canonical
from isogloss.data.checks import check_rows
from isogloss.data.columns import Columns
from isogloss.errors import IsoglossError


def prepare(
    dataset: datasets.Dataset,
    columns: Columns,
    *,
    side: Side,
    name: str,
    labels: Labels,
    first_row: int = 1,
) -> datasets.Dataset:
    """A data set with the canonical columns only, in which every row can be used.

    Args:
        dataset: rows as loaded.
        columns: which columns to read. Words and tags may be lists, or text with spaces.
        side: `"source"`, `"target"` or `"test"`; for messages.
        name: of the data, such as its file's name; for messages.
        labels: `"required"`; `"optional"`: kept where the column is there; `"drop"`: left
            out even where it is there.
        first_row: the number of its first row in messages, where it is part of a larger one.

    Returns:
        As many rows, in the same order, with the columns `text`; or `text` and `text_pair`;
        or `tokens` (lists of words); and where labels are kept, `label` as text or `tags` as
        lists of text.

    Raises:
        IsoglossError: E102 if there are no rows; E105, E106, E109, E122, E128, E129, E130 for
            the columns; E107, E108, E114, E127 for a row that cannot be used.
    """
    if len(dataset) == 0:
        raise IsoglossError("E102", name=name)
    prepared = canonical(dataset, columns, side=side, name=name, labels=labels)
    names = columns.inputs
    if columns.target in prepared.column_names:
        names[columns.target] = columns.label or columns.target
    check_rows(prepared, names=names, name=name, first_row=first_row)
    return prepared
