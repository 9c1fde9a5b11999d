"""Rows of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from isogloss.data.arrow_types import plain_schema
from isogloss.errors import IsoglossError


def read_parquet_schema(path: Path, *, may_be_empty: bool = False) -> pa.Schema:
    """The columns of a Parquet file, with plain text in place of dictionary encoding.

    Args:
        path: of the file.
        may_be_empty: whether no row at all is fine.

    Raises:
        IsoglossError: E102 if the file has no row, E111, E117 if it is no Parquet file.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    if rows == 0 and not may_be_empty:
        raise IsoglossError("E102", name=path.name)
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise IsoglossError("E111", name=path.name, column=name)
    schema = plain_schema(schema)
    try:
        datasets.Features.from_arrow_schema(schema)
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error
    return schema


def count_parquet(path: Path) -> int:
    """The rows of a Parquet file, as its footer says.

    Raises:
        IsoglossError: E117.
    """
    try:
        rows: int = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    return rows


def read_parquet(
    path: Path, *, batch_rows: int, first: int = 0, rows: int | None = None
) -> Iterator[pa.RecordBatch]:
    """Record batches of a Parquet file, in file order, of at most `batch_rows` rows.

    Args:
        path: of the file.
        batch_rows: at least 1.
        first: rows to pass over; whole row groups of them are not read.
        rows: how many to read at most; None: all.

    Raises:
        IsoglossError: E102, E111, E117.
    """
    schema = read_parquet_schema(path)
    try:
        # Without pre-buffering, memory does not grow with the size of a row group.
        with pq.ParquetFile(path, pre_buffer=False) as file:
            groups, over = _groups_from(file.metadata, first)
            left = file.metadata.num_rows if rows is None else rows
            for batch in file.iter_batches(batch_size=batch_rows, row_groups=groups):
                skipped = min(over, batch.num_rows)
                over -= skipped
                wanted = batch.slice(skipped, left)
                left -= wanted.num_rows
                if wanted.num_rows:
                    yield from pa.Table.from_batches([wanted]).cast(schema).to_batches()
                if not left:
                    return
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _groups_from(metadata: pq.FileMetaData, first: int) -> tuple[list[int], int]:
    """The row groups from that of row `first` on, and how many rows of these come before it."""
    number = 0
    while number < metadata.num_row_groups and first >= metadata.row_group(number).num_rows:
        first -= metadata.row_group(number).num_rows
        number += 1
    return list(range(number, metadata.num_row_groups)), first


def _unreadable(path: Path, error: Exception) -> IsoglossError:
    return IsoglossError("E117", name=path.name, reason=str(error).partition("\n")[0])
