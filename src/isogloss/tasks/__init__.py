"""Kinds of classification: their columns, labels, encoding, decoding and scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isogloss.errors import IsoglossError
from isogloss.labels import LabelMap
from isogloss.tasks.base import Task
from isogloss.tasks.encoding import Encoded
from isogloss.tasks.sequence import PairClassification, SequenceClassification
from isogloss.tasks.token import TokenClassification

__all__ = [
    "Encoded",
    "PairClassification",
    "SequenceClassification",
    "Task",
    "TokenClassification",
    "make_task",
]

_TASKS: dict[str, type[Task]] = {
    task.kind: task for task in (SequenceClassification, PairClassification, TokenClassification)
}


def make_task(
    kind: str,
    *,
    text: str | None = None,
    text_pair: str | None = None,
    label: str | None = None,
    labels: LabelMap | Sequence[str] | None = None,
    orphan_tags: str | None = None,
) -> Task:
    """Make a task from plain settings.

    Args:
        kind: `"sequence"`, `"pair"` or `"token"`.
        text: the column with the text, by default `"text"`, or `"tokens"` for words.
        text_pair: the column with the second text of a pair, by default `"text_pair"`.
        label: the column with the label, by default `"label"`, or `"tags"` for words.
        labels: the classes in the order of their ids, by default taken from the source.
        orphan_tags: of words: what becomes of a predicted I tag that continues no entity, `"begin"`
            (the default) or `"outside"`; nothing to other kinds.

    Raises:
        IsoglossError: E208 for an unknown kind, E209 for a `text_pair` without a pair; E200,
            E201, E210 or E211 for unfit labels; E640 for `orphan_tags`.
    """
    if kind not in _TASKS:
        raise IsoglossError("E208", kind=kind, kinds=", ".join(_TASKS))
    if kind != "pair" and text_pair is not None:
        raise IsoglossError("E209", kind=kind, text_pair=text_pair)
    settings: dict[str, Any] = {"text": text, "text_pair": text_pair, "label": label}
    if kind == "token":
        settings["orphan_tags"] = orphan_tags
    task = _TASKS[kind](**{key: value for key, value in settings.items() if value is not None})
    return task if labels is None else task.with_labels_from(labels)
