from __future__ import annotations

import pytest

from isogloss.data.conll import read_conll, read_conll_columns


def sentences(path, *, batch_rows=2):
    columns: dict[str, list] = {}
    for batch in read_conll(path, batch_rows=batch_rows):
        for name, values in batch.items():
            columns.setdefault(name, []).extend(values)
    return columns


@pytest.mark.parametrize("gap", ["\t", " ", "   "])
def test_first_column_word_last_column_tag(write, gap):
    lines = [["EU", "NNP", "B-ORG"], ["rejects", "VBZ", "O"], [], [], ["Peter", "NNP", "B-PER"]]
    path = write("a.conll", "\r\n".join(gap.join(line) for line in lines))
    assert sentences(path) == {
        "tokens": [["EU", "rejects"], ["Peter"]],
        "tags": [["B-ORG", "O"], ["B-PER"]],
    }


def test_one_column_is_unlabelled(write):
    path = write("a.conll", "EU\nrejects\n\nPeter\n")
    assert read_conll_columns(path) == ["tokens"]
    assert sentences(path) == {"tokens": [["EU", "rejects"], ["Peter"]]}


def test_document_starts_and_comments_are_passed_over(write):
    content = (
        "-DOCSTART- -X- O\n\n# sent_id = 7\n# text = a # b\nEU B-ORG\n# O\n\n"
        "# id 5f\tdomain=en\nPeter B-PER\n\n# O\nup O\n"
    )
    assert sentences(write("a.conll", content)) == {
        "tokens": [["EU", "#"], ["Peter"], ["#", "up"]],
        "tags": [["B-ORG", "O"], ["B-PER"], ["O", "O"]],
    }


def test_words_may_hold_any_space_but_space_and_tab(write):
    content = "\u00a0\tO\nNew York\tB-LOC\n#\tO\n#a=b\tO\n\u2028\tO\n"
    assert sentences(write("a.conll", content))["tokens"] == [
        ["\u00a0", "New York", "#", "#a=b", "\u2028"]
    ]


def test_batches_hold_at_most_so_many_sentences(write):
    path = write("a.conll", "a O\n\n" * 5)
    sizes = [len(batch["tokens"]) for batch in read_conll(path, batch_rows=2)]
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("content", ["", "\n \n\t\n", "-DOCSTART- O\n\n"])
def test_no_sentence_at_all(write, raises, content):
    with raises("E102", "a.conll"):
        sentences(write("a.conll", content))


def test_ragged_lines_are_named(write, raises):
    with raises("E113", "a.conll, line 4: 1 columns", "have 2"):
        sentences(write("a.conll", "a\tO\nb\tO\n\nc\n"))
    with raises("E113", "line 2: 3 columns"):
        sentences(write("b.conll", "a O\nb x O\n"))


@pytest.mark.parametrize("line", ["\tO", "word\t", " \tO"])
def test_an_empty_word_or_tag_is_named(write, raises, line):
    with raises("E127", "a.conll, line 2"):
        sentences(write("a.conll", f"a\tO\n{line}\n"))


def test_real_files_have_as_many_words_as_tags(real_data):
    columns = sentences(real_data / "wikiann" / "sw.train.conll", batch_rows=100)
    assert len(columns["tokens"]) == 1000
    assert [len(row) for row in columns["tokens"]] == [len(row) for row in columns["tags"]]
    assert {tag for row in columns["tags"] for tag in row} == {
        "O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC",
    }  # fmt: skip
