"""What every task offers: labels, encoding into active positions, decoding and scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset
from transformers import PreTrainedTokenizerFast

from isogloss.data.canonical import arrow_batches
from isogloss.data.columns import Columns, Kind
from isogloss.errors import IsoglossError
from isogloss.labels import LabelMap
from isogloss.tasks.caching import encoded_file
from isogloss.tasks.encoding import (
    Encoded,
    EncodedBatch,
    check_tokenizer,
    encode_batches,
    features,
    read_stored,
)

TaskT = TypeVar("TaskT", bound="Task")

_READ_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """One kind of classification; behind the encoder all kinds give the same flat rows.

    Args:
        labels: the classes, taken from the source (or given) and never rebuilt; `None` until
            `with_labels_from` sets them.
    """

    kind: ClassVar[Kind]
    headline: ClassVar[str]

    labels: LabelMap | None = None

    @property
    @abstractmethod
    def columns(self) -> Columns:
        """The columns of the user's data that this task reads."""

    @property
    def known_labels(self) -> LabelMap:
        """The labels; E204 where they are not set yet."""
        if self.labels is None:
            raise IsoglossError("E204")
        return self.labels

    @property
    def revise(self) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
        """What makes logits (n, k) of rows go together with those of their example (n,), or None.

        For `FeatureClassifier.revise`; E204 where the labels are not set yet.
        """
        return None

    def conform(self, dataset: Dataset, *, name: str) -> Dataset:
        """Bring the labels of a canonical data set into the form this task works with.

        Args:
            dataset: canonical rows, with or without labels.
            name: what a message calls the data.
        """
        return dataset

    def with_labels_from(
        self: TaskT, source: Dataset | LabelMap | Iterable[str], *, name: str = "the source"
    ) -> TaskT:
        """Return a copy that knows its labels.

        Args:
            source: conforming labelled rows, a label map, or the class names in order of their ids.
            name: what a message calls the source.

        Raises:
            IsoglossError: E205 without labels, E201 for fewer than two classes.
        """
        if isinstance(source, LabelMap):
            return replace(self, labels=source)
        if isinstance(source, Dataset):
            return replace(self, labels=self._collect(self._different_labels(source), name))
        return replace(self, labels=LabelMap(tuple(source)))

    def check_labels(self, dataset: Dataset, *, name: str) -> None:
        """Require that every label of a data set is known, if it has labels at all.

        Args:
            dataset: conforming rows of a source, target or test set.
            name: what the message calls the data.

        Raises:
            IsoglossError: E202 with the label and its row.
        """
        if self.columns.target not in dataset.column_names:
            return
        # Row by row only where there is a row to name.
        if not self._different_labels(dataset) <= set(self.known_labels.names):
            self.known_labels.check(self._label_rows(dataset), name)

    def encode(
        self,
        dataset: Dataset,
        tokenizer: PreTrainedTokenizerFast,
        *,
        max_length: int,
        with_labels: bool,
        cache: Path | None = None,
    ) -> Encoded:
        """Turn canonical rows into token ids and active positions.

        Args:
            dataset: conforming rows; labels already checked.
            tokenizer: a fast tokenizer.
            max_length: the longest sequence in tokens, special ones included; more is cut.
            with_labels: add the class ids, for which the rows must be labelled.
            cache: a folder to keep the result in and to take it from where it was made before,
                by the same tokenizer from the same rows; else it stays in memory.

        Raises:
            IsoglossError: E204 or E205 where there are no labels to encode, E206 for too small a
                `max_length`, E207 for a slow tokenizer, E121 where the cache cannot be written.
        """
        check_tokenizer(tokenizer, max_length, texts=2 if self.kind == "pair" else 1)
        labels = self.known_labels if with_labels else None
        if with_labels:
            self._require_labels(dataset)
        schema = features(tokenizer, with_labels=with_labels, words=self.kind == "token")
        encode = self._encoder(tokenizer, max_length, None if labels is None else labels.label2id)
        file = None
        if cache is not None:
            file = self._file_of(dataset, tokenizer, labels, max_length=max_length, folder=cache)
        kept = None if file is None else read_stored(file)
        return kept or encode_batches(dataset, encode, schema, cache_file=file)

    def references(self, dataset: Dataset) -> list[Any]:
        """Return the true labels: one name per row, or for tagging a list of tags per row.

        Raises:
            IsoglossError: E205 without labels.
        """
        return list(self._label_rows(dataset))

    def prior(self, dataset: Dataset) -> np.ndarray:
        """Return the share of each class among the labels (of examples, or of words).

        Args:
            dataset: conforming labelled rows, at least one.

        Returns:
            (k,) float64, sums to 1.

        Raises:
            IsoglossError: E204, E205, or E213 for a set without rows.
        """
        ids = self.known_labels.label2id
        found = np.array([ids[label] for label in self.flat_labels(dataset)], dtype=np.int64)
        if len(found) == 0:
            raise IsoglossError("E213")
        return np.bincount(found, minlength=len(ids)) / len(found)

    @abstractmethod
    def flat_labels(self, dataset: Dataset) -> Iterator[str]:
        """Yield the label of every example, or the tag of every word, in order."""

    @abstractmethod
    def decode(self, label_ids: np.ndarray, encoded: Dataset) -> list[Any]:
        """Turn class ids of flat rows back into labels.

        Args:
            label_ids: (n,) ints in 0..k-1, one per active position in the order of the data.
            encoded: the `Encoded.dataset` they were predicted for.

        Returns:
            One name per example, or for tagging a list with one valid IOB2 tag per word.
        """

    @abstractmethod
    def metrics(self, references: Any, predictions: Any) -> dict[str, float]:
        """Score predictions, each figure in [0, 1]; `headline` names the main one."""

    @abstractmethod
    def _collect(self, labels: Iterable[str], name: str) -> LabelMap:
        """Make the label map of the source's labels."""

    @abstractmethod
    def _encoder(
        self, tokenizer: PreTrainedTokenizerFast, max_length: int, ids: dict[str, int] | None
    ) -> Callable[[dict[str, list[Any]]], EncodedBatch]:
        """Return what encodes a batch; `ids` are the class ids, `None` for no labels."""

    def _file_of(
        self,
        dataset: Dataset,
        tokenizer: PreTrainedTokenizerFast,
        labels: LabelMap | None,
        *,
        max_length: int,
        folder: Path,
    ) -> Path:
        read = [*self.columns.inputs, *([] if labels is None else [self.columns.target])]
        return encoded_file(
            folder,
            dataset.select_columns(read),
            tokenizer,
            kind=self.kind,
            names=None if labels is None else labels.names,
            max_length=max_length,
        )

    def _label_rows(self, dataset: Dataset) -> Iterator[Any]:
        self._require_labels(dataset)
        column = self.columns.target
        for batch in dataset.select_columns(column).with_format(None).iter(_READ_ROWS):
            yield from batch[column]

    def _different_labels(self, dataset: Dataset) -> set[str]:
        self._require_labels(dataset)
        found: set[str] = set()
        for table in arrow_batches(dataset.select_columns(self.columns.target), rows=_READ_ROWS):
            column = table.column(0)
            flat = pc.list_flatten(column) if pa.types.is_list(column.type) else column
            found.update(flat.unique().to_pylist())
        return found

    def _require_labels(self, dataset: Dataset) -> None:
        column = self.columns.target
        if column not in dataset.column_names:
            there = ", ".join(dataset.column_names)
            raise IsoglossError("E205", column=column, columns=there)


def check_row_count(label_ids: np.ndarray, rows: int) -> None:
    """Require one class id per flat row.

    Raises:
        ValueError: the numbers differ, so ids and data do not belong together.
    """
    if label_ids.shape != (rows,):
        raise ValueError(f"{rows} flat rows, but class ids of shape {label_ids.shape}")
