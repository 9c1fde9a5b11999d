"""Look at a source and a target before training: sizes, labels, lengths, what stands out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from transformers import PreTrainedTokenizerBase

from isogloss.data.canonical import Side, arrow_batches, canonical
from isogloss.data.checks import empty_rows
from isogloss.data.columns import Columns
from isogloss.data.lengths import PieceCounts, count_pieces, count_words
from isogloss.data.overlap import input_digests, repeats_among, shared_among

PERCENTILES = (5, 25, 50, 75, 95, 100)


@dataclass(frozen=True, kw_only=True)
class SideReport:
    """What one data set holds.

    Attributes:
        rows: number of rows.
        other_columns: columns that are neither the input nor the label, in their order.
        empty_rows: rows whose text (one of two, for pairs) is missing or blank.
        repeated_rows: rows whose input occurs in an earlier row.
        labels: rows (words, for tags) of each label, most frequent first; `None` where there
            is no label column.
        unlabelled: rows (words) with an empty label, or `None`.
        words: percentile -> words in an input, `"5"` to `"100"`.
        word_pieces: the same in word pieces, special ones included, or `None` without tokenizer.
        unknown_share: share of the word pieces that are unknown, 0 to 1, or `None`.
        truncated: inputs longer than the given length, or `None`.
    """

    rows: int
    other_columns: list[str]
    empty_rows: int
    repeated_rows: int
    labels: dict[str, int] | None
    unlabelled: int | None
    words: dict[str, float]
    word_pieces: dict[str, float] | None
    unknown_share: float | None
    truncated: int | None


@dataclass(frozen=True, kw_only=True)
class PairReport:
    """What a source and a target hold; `dataclasses.asdict` gives what JSON can write.

    Attributes:
        source, target: each side by itself.
        shared_rows: rows of the target whose input occurs in the source.
        only_in_source, only_in_target: labels that the other side does not have, sorted;
            empty where a side has no labels.
        max_length: the length that `truncated` is counted at, in word pieces, or `None`.
    """

    source: SideReport
    target: SideReport
    shared_rows: int
    only_in_source: list[str]
    only_in_target: list[str]
    max_length: int | None


def inspect_pair(
    source: datasets.Dataset,
    target: datasets.Dataset,
    *,
    task_columns: Columns,
    tokenizer: PreTrainedTokenizerBase | None = None,
    max_length: int | None = None,
    source_name: str = "source",
    target_name: str = "target",
) -> PairReport:
    """Look at two loaded data sets; empty rows and unseen labels are counted, not refused.

    Args:
        source, target: rows as loaded.
        task_columns: which columns to read; a missing label column is no error.
        tokenizer: counts word pieces where given.
        max_length: counts inputs longer than this many word pieces, at least 1.
        source_name, target_name: of the data; for messages.

    Raises:
        IsoglossError: E105, E109, E122, E128, E129, E130 for columns that are not there or of
            another type.
    """
    views = [
        _view(source, task_columns, side="source", name=source_name),
        _view(target, task_columns, side="target", name=target_name),
    ]
    digests = [input_digests(view) for view in views]
    sides = [
        _look(view, task_columns, tokenizer, max_length, _others(dataset, task_columns), digest)
        for view, dataset, digest in zip(views, (source, target), digests, strict=True)
    ]
    return PairReport(
        source=sides[0],
        target=sides[1],
        shared_rows=shared_among(digests[0], digests[1]),
        only_in_source=_only_in(sides[0].labels, sides[1].labels),
        only_in_target=_only_in(sides[1].labels, sides[0].labels),
        max_length=max_length,
    )


def _view(
    dataset: datasets.Dataset, columns: Columns, *, side: Side, name: str
) -> datasets.Dataset:
    return canonical(dataset, columns, side=side, name=name, labels="optional")


def _look(
    view: datasets.Dataset,
    columns: Columns,
    tokenizer: PreTrainedTokenizerBase | None,
    max_length: int | None,
    other_columns: list[str],
    digests: np.ndarray,
) -> SideReport:
    labels = _count_labels(view, columns.target)
    pieces = None if tokenizer is None else count_pieces(view, tokenizer)
    return SideReport(
        rows=len(view),
        other_columns=other_columns,
        empty_rows=sum(int(empty_rows(table).sum()) for table in arrow_batches(view)),
        repeated_rows=repeats_among(digests),
        labels=None if labels is None else {k: n for k, n in labels.most_common() if k},
        unlabelled=None if labels is None else labels[""],
        words=_percentiles(count_words(view)),
        word_pieces=None if pieces is None else _percentiles(pieces.lengths),
        unknown_share=None if pieces is None else pieces.unknown_share,
        truncated=_truncated(pieces, max_length),
    )


def _others(dataset: datasets.Dataset, columns: Columns) -> list[str]:
    """The columns of a data set that the task does not read."""
    read = {*columns.inputs.values(), columns.label}
    return [name for name in dataset.column_names if name not in read]


def _count_labels(view: datasets.Dataset, column: str) -> Counter[str] | None:
    """Rows (words, for tags) of each label; the missing ones under the empty text."""
    if column not in view.column_names:
        return None
    counts: Counter[str] = Counter()
    for table in arrow_batches(view.select_columns([column])):
        values = table[column]
        flat = pc.list_flatten(values) if pa.types.is_list(values.type) else values
        for found in flat.value_counts().to_pylist():
            counts[(found["values"] or "").strip()] += found["counts"]
    return counts


def _only_in(one: dict[str, int] | None, other: dict[str, int] | None) -> list[str]:
    """Labels that only the first side has, where both have labels."""
    return [] if one is None or other is None else sorted(set(one) - set(other))


def _truncated(pieces: PieceCounts | None, max_length: int | None) -> int | None:
    if pieces is None or max_length is None:
        return None
    return int((pieces.lengths > max_length).sum())


def _percentiles(lengths: np.ndarray) -> dict[str, float]:
    """Percentile -> length; empty where there are no rows."""
    if len(lengths) == 0:
        return {}
    found = np.percentile(lengths, PERCENTILES)
    return {str(p): float(value) for p, value in zip(PERCENTILES, found, strict=True)}
