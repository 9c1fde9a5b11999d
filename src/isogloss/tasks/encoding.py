"""Running a tokenizer over a data set, batch by batch, into an Arrow table of token ids."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset, Features, List, Value
from datasets.fingerprint import generate_random_fingerprint
from datasets.table import InMemoryTable
from transformers import BatchEncoding, PreTrainedTokenizerFast

from isogloss.data.atomic import naming, replacing
from isogloss.data.cache import open_whole
from isogloss.errors import IsoglossError

BATCH_ROWS = 1000
COUNTS = ("truncated", "lost_words")
COUNTS_KEY = b"isogloss.counts"


@dataclass(frozen=True)
class Encoded:
    """A data set as token ids.

    Args:
        dataset: one row per example, in the order of the input. `input_ids`; `token_type_ids`
            where the tokenizer makes them; `active`, the positions in `input_ids` that carry a
            prediction; `labels`, as long as `active`, where they were asked for; `length`, the
            number of ids. Token tasks add `words`, the number of words, and `active_words`, the
            word that each active position begins.
        truncated: the number of examples cut to the maximum length.
        lost_words: the number of words of a token task that have no active position, because they
            were cut off or the tokenizer makes nothing of them; they decode as `O`.
    """

    dataset: Dataset
    truncated: int
    lost_words: int


@dataclass(frozen=True)
class EncodedBatch:
    """The same for one batch: columns by name, and the two counts."""

    columns: dict[str, list[Any]]
    truncated: int
    lost_words: int = 0


def check_tokenizer(tokenizer: PreTrainedTokenizerFast, max_length: int, *, texts: int) -> None:
    """Require a fast tokenizer and room for at least one token of each text.

    Args:
        tokenizer: what will encode.
        max_length: the longest sequence, in tokens, special ones included.
        texts: 1, or 2 for pairs.

    Raises:
        IsoglossError: E207 for a slow tokenizer, E206 for too small a length.
    """
    if not tokenizer.is_fast:
        raise IsoglossError("E207", tokenizer=type(tokenizer).__name__)
    minimum = tokenizer.num_special_tokens_to_add(pair=texts == 2) + texts
    if max_length < minimum:
        raise IsoglossError("E206", max_length=max_length, minimum=minimum)


def features(tokenizer: PreTrainedTokenizerFast, *, with_labels: bool, words: bool) -> Features:
    """Return the columns of `Encoded.dataset` and their types."""
    columns: dict[str, Any] = {"input_ids": List(Value("int32"))}
    if "token_type_ids" in tokenizer.model_input_names:
        columns["token_type_ids"] = List(Value("int8"))
    columns["active"] = List(Value("int32"))
    if with_labels:
        columns["labels"] = List(Value("int32"))
    columns["length"] = Value("int32")
    if words:
        columns["words"] = Value("int32")
        columns["active_words"] = List(Value("int32"))
    return Features(columns)


def token_columns(encoding: BatchEncoding) -> dict[str, list[Any]]:
    """Return `input_ids`, `length` and, where made, `token_type_ids` of an encoded batch."""
    columns = {
        "input_ids": encoding["input_ids"],
        "length": [len(r) for r in encoding["input_ids"]],
    }
    if "token_type_ids" in encoding:
        columns["token_type_ids"] = encoding["token_type_ids"]
    return columns


def count_truncated(encoding: BatchEncoding) -> int:
    """Return how many examples of a batch were cut."""
    return sum(bool(example.overflowing) for example in encoding.encodings or ())


def encode_batches(
    dataset: Dataset,
    encode: Callable[[dict[str, list[Any]]], EncodedBatch],
    schema: Features,
    *,
    cache_file: Path | None,
) -> Encoded:
    """Encode a data set batch by batch.

    Args:
        dataset: canonical rows.
        encode: what turns a batch of columns into a batch of encoded ones.
        schema: the columns that `encode` makes.
        cache_file: where to keep the result, to be read through a memory map; in memory if `None`.
    """
    counts = dict.fromkeys(COUNTS, 0)

    def tables() -> Iterator[pa.Table]:
        for batch in dataset.with_format(None).iter(BATCH_ROWS):
            encoded = encode(batch)
            for name in COUNTS:
                counts[name] += getattr(encoded, name)
            yield pa.Table.from_pydict(encoded.columns, schema=schema.arrow_schema)

    rows = store(tables(), schema, cache_file=cache_file, counts=counts)
    return Encoded(rows, **counts)


def store(
    tables: Iterable[pa.Table],
    schema: Features,
    *,
    cache_file: Path | None,
    counts: Mapping[str, int] | None = None,
) -> Dataset:
    """Gather Arrow tables into a data set.

    Args:
        tables: consecutive rows, each table with the columns of `schema`.
        schema: the data set's columns.
        cache_file: the Arrow file to write, complete or not at all; in memory if `None`.
        counts: written with the file, as they stand when the last table has been taken.

    Raises:
        IsoglossError: E121 where the file cannot be written.
    """
    if cache_file is None:
        table = pa.concat_tables([schema.arrow_schema.empty_table(), *tables])
        return Dataset(InMemoryTable(table), fingerprint=generate_random_fingerprint())
    with (
        naming(cache_file),
        replacing(cache_file) as unfinished,
        pa.OSFile(str(unfinished), "wb") as sink,
        pa.ipc.new_stream(sink, schema.arrow_schema) as writer,
    ):
        for table in tables:
            writer.write_table(table)
        if counts is not None:
            # An Arrow stream has no place at its end but an empty batch.
            empty = pa.RecordBatch.from_pylist([], schema=schema.arrow_schema)
            writer.write_batch(empty, custom_metadata={COUNTS_KEY: json.dumps(dict(counts))})
    return Dataset.from_file(str(cache_file))


def read_stored(cache_file: Path) -> Encoded | None:
    """What `encode_batches` kept in a file; `None` where there is no whole one."""
    dataset = open_whole(cache_file)
    if dataset is None:
        return None
    with pa.memory_map(str(cache_file)) as source, pa.ipc.open_stream(source) as reader:
        metadata = [found for _, found in reader.iter_batches_with_custom_metadata()]
    if not metadata or metadata[-1] is None or COUNTS_KEY not in metadata[-1]:
        return None
    return Encoded(dataset, **json.loads(metadata[-1][COUNTS_KEY]))
