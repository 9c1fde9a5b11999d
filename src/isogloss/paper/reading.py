"""One split of a corpus's language, from a folder or from the hub, under canonical columns."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import datasets
import pyarrow as pa
from datasets import Dataset

from isogloss.data.canonical import canonical
from isogloss.data.columns import Columns
from isogloss.data.formats import listed
from isogloss.data.loading import load
from isogloss.errors import IsoglossError
from isogloss.paper.corpora import CORPORA, Corpus
from isogloss.paper.forms import FORMS
from isogloss.paper.local import Found, find

# In place of a folder: have the data from the hub.
HUB = "hub"


def read_split(where: str, corpus: str, language: str, split: str) -> Dataset:
    """Read one split.

    Args:
        where: a folder, or `HUB`.
        corpus: a key of `CORPORA`.
        language: one of its codes.
        split: `"train"`, `"validation"` or `"test"`.

    Returns:
        `text`, for pairs `text_pair`, and `label`; or `tokens` and `tags`. Labels are text.

    Raises:
        IsoglossError: E801 to E804, E813, E814; E1xx for what is in a file; E118 for the hub.
    """
    if where == HUB:
        name = f"{corpus} ({language}, {split})"
        return conform(from_hub(corpus, language, split), corpus, name=name)
    if not Path(where).is_dir():
        raise IsoglossError("E813", folder=where)
    found = find(Path(where), corpus, language, split)
    return conform(from_file(found, corpus), corpus, name=found.path.name)


def from_file(found: Found, corpus: str) -> Dataset:
    """The rows of a file, those of its language."""
    layout = found.layout
    with tempfile.TemporaryDirectory() as folder:
        rewritten = Path(folder) / found.path.name
        changed = FORMS[layout.form](found, corpus, rewritten)
        rows = load(rewritten if changed else found.path, format=layout.format)
    column = layout.language_column
    if column is None or column not in rows.column_names:
        return rows
    chosen = [at for at, code in enumerate(rows[column]) if code == found.language]
    if not chosen:
        raise IsoglossError("E815", name=found.path.name, language=found.language)
    return rows.select(chosen)


def from_hub(corpus: str, language: str, split: str) -> Dataset:
    """The rows that the hub has.

    Raises:
        IsoglossError: E802 for a corpus that was withdrawn, E803 for a language that it has not,
            E118 where it cannot be had.
    """
    known = CORPORA[corpus]
    if not known.hub:
        raise IsoglossError("E802", title=known.title)
    if language not in known.hub:
        raise IsoglossError("E803", title=known.title, language=language, corpus=corpus)
    place = known.hub[language]
    try:
        return datasets.load_dataset(place.id, place.config, split=split, revision=place.revision)
    # The hub's client raises errors of several libraries that share no base class.
    except Exception as error:
        name = place.id + (f":{place.config}" if place.config else "")
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise IsoglossError("E118", name=name, reason=reason) from error


def conform(rows: Dataset, corpus: str, *, name: str) -> Dataset:
    """Rows under canonical columns, their labels spelled in one way.

    Raises:
        IsoglossError: E804 for a label that the corpus has not; E105, E106 for missing columns.
    """
    known = CORPORA[corpus]
    view = canonical(rows, columns_of(known, rows), side="source", name=name, labels="required")
    if known.kind == "token":
        return view
    labels = spelled(view["label"], known, name=name)
    return view.remove_columns("label").add_column("label", pa.array(labels, pa.string()))


def columns_of(corpus: Corpus, rows: Dataset) -> Columns:
    """The columns by the names that they have in these rows."""
    present = {
        column: next((name for name in names if name in rows.column_names), names[0])
        for column, names in corpus.columns.items()
    }
    return Columns(
        kind=corpus.kind,
        text=present.get("text") or present["tokens"],
        text_pair=present.get("text_pair"),
        label=present.get("label") or present["tags"],
    )


def spelled(labels: Iterable[str | None], corpus: Corpus, *, name: str) -> list[str]:
    """Labels as the corpus spells them.

    Raises:
        IsoglossError: E804 for another, with its row.
    """
    out = []
    for row, label in enumerate(labels, start=1):
        one = corpus.same.get(str(label), str(label))
        if one not in corpus.labels:
            known = listed(corpus.labels)
            raise IsoglossError("E804", name=name, row=row, label=str(label), known=known)
        out.append(one)
    return out
