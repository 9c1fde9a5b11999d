"""Finding a corpus's files in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isogloss.errors import IsoglossError
from isogloss.paper.corpora import CORPORA, Layout


@dataclass(frozen=True)
class Found:
    """A file of a corpus.

    Attributes:
        path: of the file.
        layout: how it lies there.
        language: its code.
    """

    path: Path
    layout: Layout
    language: str


def find(folder: Path, corpus: str, language: str, split: str) -> Found:
    """The file with one split of a language.

    Args:
        folder: of the corpus, or one that has it under the corpus's name.
        corpus: a key of `CORPORA`.
        language: one of its codes.
        split: `"train"`, `"validation"` or `"test"`.

    Raises:
        IsoglossError: E801 where there is none, with the names that were looked for.
    """
    for name, layout in candidates(corpus, language, split):
        for base in (folder / corpus, folder):
            if (base / name).is_file():
                return Found(base / name, layout, language)
    looked = [name for name, _ in candidates(corpus, language, split)]
    raise IsoglossError(
        "E801", folder=folder, corpus=corpus, language=language, split=split, names=listed(looked)
    )


def candidates(corpus: str, language: str, split: str) -> Iterator[tuple[str, Layout]]:
    """The names that a file may have within the folder, best first."""
    for layout in CORPORA[corpus].layouts:
        for name in layout.splits.get(split, ()):
            spelled = layout.languages.get(language, language)
            yield layout.pattern.format(language=spelled, split=name), layout


def listed(names: list[str], most: int = 8) -> str:
    """The first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} other forms" if more > 0 else "")
