from __future__ import annotations

import pytest
from datasets import Dataset

from isogloss.data.lengths import count_pieces, count_words
from tests.helpers.tokenizers import wordpiece_tokenizer


def test_words():
    assert count_words(Dataset.from_dict({"text": ["a b  c", "", None]})).tolist() == [3, 0, 0]
    pairs = Dataset.from_dict({"text": ["a b"], "text_pair": ["c"]})
    assert count_words(pairs).tolist() == [3]
    sentences = Dataset.from_dict({"tokens": [["a b", "c"], [], None]})
    assert count_words(sentences).tolist() == [2, 0, 0]


def test_pieces_are_those_of_the_tokenizer():
    tokenizer = wordpiece_tokenizer(["ab cd"])
    rows = Dataset.from_dict({"text": ["ab cd", "a", "€ ab", None]})
    counts = count_pieces(rows, tokenizer)
    assert counts.lengths.tolist() == [4, 3, 4, 2]
    assert counts.unknown_share == pytest.approx(1 / 5)


def test_pieces_of_pairs_and_sentences():
    tokenizer = wordpiece_tokenizer(["ab cd"])
    pairs = Dataset.from_dict({"text": ["ab"], "text_pair": ["cd ab"]})
    assert count_pieces(pairs, tokenizer).lengths.tolist() == [3 + 3]
    sentences = Dataset.from_dict({"tokens": [["ab", "cd"], []]})
    assert count_pieces(sentences, tokenizer).lengths.tolist() == [4, 2]


def test_many_rows_and_none():
    tokenizer = wordpiece_tokenizer(["ab"])
    rows = Dataset.from_dict({"text": ["ab " * (i % 7) for i in range(2300)]})
    assert count_pieces(rows, tokenizer).lengths.tolist() == [2 + i % 7 for i in range(2300)]
    nothing = count_pieces(rows.select([]), tokenizer)
    assert nothing.lengths.tolist() == []
    assert nothing.unknown_share == 0
