"""Columns of texts, labels and words in their canonical types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from isogloss.data.arrow_types import read_mark
from isogloss.errors import IsoglossError

# Not str.split(): a no-break space may stand inside a word.
SPACES = re.compile(r"[ \t\r\n]+")
BATCH_ROWS = 1000


def text_column(
    view: datasets.Dataset, new: str, *, name: str, column: str, option: str
) -> datasets.Dataset:
    """`view`, whose column `new` is text already.

    Raises:
        IsoglossError: E109 if it is not, in all rows or in one.
    """
    kind = _arrow_type(view, new)
    if not _is_text(kind):
        row, found = _first_row(view, new), _in_words(kind)
        raise IsoglossError("E109", name=name, row=row, column=column, found=found, option=option)
    _check_mark(view, new, name=name, column=column, option=option)
    return view


def label_column(
    view: datasets.Dataset, new: str, *, name: str, column: str, option: str
) -> datasets.Dataset:
    """`view` with the column `new` as text: classes by their names, without space around.

    Raises:
        IsoglossError: E109 if it holds lists or objects.
    """
    kind = _arrow_type(view, new)
    if pa.types.is_nested(kind):
        row, found = _first_row(view, new), _in_words(kind)
        raise IsoglossError("E109", name=name, row=row, column=column, found=found, option=option)
    if pa.types.is_string(kind) and _is_trimmed(view, new):
        return view
    return _map(view, new, label_texts, wanted=datasets.Value("string"))


def words_column(
    view: datasets.Dataset, new: str, *, name: str, column: str, option: str
) -> datasets.Dataset:
    """`view` with the column `new` as lists of text; a text is cut at its spaces.

    Raises:
        IsoglossError: E109 for a row with a word that is no text; E128 if it holds anything but
            lists of text (or, for tags, classes).
    """
    if new == "tokens":
        _check_mark(view, new, name=name, column=column, option=option)
    kind = _arrow_type(view, new)
    wanted = datasets.List(datasets.Value("string"))
    if _is_text(kind):
        return _map(view, new, split_texts, wanted=wanted)
    items = kind.value_type if _is_list(kind) else kind
    bad_item = pa.types.is_nested(items) or (new == "tokens" and not _is_text(items))
    if not _is_list(kind) or bad_item:
        raise IsoglossError("E128", name=name, column=column, found=_in_words(kind))
    if view.features[new] == wanted:
        return view
    return _map(view, new, word_lists if new == "tokens" else tag_lists, wanted=wanted)


def label_texts(values: list[Any], feature: Any) -> list[str | None]:
    """Labels as text; `feature` names the classes where it is a `ClassLabel`."""
    return [_label_text(value, feature) for value in values]


def tag_lists(values: list[Any], feature: Any) -> list[list[str | None]]:
    """Tags of each sentence as text."""
    return [label_texts(row or [], feature.feature) for row in values]


def word_lists(values: list[Any], feature: Any) -> list[list[str | None]]:
    """Words of each sentence, a missing sentence being empty."""
    return [row or [] for row in values]


def split_texts(values: list[str | None], feature: Any) -> list[list[str]]:
    """Words of each text that is written with spaces between them."""
    return [[word for word in SPACES.split(text or "") if word] for text in values]


def _map(
    view: datasets.Dataset, new: str, function: Callable[..., list[Any]], *, wanted: Any
) -> datasets.Dataset:
    """`view` with one column put through `function(values, feature)`, batch by batch."""
    features = view.features.copy()
    features[new] = wanted
    arguments = {"function": function, "column": new, "feature": view.features[new]}
    with _no_progress_bar():
        return view.map(
            _apply,
            batched=True,
            batch_size=BATCH_ROWS,
            input_columns=[new],
            features=features,
            fn_kwargs=arguments,
        )


def _apply(
    values: list[Any], *, function: Callable[..., list[Any]], column: str, feature: Any
) -> dict[str, list[Any]]:
    return {column: function(values, feature)}


def _label_text(value: Any, feature: Any) -> str | None:
    """A label as text: a class by its name, 3.0 as "3", and nothing for a missing one."""
    if value is None or value != value:
        return None
    if isinstance(feature, datasets.ClassLabel):
        return feature.names[value] if 0 <= value < feature.num_classes else None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _is_trimmed(view: datasets.Dataset, column: str) -> bool:
    """Whether no text of a column begins or ends with white space."""
    tables = view.select_columns([column]).with_format("arrow").iter(batch_size=BATCH_ROWS)
    return not any(
        pc.any(pc.not_equal(pc.utf8_trim_whitespace(table[column]), table[column])).as_py()
        for table in tables
    )


def check_field(field: pa.Field, *, name: str, column: str, option: str) -> None:
    """Refuse a column of `read_schema` that is text in some rows only.

    Raises:
        IsoglossError: E109 with the first row that is not.
    """
    mark = read_mark(field)
    if mark is not None:
        place = {"name": name, "row": mark.row, "column": column}
        raise IsoglossError("E109", **place, found=mark.found, option=option)


def _check_mark(view: datasets.Dataset, new: str, *, name: str, column: str, option: str) -> None:
    """Refuse a column of a JSON lines file that held other values than text before it was read."""
    field = view.data.schema.field(new)
    mark = read_mark(field)
    # Where rows have been chosen since, the one that is meant may be gone.
    if mark is not None and len(view) == mark.of:
        check_field(field, name=name, column=column, option=option)


def _first_row(view: datasets.Dataset, column: str) -> int:
    """The number of the first row that has a value, counted from 1."""
    tables = view.select_columns([column]).with_format("arrow").iter(batch_size=1)
    present = (number for number, table in enumerate(tables, 1) if not table[column].null_count)
    return next(present, 1)


def _arrow_type(view: datasets.Dataset, column: str) -> pa.DataType:
    return view.features.arrow_schema.field(column).type


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind)


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _in_words(kind: pa.DataType) -> str:
    """A type as a message calls it."""
    types = pa.types
    if _is_list(kind):
        return f"lists of {_in_words(kind.value_type)}"
    if types.is_boolean(kind):
        return "true or false"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "numbers"
    if types.is_struct(kind):
        return "objects"
    return "text" if _is_text(kind) else f"values of type {kind}"


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    """Keep data set transforms from writing to the terminal."""
    if datasets.are_progress_bars_disabled():
        yield
        return
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()
