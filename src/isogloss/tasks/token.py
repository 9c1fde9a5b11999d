"""Tagging of words: one active position per word, its first piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from datasets import Dataset
from transformers import PreTrainedTokenizerFast

from isogloss.data.columns import Columns, Kind
from isogloss.errors import IsoglossError
from isogloss.labels import LabelMap
from isogloss.tasks import tagging
from isogloss.tasks.base import Task, check_row_count
from isogloss.tasks.encoding import (
    BATCH_ROWS,
    EncodedBatch,
    count_truncated,
    store,
    token_columns,
)
from isogloss.tasks.metrics import tagging_metrics
from isogloss.tasks.words import first_pieces, needs_spaces, with_spaces


@dataclass(frozen=True, kw_only=True)
class TokenClassification(Task):
    """One IOB2 tag per word.

    Args:
        text: the user's column with the words.
        label: the user's column with the tags.
        labels: the tags, once known.
        orphan_tags: what becomes of a predicted I tag that continues no entity of its type, see
            `tagging.repair`. A classifier that knows a word's type in another language often does
            not know that an entity begins there.

    Raises:
        IsoglossError: E210 for a label that is no IOB2 tag, E211 where `O` is not among them,
            E640 for another choice of `orphan_tags`.
    """

    kind: ClassVar[Kind] = "token"
    headline: ClassVar[str] = "f1"

    text: str = "tokens"
    label: str | None = "tags"
    orphan_tags: str = "begin"

    def __post_init__(self) -> None:
        if self.orphan_tags not in tagging.ORPHANS:
            wanted = f"one of {', '.join(tagging.ORPHANS)}"
            raise IsoglossError("E640", name="orphan_tags", value=self.orphan_tags, wanted=wanted)
        if self.labels is None:
            return
        strange = [name for name in self.labels.names if not tagging.is_tag(name)]
        if strange:
            raise IsoglossError("E210", label=strange[0])
        if tagging.OUTSIDE not in self.labels.names:
            raise IsoglossError("E211", names=", ".join(self.labels.names))

    @property
    def columns(self) -> Columns:
        """The columns of the user's data that this task reads."""
        return Columns(kind=self.kind, text=self.text, label=self.label)

    @property
    def revise(self) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
        """Makes tags begin entities, see `tagging.begin_orphans`; None where `O` is made of them.

        So estimates, pseudo-labels, teachers and choices see the tags that are served.
        """
        if self.orphan_tags != "begin":
            return None
        return partial(tagging.begin_orphans, names=self.known_labels.names)

    def conform(self, dataset: Dataset, *, name: str) -> Dataset:
        """Check the tags and turn IOB1 into IOB2; the scheme is recognised over all rows.

        Args:
            dataset: canonical rows, with or without tags.
            name: what a message calls the data.

        Returns:
            The rows with IOB2 tags; as they were where the scheme is mixed (warning W201).

        Raises:
            IsoglossError: E203 for the first tag of another scheme, with its row.
        """
        if "tags" not in dataset.column_names:
            return dataset
        if tagging.recognise(self._label_rows(dataset), where=name) != "IOB1":
            return dataset
        return store(_converted(dataset), dataset.features, cache_file=None)

    def flat_labels(self, dataset: Dataset) -> Iterator[str]:
        """Yield the tag of every word, in order."""
        for tags in self._label_rows(dataset):
            yield from tags

    def decode(self, label_ids: np.ndarray, encoded: Dataset) -> list[list[str]]:
        """Return valid IOB2 tags, one per word of each sentence.

        A word without an active position gets `O`. An I tag that continues no entity of its type
        begins one, or gets `O`, too, as `orphan_tags` says.

        Args:
            label_ids: (n,) ints in 0..k-1, one per active position in the order of the data.
            encoded: the `Encoded.dataset` they were predicted for.
        """
        names = [self.known_labels.name(index) for index in label_ids.tolist()]
        sentences: list[list[str]] = []
        start = 0
        layout = encoded.select_columns(["words", "active_words"]).with_format(None)
        for batch in layout.iter(BATCH_ROWS):
            for words, active in zip(batch["words"], batch["active_words"], strict=True):
                found = dict(zip(active, names[start : start + len(active)], strict=False))
                tags = [found.get(word, tagging.OUTSIDE) for word in range(words)]
                start += len(active)
                sentences.append(tagging.repair(tags, self.orphan_tags))
        check_row_count(label_ids, start)
        return sentences

    def metrics(
        self, references: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]]
    ) -> dict[str, float]:
        """Return `precision`, `recall` and `f1` of entities and `accuracy` of words, in [0, 1]."""
        return tagging_metrics(references, predictions)

    def _collect(self, labels: Iterable[str], name: str) -> LabelMap:
        return LabelMap.from_names(tagging.complete(set(labels)), tags=True, where=name)

    def _encoder(
        self, tokenizer: PreTrainedTokenizerFast, max_length: int, ids: dict[str, int] | None
    ) -> Callable[[dict[str, list[Any]]], EncodedBatch]:
        spaced = needs_spaces(tokenizer)

        def encode(batch: dict[str, list[Any]]) -> EncodedBatch:
            sentences = batch["tokens"]
            encoding = tokenizer(
                [with_spaces(words) for words in sentences] if spaced else sentences,
                is_split_into_words=True,
                truncation=True,
                max_length=max_length,
                return_attention_mask=False,
            )
            columns = token_columns(encoding)
            pieces = [first_pieces(example.word_ids) for example in encoding.encodings or ()]
            columns["words"] = [len(words) for words in sentences]
            columns["active"] = [found.positions for found in pieces]
            columns["active_words"] = [found.words for found in pieces]
            if ids is not None:
                columns["labels"] = [
                    [ids[tags[word]] for word in found.words]
                    for tags, found in zip(batch["tags"], pieces, strict=True)
                ]
            lost = sum(columns["words"]) - sum(len(found.words) for found in pieces)
            return EncodedBatch(columns, count_truncated(encoding), lost)

        return encode


def _converted(dataset: Dataset) -> Iterator[pa.Table]:
    index = dataset.column_names.index("tags")
    for table in dataset.with_format("arrow").iter(BATCH_ROWS):
        tags = [tagging.iob1_to_iob2(sentence) for sentence in table["tags"].to_pylist()]
        yield table.set_column(index, table.schema.field(index), pa.array(tags, table["tags"].type))
