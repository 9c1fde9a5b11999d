"""Classification of texts and of pairs of texts: one active position, the first, per example."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from datasets import Dataset
from transformers import PreTrainedTokenizerFast

from isogloss.data.columns import Columns, Kind
from isogloss.labels import LabelMap
from isogloss.tasks.base import Task, check_row_count
from isogloss.tasks.encoding import EncodedBatch, count_truncated, token_columns
from isogloss.tasks.metrics import classification_metrics


@dataclass(frozen=True, kw_only=True)
class _ExampleTask(Task):
    """What tasks with one label per example share."""

    headline: ClassVar[str] = "macro_f1"

    def flat_labels(self, dataset: Dataset) -> Iterator[str]:
        """Yield the label of every example, in order."""
        return self._label_rows(dataset)

    def decode(self, label_ids: np.ndarray, encoded: Dataset) -> list[str]:
        """Return the name of each example's class.

        Args:
            label_ids: (n,) ints in 0..k-1, one per example.
            encoded: the `Encoded.dataset` they were predicted for, n rows.
        """
        check_row_count(label_ids, len(encoded))
        return [self.known_labels.name(index) for index in label_ids.tolist()]

    def metrics(self, references: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
        """Return `accuracy` and `macro_f1`, both in [0, 1], of (n,) labels."""
        return classification_metrics(references, predictions)

    @abstractmethod
    def _texts(self, batch: dict[str, list[Any]]) -> tuple[list[str], ...]:
        """Return the one or two text columns of a batch."""

    def _collect(self, labels: Iterable[str], name: str) -> LabelMap:
        return LabelMap.from_names(labels, where=name)

    def _encoder(
        self, tokenizer: PreTrainedTokenizerFast, max_length: int, ids: dict[str, int] | None
    ) -> Callable[[dict[str, list[Any]]], EncodedBatch]:
        def encode(batch: dict[str, list[Any]]) -> EncodedBatch:
            encoding = tokenizer(
                *self._texts(batch),
                truncation="longest_first",
                max_length=max_length,
                return_attention_mask=False,
            )
            columns = token_columns(encoding)
            columns["active"] = [[0]] * len(columns["length"])
            if ids is not None:
                columns["labels"] = [[ids[label]] for label in batch["label"]]
            return EncodedBatch(columns, count_truncated(encoding))

        return encode


@dataclass(frozen=True, kw_only=True)
class SequenceClassification(_ExampleTask):
    """One label per text.

    Args:
        text: the user's column with the text.
        label: the user's column with the label.
        labels: the classes, once known.
    """

    kind: ClassVar[Kind] = "sequence"

    text: str = "text"
    label: str | None = "label"

    @property
    def columns(self) -> Columns:
        """The columns of the user's data that this task reads."""
        return Columns(kind=self.kind, text=self.text, label=self.label)

    def _texts(self, batch: dict[str, list[Any]]) -> tuple[list[str], ...]:
        return (batch["text"],)


@dataclass(frozen=True, kw_only=True)
class PairClassification(_ExampleTask):
    """One label per pair of texts, such as premise and hypothesis.

    Args:
        text: the user's column with the first text.
        text_pair: the user's column with the second text.
        label: the user's column with the label.
        labels: the classes, once known.
    """

    kind: ClassVar[Kind] = "pair"

    text: str = "text"
    text_pair: str = "text_pair"
    label: str | None = "label"

    @property
    def columns(self) -> Columns:
        """The columns of the user's data that this task reads."""
        return Columns(kind=self.kind, text=self.text, text_pair=self.text_pair, label=self.label)

    def _texts(self, batch: dict[str, list[Any]]) -> tuple[list[str], ...]:
        return batch["text"], batch["text_pair"]
