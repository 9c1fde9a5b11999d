"""Sentences of CoNLL files: one word a line, its tag in the last column, blank lines between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from isogloss.data.textfile import in_batches, read_lines
from isogloss.errors import IsoglossError

# "# key = value" and "# id 7 domain=en"; a tagged word "#" has no such text after a space.
COMMENT = re.compile(r"# +[^\s=].*=")
DOCUMENT = "-DOCSTART-"
# In words. Bounds the memory that a file without blank lines can take.
LONGEST_SENTENCE = 1_000_000


@dataclass
class _Layout:
    """How the lines of a file are cut, decided at its first line with a word."""

    name: str
    tabs: bool = False
    columns: int = 0

    def cut(self, line: str, *, number: int) -> tuple[str, str]:
        """The word and the tag of a line (the same where there is one column)."""
        if not self.columns:
            self.tabs = "\t" in line
        # Only spaces and tabs separate: a word may be a no-break space.
        cells = line.split("\t") if self.tabs else re.split(r"[ \t]+", line.strip(" \t"))
        self.columns = self.columns or len(cells)
        if len(cells) != self.columns:
            raise IsoglossError(
                "E113", name=self.name, line=number, found=len(cells), expected=self.columns
            )
        word, tag = cells[0].strip(" "), cells[-1].strip(" ")
        if not word or not tag:
            raise IsoglossError("E127", name=self.name, place=f"line {number}")
        return word, tag


@dataclass
class _Sentence:
    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    characters: int = 0


def read_conll_columns(path: Path) -> list[str]:
    """`["tokens", "tags"]`, or `["tokens"]` where the file has only one column.

    Raises:
        IsoglossError: E102 if the file has no sentence, E103, E127.
    """
    layout = _Layout(path.name)
    if next(_sentences(path, layout), None) is None:
        raise IsoglossError("E102", name=path.name)
    return ["tokens", "tags"] if layout.columns > 1 else ["tokens"]


def read_conll(path: Path, *, batch_rows: int) -> Iterator[dict[str, list[list[str]]]]:
    """Batches of sentences of a CoNLL file, in file order: `tokens` and, if there, `tags`.

    The first column is the word, the last one the tag. Document starts (`-DOCSTART-`) and
    comments before a sentence (`# key = value`) are passed over.

    Args:
        path: the file, UTF-8 with or without a byte order mark.
        batch_rows: the most sentences in a batch.

    Raises:
        IsoglossError: E102, E103, E113 for a ragged line, E127 for an empty word or tag, E134,
            E136 for a sentence that does not end.
    """
    names = read_conll_columns(path)
    sentences = ((s, s.characters) for s in _sentences(path, _Layout(path.name)))
    for batch in in_batches(sentences, batch_rows=batch_rows):
        yield {name: [getattr(sentence, name) for sentence in batch] for name in names}


def _sentences(path: Path, layout: _Layout) -> Iterator[_Sentence]:
    sentence = _Sentence()
    for number, raw in enumerate(read_lines(path), start=1):
        line = raw.rstrip("\r\n")
        if not line.strip(" \t"):
            if sentence.tokens:
                yield sentence
                sentence = _Sentence()
        elif not (line.startswith(DOCUMENT) or (not sentence.tokens and COMMENT.match(line))):
            if len(sentence.tokens) == LONGEST_SENTENCE:
                raise IsoglossError("E136", name=path.name, line=number, most=LONGEST_SENTENCE)
            word, tag = layout.cut(line, number=number)
            sentence.tokens.append(word)
            sentence.tags.append(tag)
            sentence.characters += len(line)
    if sentence.tokens:
        yield sentence
