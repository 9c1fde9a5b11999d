"""Arrow types for columns of JSON values, found while streaming and widened where rows differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

SCALARS = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
LARGEST_INT = (1 << 63) - 1


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
    if kinds == {int, float}:
        kinds = {float}
    found = SCALARS.get(kinds.pop(), pa.string()) if len(kinds) == 1 else pa.string()
    if pa.types.is_integer(found) and any(abs(v) > LARGEST_INT for v in values if v is not None):
        return pa.string()
    return found


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
