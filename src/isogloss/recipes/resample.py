"""A labelled file at another class balance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from isogloss.data.formats import format_of
from isogloss.data.loading import load, name_of
from isogloss.data.preparing import prepare
from isogloss.data.streaming import BATCH_ROWS, read_schema
from isogloss.data.writing import RowWriter
from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import check_range
from isogloss.labelshift.measures import total_variation
from isogloss.study.priors import complete_prior
from isogloss.study.resampling import resample_rows, resample_sentences
from isogloss.study.rows import TargetLabels
from isogloss.tasks import Task, make_task


def resample_file(
    source: str | Path | Dataset,
    output: str | Path,
    prior: Mapping[str, float],
    *,
    task: str = "sequence",
    size: int | None = None,
    tolerance: float = 0.01,
    columns: Mapping[str, str | None] | None = None,
    format: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Write rows of a labelled file at a wanted class balance, without repeating any.

    Args:
        source: CSV, TSV, JSON lines, Parquet or CoNLL, a data set, or an id on the hub.
        output: the file to write, in the format its name says; it appears only when whole.
        prior: label -> wanted share; labels that are left out share the rest as in the data. For
            tagging the shares are those of the words' tags (IOB2), and sentences are chosen.
        task: "sequence", "pair" or "token".
        size: rows (sentences) to write; None for as many as there can be.
        tolerance: for tagging, the largest total variation from the prior that is accepted.
        columns: `text`, `text_pair`, `label`: their names.
        format: of `source`, where its name does not say it, and then of `output` too.
        seed: of every random choice.

    Returns:
        `file`, `rows`, `written`, `labels` and, each (k,), `before`, `wanted` and `reached`, with
        `distance`, the total variation between the last two. The rows keep their order and columns.

    Raises:
        IsoglossError: E721, E722 for the prior, E723, E724 where the rows do not allow it, E730 for
            the size, E733 where the output is the input, E407 for the tolerance; E1xx, E2xx for
            the file.

    References:
        Xian, Ji & Zhao, ICLR 2022, appendix A.1.1.
    """
    is_file = not isinstance(source, Dataset) and Path(source).is_file()
    if is_file and Path(str(source)).resolve() == Path(output).resolve():
        raise IsoglossError("E733", path=output)
    if format_of(output, format=format) == "conll" and task != "token":
        raise IsoglossError("E138", name=Path(output).name)
    check_range(tolerance, 0.0, 1.0, name="tolerance")
    raw, name = load(source, format=format), name_of(source)
    target = read_labels(raw, make_task(task, **_given(columns)), name=name)
    wanted = complete_prior(prior, target.names, target.prior, where=name)
    if target.examples is None:
        chosen = resample_rows(
            target.labels, wanted, names=target.names, size=size, seed=seed, where=name
        )
    else:
        chosen = resample_sentences(
            target.totals,
            wanted,
            names=target.names,
            size=size,
            tolerance=tolerance,
            seed=seed,
            where=name,
        )
    schema = read_schema(str(source), format=format) if is_file else None
    with RowWriter(output, format=format, columns=raw.column_names, schema=schema) as writer:
        for batch in raw.with_format(None).select(chosen).iter(BATCH_ROWS):
            writer.write(batch)
    counts = target.totals[chosen].sum(axis=0)
    reached = counts / counts.sum()
    return {
        "file": name,
        "rows": target.num_examples,
        "written": len(chosen),
        "labels": list(target.names),
        "before": target.prior.tolist(),
        "wanted": wanted.tolist(),
        "reached": reached.tolist(),
        "distance": total_variation(reached, wanted),
    }


def read_labels(raw: Dataset, task: Task, *, name: str) -> TargetLabels:
    """The labels of a loaded data set.

    Args:
        raw: rows as loaded.
        task: its labels are taken where it knows them, else those of the data.
        name: what messages call the data.

    Raises:
        IsoglossError: E1xx, E2xx for rows that cannot be used.
    """
    rows = prepare(raw, task.columns, side="file to resample", name=name, labels="required")
    rows = task.conform(rows, name=name)
    known = task if task.labels is not None else task.with_labels_from(rows, name=name)
    known.check_labels(rows, name=name)
    return labels_of(rows, known, name=name)


def labels_of(rows: Dataset, task: Task, *, name: str) -> TargetLabels:
    """The labels of conforming rows as class ids.

    Args:
        rows: labelled, every label known to the task.
        task: knows its labels.
        name: of the data.
    """
    ids = task.known_labels.label2id
    labels = np.array([ids[label] for label in task.flat_labels(rows)], dtype=np.int64)
    examples = None
    if task.kind == "token":
        lengths = [len(tags) for tags in task.references(rows)]
        examples = np.repeat(np.arange(len(rows)), lengths)
    return TargetLabels(
        name=name,
        names=task.known_labels.names,
        labels=labels,
        examples=examples,
        num_examples=len(rows),
    )


def _given(columns: Mapping[str, str | None] | None) -> dict[str, str]:
    return {name: column for name, column in (columns or {}).items() if column is not None}
