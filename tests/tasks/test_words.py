from __future__ import annotations

import pytest

from isogloss.tasks.words import first_pieces, needs_spaces, with_spaces
from tests.helpers.tokenizers import (
    TEXTS,
    byte_level_tokenizer,
    space_marking_tokenizer,
    unigram_tokenizer,
    wordpiece_tokenizer,
)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (wordpiece_tokenizer, False),
        (unigram_tokenizer, False),
        (byte_level_tokenizer, True),
        (lambda: byte_level_tokenizer(add_prefix_space=True), False),
        (space_marking_tokenizer, True),
    ],
)
def test_tokenizers_that_need_spaces_are_told_apart(build, expected):
    assert needs_spaces(build()) is expected


@pytest.mark.parametrize("build", [byte_level_tokenizer, space_marking_tokenizer])
@pytest.mark.parametrize("text", [*TEXTS, "Zoë x 東京 Anna"])
def test_spaced_words_are_encoded_as_running_text(build, text):
    tokenizer = build()
    words = text.split()
    running = tokenizer(text)["input_ids"]
    spaced = tokenizer(with_spaces(words), is_split_into_words=True)["input_ids"]
    glued = tokenizer(words, is_split_into_words=True)["input_ids"]
    assert spaced == running
    assert glued != running


def test_only_words_after_the_first_get_a_space():
    assert with_spaces(["a", "b", "", "c"]) == ["a", " b", "", " c"]
    assert with_spaces([]) == []


def test_first_pieces_are_where_the_word_changes():
    found = first_pieces([None, 0, 0, 2, 3, 3, None, None])
    assert found.positions == [1, 3, 4]
    assert found.words == [0, 2, 3]
    assert first_pieces([None, None]).positions == []
