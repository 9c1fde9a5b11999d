"""Arrow types for columns of JSON values, found while streaming and widened where rows differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import pyarrow as pa

SCALARS = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
LARGEST_INT = (1 << 63) - 1
# On a column that is text only because its values were turned into text: the first such row.
NOT_TEXT = b"isogloss.not_text"


def column_type(values: Sequence[Any]) -> pa.DataType | None:
    """The narrowest type that holds all `values`.

    Values of different kinds, objects, lists in lists and integers beyond 64 bits are held as
    text (see `fit_column`), so that columns nobody asks for never stand in the way.

    Args:
        values: JSON values, `None` for a missing one.

    Returns:
        The type, or `None` where lists and other values are mixed.
    """
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.null()
    if list in kinds:
        if len(kinds) > 1:
            return None
        items = column_type(list(chain.from_iterable(v for v in values if v is not None)))
        nested = items is None or pa.types.is_list(items)
        return pa.list_(pa.string() if nested else items)
    if int in kinds and any(type(v) is int and abs(v) > LARGEST_INT for v in values):
        return pa.string()
    if kinds == {int, float}:
        kinds = {float}
    return SCALARS.get(kinds.pop(), pa.string()) if len(kinds) == 1 else pa.string()


def wider_type(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The narrowest type that holds both, or `None` for a list and something else."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if pa.types.is_list(one) and pa.types.is_list(other):
        return pa.list_(wider_type(one.value_type, other.value_type))
    if pa.types.is_list(one) or pa.types.is_list(other):
        return None
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    return pa.string()


def fit_column(values: Sequence[Any], kind: pa.DataType) -> list[Any]:
    """`values` as `kind` takes them: what is no text becomes JSON text where text is wanted."""
    if pa.types.is_string(kind):
        return [value if value is None else as_text(value) for value in values]
    if pa.types.is_list(kind):
        return [v if v is None else fit_column(v, kind.value_type) for v in values]
    if pa.types.is_float64(kind):
        return [value if value is None else float(value) for value in values]
    return list(values)


def first_not_text(values: Sequence[Any]) -> tuple[int, str] | None:
    """Index and kind of the first JSON value that is neither text, nor lists of it, nor missing."""
    for index, value in enumerate(values):
        for item in value if isinstance(value, list) else (value,):
            if item is not None and not isinstance(item, str):
                return index, in_words(item)
    return None


def in_words(value: Any) -> str:
    """A JSON value's kind as a message calls it."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list) else "an object"


class Mark(NamedTuple):
    """Where a column of text held something else.

    Attributes:
        row: counted from 1.
        of: the number of rows of the whole file.
        found: the kind of the value.
    """

    row: int
    of: int
    found: str


def marked(field: pa.Field, mark: Mark) -> pa.Field:
    """`field` with a note of the first value that was no text."""
    return field.with_metadata({NOT_TEXT: json.dumps(mark)})


def read_mark(field: pa.Field) -> Mark | None:
    """The note that `marked` has left."""
    note = (field.metadata or {}).get(NOT_TEXT)
    return None if note is None else Mark(*json.loads(note))


def unmarked(field: pa.Field) -> pa.Field:
    """`field` without the note of `marked`."""
    return field if read_mark(field) is None else field.remove_metadata()


def as_text(value: Any) -> str:
    """Text as it is, and any other value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """`kind` without dictionary encoding and string views, which data sets do not take."""
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    return pa.string() if pa.types.is_string_view(kind) else kind


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """`schema` with every column's `plain_type`, and its names and metadata kept."""
    fields = [field.with_type(plain_type(field.type)) for field in schema]
    return pa.schema(fields, metadata=schema.metadata)
