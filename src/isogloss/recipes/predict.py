"""Labels for the rows of a file, batch by batch, in the file's own format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from datasets import Dataset

from isogloss.data.canonical import OPTIONS
from isogloss.data.conversion import check_field
from isogloss.data.formats import format_of
from isogloss.data.loading import load, name_of
from isogloss.data.preparing import prepare
from isogloss.data.streaming import read_batches, read_schema, to_dataset
from isogloss.data.writing import RowWriter
from isogloss.errors import IsoglossError, warn
from isogloss.progress import Progress
from isogloss.recipes.serving import ServedModel, open_served
from isogloss.trainers.rows import CollectedRows

# Columns that predictions add to a file.
LABEL_COLUMN, PROBABILITY_COLUMN, ALL_COLUMN = "prediction", "probability", "probabilities"
TAGS_COLUMN = "predicted_tags"
Precision = Literal["auto", "bf16", "fp32"]


def predict_file(
    model: str | Path,
    source: str | Path,
    output: str | Path,
    *,
    format: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    batch_rows: int = 2048,
    precision: Precision = "auto",
    no_formulas: bool = False,
    progress: Progress | None = None,
) -> int:
    """Classify a file of any size at constant memory.

    Args:
        model: a run folder or a model folder that `adapt` made.
        source: CSV, TSV, JSON lines, Parquet or CoNLL.
        output: the file to write, in the format its name says; it appears only when whole.
        format: of `source`, where its name does not say it, and then of `output` too.
        columns: `text`, `text_pair`: other names than in training.
        batch_rows: rows read at a time, >= 1.
        precision: of the matrix products; auto takes bf16 where the processor has it.
        no_formulas: begin text that a spreadsheet would compute with `'` (CSV and TSV).
        progress: hears how far it is.

    Returns:
        The number of rows written: the input's rows in their order, with all their columns, and
        `prediction`, `probability` (of the predicted label) and `probabilities` (by label; JSON
        lines and Parquet only) added; for tagging `predicted_tags`.

    Raises:
        IsoglossError: E524 to E526, E529 where the output is the input, E530 where an added column
            is there already; E1xx for the file; E3xx for the model.
    """
    schema = _schema_of(source, output, format=format)
    served = open_served(model, columns=columns, precision=precision)
    return _label_file(
        served, source, output, format, schema, batch_rows, progress, no_formulas=no_formulas
    )


def predict_with(
    served: ServedModel,
    source: str | Path,
    output: str | Path,
    *,
    format: str | None = None,
    batch_rows: int = 2048,
    progress: Progress | None = None,
) -> int:
    """Classify a file of any size with a model that is open already.

    Args:
        served: the model; which columns it reads was said when it was opened.
        source: as `predict_file`.
        output: as `predict_file`.
        format: as `predict_file`.
        batch_rows: as `predict_file`.
        progress: as `predict_file`.

    Returns:
        The number of rows written.

    Raises:
        IsoglossError: E529, E530, or E1xx for the file.
    """
    schema = _schema_of(source, output, format=format)
    return _label_file(served, source, output, format, schema, batch_rows, progress)


def predict_dataset(
    model: str | Path,
    dataset: Dataset | None,
    where: str,
    output: str | Path,
    *,
    precision: Precision = "auto",
    batch_rows: int = 2048,
    progress: Progress | None = None,
) -> int:
    """Classify a data set that is no file: one in memory, or one of the hub.

    Args:
        model: a run folder or a model folder.
        dataset: the rows, or None to load `where`.
        where: what to load, and what messages call it.
        output: a JSON lines or Parquet file.
        precision: of the matrix products.
        batch_rows: rows at a time, >= 1.
        progress: hears how far it is.

    Returns:
        The number of rows written.

    Raises:
        IsoglossError: as `predict_file`.
    """
    rows = load(where) if dataset is None else dataset
    served = open_served(model, precision=precision)
    name = name_of(where) if dataset is None else where
    check_columns(served.task.kind, rows.column_names, name=name)
    progress = progress or Progress()
    progress.start("predict", len(rows), "rows")
    with RowWriter(output) as writer:
        batches = rows.with_format(None).iter(batch_rows)
        count = _write(served, batches, writer, name=name, progress=progress)
    progress.finish()
    return count


def check_columns(kind: str, present: Iterable[str], *, name: str) -> None:
    """Refuse a file that has a column which predictions would overwrite.

    Args:
        kind: of the task.
        present: the file's columns.
        name: what the message calls it.

    Raises:
        IsoglossError: E530 with the column.
    """
    added = {TAGS_COLUMN} if kind == "token" else {LABEL_COLUMN, PROBABILITY_COLUMN, ALL_COLUMN}
    taken = sorted(added & set(present))
    if taken:
        raise IsoglossError("E530", name=name, column=taken[0])


def check_texts(served: ServedModel, schema: pa.Schema, *, name: str) -> None:
    """Refuse a file whose texts are not all text.

    Raises:
        IsoglossError: E109 with the first row that has something else.
    """
    for new, column in served.task.columns.inputs.items():
        if column in schema.names:
            check_field(schema.field(column), name=name, column=column, option=OPTIONS[new])


def _schema_of(source: str | Path, output: str | Path, *, format: str | None) -> pa.Schema:
    """The columns of the input, once input and output are known to go together."""
    if Path(source).resolve() == Path(output).resolve():
        raise IsoglossError("E529", path=output)
    format_of(output, format=format)
    return read_schema(source, format=format)


def _label_file(
    served: ServedModel,
    source: str | Path,
    output: str | Path,
    format: str | None,
    schema: pa.Schema,
    batch_rows: int,
    progress: Progress | None,
    *,
    no_formulas: bool = False,
) -> int:
    name = Path(source).name
    if served.task.kind != "token" and format_of(output, format=format) == "conll":
        raise IsoglossError("E138", name=Path(output).name)
    check_columns(served.task.kind, schema.names, name=name)
    check_texts(served, schema, name=name)
    progress = progress or Progress()
    progress.start("predict", None, "rows")
    batches = read_batches(source, format=format, batch_rows=batch_rows)
    with RowWriter(output, format=format, schema=schema, no_formulas=no_formulas) as writer:
        count = _write(served, batches, writer, name=name, progress=progress)
        if not count:
            raise IsoglossError("E102", name=name)
    progress.finish()
    return count


def _write(
    served: ServedModel,
    batches: Iterable[Mapping[str, list[Any]]],
    writer: RowWriter,
    *,
    name: str,
    progress: Progress,
) -> int:
    done, truncated = label_batches(
        served, batches, writer, schema=writer.schema, name=name, progress=progress
    )
    warn_of_cut(served, name=name, truncated=truncated, rows=done)
    return done


def label_batches(
    served: ServedModel,
    batches: Iterable[Mapping[str, list[Any]]],
    writer: RowWriter,
    *,
    schema: pa.Schema | None,
    name: str,
    progress: Progress,
    first_row: int = 1,
) -> tuple[int, int]:
    """Classify batches of raw rows and write them with what predictions add.

    Args:
        served: the model.
        batches: columns of equal length, in order.
        writer: open.
        schema: of the batches; found from their values where None.
        name: what messages call the rows' file.
        progress: hears of every batch.
        first_row: the number of the first row in messages.

    Returns:
        The number of rows, and of those that were cut to the model's length.

    Raises:
        IsoglossError: E1xx for a row that cannot be used.
    """
    done = truncated = 0
    for raw in batches:
        canonical = prepare(
            to_dataset(raw, schema),
            served.task.columns,
            side="target",
            name=name,
            labels="drop",
            first_row=first_row + done,
        )
        encoded, rows = served.rows(canonical)
        writer.write({**raw, **added_columns(served, encoded.dataset, rows, writer.format)})
        done += len(canonical)
        truncated += encoded.truncated
        progress.advance(len(canonical))
    return done, truncated


def warn_of_cut(served: ServedModel, *, name: str, truncated: int, rows: int) -> None:
    """Warn W522 where some of the rows were cut."""
    if truncated:
        warn("W522", name=name, count=truncated, of=rows, length=served.max_length)


def added_fields(served: ServedModel) -> list[pa.Field]:
    """The columns that predictions add to a Parquet file, with their types."""
    if served.task.kind == "token":
        return [pa.field(TAGS_COLUMN, pa.list_(pa.string()))]
    # Objects are held as JSON text in Parquet; see `column_type`.
    kinds = {LABEL_COLUMN: pa.string(), PROBABILITY_COLUMN: pa.float64(), ALL_COLUMN: pa.string()}
    return [pa.field(name, kind) for name, kind in kinds.items()]


def added_columns(
    served: ServedModel, encoded: Dataset, rows: CollectedRows, format: str
) -> dict[str, list[Any]]:
    """The columns that predictions add, by name.

    Args:
        served: the model.
        encoded: the examples that were classified.
        rows: their rows.
        format: of the output; nested values go only where they can be written.
    """
    decoded = served.task.decode(rows.predictions, encoded)
    if served.task.kind == "token":
        return {TAGS_COLUMN: decoded}
    probabilities = rows.probabilities
    columns: dict[str, list[Any]] = {
        LABEL_COLUMN: decoded,
        PROBABILITY_COLUMN: np.round(probabilities.max(axis=1), 6).tolist(),
    }
    if format in ("jsonl", "parquet"):
        names = served.task.known_labels.names
        rounded = np.round(probabilities, 6).tolist()
        columns[ALL_COLUMN] = [dict(zip(names, row, strict=True)) for row in rounded]
    return columns
