"""Rows of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from isogloss.data.arrow_types import plain_schema
from isogloss.errors import IsoglossError


def read_parquet_schema(path: Path) -> pa.Schema:
    """The columns of a Parquet file, with plain text in place of dictionary encoding.

    Raises:
        IsoglossError: E102 if the file has no row, E111, E117 if it is no Parquet file.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    if rows == 0:
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


def read_parquet(path: Path, *, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Record batches of a Parquet file, in file order, of at most `batch_rows` rows.

    Raises:
        IsoglossError: E102, E111, E117.
    """
    schema = read_parquet_schema(path)
    try:
        # Without pre-buffering, memory does not grow with the size of a row group.
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=batch_rows):
                table = pa.Table.from_batches([batch]).cast(schema)
                yield from table.to_batches()
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> IsoglossError:
    return IsoglossError("E117", name=path.name, reason=str(error).partition("\n")[0])
