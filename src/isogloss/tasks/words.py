"""Which token ids begin which word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class FirstPieces:
    """The first piece of each word of a sentence that has one.

    Args:
        positions: indices into the token ids, ascending.
        words: the word that each of them begins, ascending.
    """

    positions: list[int]
    words: list[int]


def first_pieces(word_ids: Sequence[int | None]) -> FirstPieces:
    """Find the first piece of each word.

    Args:
        word_ids: per token the index of its word, `None` for special tokens.
    """
    positions: list[int] = []
    words: list[int] = []
    before: int | None = None
    for position, word in enumerate(word_ids):
        if word is not None and word != before:
            positions.append(position)
            words.append(word)
        before = word
    return FirstPieces(positions, words)


def needs_spaces(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Say whether words must bring along the space before them to be encoded as in running text.

    Tokenizers that keep the space as a part of the word's first piece, but do not add one of their
    own (byte-level ones of the RoBERTa and ModernBERT kind, Gemma's), would glue the words of a
    list together.

    Args:
        tokenizer: a fast tokenizer.
    """
    text = _pretokenized(tokenizer, "a a")
    return text != _pretokenized(tokenizer, "a") * 2 and text == (
        _pretokenized(tokenizer, "a") + _pretokenized(tokenizer, " a")
    )


def with_spaces(words: Sequence[str]) -> list[str]:
    """Put a space before every word but the first, empty words left as they are."""
    return [f" {word}" if word and index else word for index, word in enumerate(words)]


def _pretokenized(tokenizer: PreTrainedTokenizerFast, text: str) -> str:
    backend = tokenizer.backend_tokenizer
    if backend.normalizer is not None:
        text = backend.normalizer.normalize_str(text)
    if backend.pre_tokenizer is None:
        return text
    return "".join(piece for piece, _ in backend.pre_tokenizer.pre_tokenize_str(text))
