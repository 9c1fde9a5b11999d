"""Files in forms of their own, made such that `isogloss.load` reads them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from isogloss.data.formats import SEPARATORS
from isogloss.data.textfile import read_lines
from isogloss.errors import IsoglossError
from isogloss.paper.corpora import CORPORA, Corpus
from isogloss.paper.local import Found

# Rewrites a file into another one; None where it can be read as it is.
Rewrite = Callable[[Found, str, Path], bool]


def plain(found: Found, corpus: str, to: Path) -> bool:
    """A file that needs nothing."""
    return False


def maybe_headerless(found: Found, corpus: str, to: Path) -> bool:
    """A CSV or TSV file, which gets a header where it has none."""
    separator = SEPARATORS[found.layout.format]
    with found.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = next(csv.reader(file, delimiter=separator), [])
    if has_header(first, CORPORA[corpus]):
        return False
    header = header_for(first, CORPORA[corpus], name=found.path.name)
    with to.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=separator).writerow(header)
        file.writelines(read_lines(found.path))
    return True


def unquoted(found: Found, corpus: str, to: Path) -> bool:
    """A TSV file whose quotes are characters like others."""
    rows = (line.rstrip("\r\n").split("\t") for line in read_lines(found.path))
    first = next(rows, [])
    header = first
    with to.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        if not has_header(first, CORPORA[corpus]):
            header = header_for(first, CORPORA[corpus], name=found.path.name)
            writer.writerow(header)
        writer.writerow(first)
        writer.writerows(rows)
    return True


def words(found: Found, corpus: str, to: Path) -> bool:
    """A CoNLL file whose words may have the language before them, as in "en:word"."""
    prefix = f"{found.language}:"
    first = next((line for line in read_lines(found.path) if line.strip()), "")
    if not first.startswith(prefix):
        return False
    with to.open("w", encoding="utf-8", newline="") as file:
        file.writelines(line.removeprefix(prefix) for line in read_lines(found.path))
    return True


def maybe_latin_1(found: Found, corpus: str, to: Path) -> bool:
    """A file of the shared tasks, which were given out in Latin-1."""
    try:
        for _ in read_lines(found.path):
            pass
    except IsoglossError:
        with (
            found.path.open(encoding="latin-1", newline="") as old,
            to.open("w", encoding="utf-8", newline="") as new,
        ):
            new.writelines(old)
        return True
    return False


FORMS: dict[str, Rewrite] = {
    "plain": plain,
    "maybe-headerless": maybe_headerless,
    "unquoted": unquoted,
    "words": words,
    "maybe-latin-1": maybe_latin_1,
}


def has_header(cells: list[str], corpus: Corpus) -> bool:
    """Whether a first row names columns of the corpus, and not a label and texts."""
    known = {name for names in corpus.columns.values() for name in names}
    return len(known & set(cells)) > 1


def header_for(cells: list[str], corpus: Corpus, *, name: str) -> list[str]:
    """Column names for the rows of a file without a header.

    The label is the first column where that holds one, else the last; the texts are the last ones
    of the others (before them may stand a title, or the originals of translations).

    Args:
        cells: the first row.
        corpus: knows its labels.
        name: of the file.

    Raises:
        IsoglossError: E814 where no label stands there, or too few columns.
    """
    texts = [column for column in corpus.columns if column != "label"]
    spellings = {*corpus.labels, *corpus.same}
    places = [at for at in (0, len(cells) - 1) if cells and cells[at].strip() in spellings]
    if not places or len(cells) < 1 + len(texts):
        raise IsoglossError("E814", name=name, labels=", ".join(corpus.labels))
    others = [at for at in range(len(cells)) if at != places[0]]
    header = [f"column {at}" for at in range(len(cells))]
    header[places[0]] = "label"
    for at, text in zip(others[-len(texts) :], texts, strict=True):
        header[at] = text
    return header
