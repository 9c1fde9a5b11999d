"""Lengths of inputs, in words and in word pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import datasets
import numpy as np
from transformers import PreTrainedTokenizerBase

from isogloss.data.canonical import arrow_batches
from isogloss.data.overlap import INPUTS


@dataclass(frozen=True)
class PieceCounts:
    """Word pieces of a data set.

    Attributes:
        lengths: (n,) word pieces of each input, special ones included.
        unknown_share: share of the pieces, special ones left out, that are unknown; 0 to 1.
    """

    lengths: np.ndarray
    unknown_share: float


def count_words(view: datasets.Dataset) -> np.ndarray:
    """Words (n,) of each input of a canonical data set: those of both texts, for pairs."""
    return np.array([sum(map(_words, row)) for row in _input_rows(view)], dtype=np.int64)


def count_pieces(view: datasets.Dataset, tokenizer: PreTrainedTokenizerBase) -> PieceCounts:
    """Word pieces of each input of a canonical data set, nothing cut off.

    Words of a sentence are joined by spaces; missing texts count as empty.
    """
    unknown_piece = tokenizer.unk_token_id
    specials = np.array([i for i in tokenizer.all_special_ids if i != unknown_piece])
    lengths = [np.zeros(0, dtype=np.int64)]
    unknown = pieces = 0
    for rows in _in_chunks(_input_rows(view), size=1000):
        texts = [[_joined(value) for value in column] for column in zip(*rows, strict=True)]
        encoded = _ids(tokenizer, texts)
        lengths.append(np.array([len(ids) for ids in encoded], dtype=np.int64))
        flat = np.fromiter(chain.from_iterable(encoded), dtype=np.int64)
        unknown += int((flat == unknown_piece).sum())
        pieces += int((~np.isin(flat, specials)).sum())
    return PieceCounts(np.concatenate(lengths), unknown / max(pieces, 1))


def _ids(tokenizer: PreTrainedTokenizerBase, texts: list[list[str]]) -> list[list[int]]:
    """The word pieces of each input; masks and types, which nobody looks at, are not made."""
    encoding = tokenizer(
        *texts,
        truncation=False,
        verbose=False,
        return_attention_mask=False,
        return_token_type_ids=False,
    )
    ids: list[list[int]] = encoding["input_ids"]
    return ids


def _input_rows(view: datasets.Dataset) -> Iterator[tuple[Any, ...]]:
    columns = [column for column in INPUTS if column in view.column_names]
    for table in arrow_batches(view.select_columns(columns)):
        yield from zip(*(table[column].to_pylist() for column in columns), strict=True)


def _in_chunks(rows: Iterator[Any], *, size: int) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _words(value: str | list[str] | None) -> int:
    return len(value.split()) if isinstance(value, str) else len(value or [])


def _joined(value: str | list[str | None] | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return " ".join(word or "" for word in value)
