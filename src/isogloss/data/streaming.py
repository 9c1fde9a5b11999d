"""Rows of a file batch by batch, in file order, at constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa

from isogloss.data.arrow_types import column_type, fit_column
from isogloss.data.conll import read_conll, read_conll_columns
from isogloss.data.formats import check_header, existing_file, format_of
from isogloss.data.jsonlines import read_json_lines, read_json_schema
from isogloss.data.parquet import read_parquet, read_parquet_schema
from isogloss.data.tabular import read_header, read_tabular

BATCH_ROWS = 1000


def read_schema(where: str | Path, *, format: str | None = None) -> pa.Schema:
    """The columns of a file and their Arrow types.

    Args:
        where: a CSV, TSV, JSON lines, Parquet or CoNLL file.
        format: one of these, where the file's ending does not say.

    Raises:
        IsoglossError: E101, E104, E126, E131, E135 for the path; E102 to E137 for what is in the
            file.
    """
    path = existing_file(where)
    found = format_of(path, format=format)
    if found == "jsonl":
        return read_json_schema(path)
    if found == "parquet":
        schema = read_parquet_schema(path)
        check_header(schema.names, name=path.name)
        return schema
    if found == "conll":
        return pa.schema([(name, pa.list_(pa.string())) for name in read_conll_columns(path)])
    return pa.schema([(name, pa.string()) for name in read_header(path, format=found)])


def read_batches(
    where: str | Path, *, format: str | None = None, batch_rows: int = BATCH_ROWS
) -> Iterator[dict[str, list[Any]]]:
    """Batches of raw columns of a file, in file order, with no copy on disk.

    Every batch has the same columns; a key missing in a JSON line is `None`.

    Args:
        where: a CSV, TSV, JSON lines, Parquet or CoNLL file.
        format: one of these, where the file's ending does not say.
        batch_rows: the most rows in a batch, at least 1; very long rows make it smaller.

    Raises:
        IsoglossError: E101, E104, E126, E131, E135 for the path; E102 to E137 for what is in the
            file.
    """
    path = existing_file(where)
    found = format_of(path, format=format)
    if found == "jsonl":
        yield from read_json_lines(path, batch_rows=batch_rows)
    elif found == "parquet":
        yield from (batch.to_pydict() for batch in read_parquet(path, batch_rows=batch_rows))
    elif found == "conll":
        yield from read_conll(path, batch_rows=batch_rows)
    else:
        yield from read_tabular(path, format=found, batch_rows=batch_rows)


def record_batches(path: Path, schema: pa.Schema, *, format: str) -> Iterator[pa.RecordBatch]:
    """The rows of a file as Arrow record batches of `schema` (from `read_schema`)."""
    if format == "parquet":
        yield from read_parquet(path, batch_rows=BATCH_ROWS)
        return
    batches: Iterator[dict[str, list[Any]]] = (
        read_json_lines(path, batch_rows=BATCH_ROWS, names=schema.names)
        if format == "jsonl"
        else read_batches(path, format=format)
    )
    for batch in batches:
        yield to_record_batch(batch, schema)


def to_record_batch(batch: Mapping[str, Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Columns of Python values as one record batch of `schema`."""
    arrays = [pa.array(fit_column(batch[f.name], f.type), type=f.type) for f in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def to_dataset(
    batch: Mapping[str, Sequence[Any]], schema: pa.Schema | None = None
) -> datasets.Dataset:
    """One batch of `read_batches` as a small data set in memory, to prepare and encode.

    Args:
        batch: columns of equal length.
        schema: their types, from `read_schema`; found from the values where `None`.
    """
    if schema is None:
        types = {name: column_type(values) or pa.string() for name, values in batch.items()}
        schema = pa.schema(list(types.items()))
    return datasets.Dataset(pa.Table.from_batches([to_record_batch(batch, schema)]))
