"""What a user knows of the target's class shares, from label names to class ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from isogloss.data.loading import load, name_of
from isogloss.data.preparing import prepare
from isogloss.errors import IsoglossError
from isogloss.labels import LabelMap
from isogloss.labelshift.facts import KnownFacts
from isogloss.labelshift.sampled import labelled_facts
from isogloss.tasks import Task

# Fields of messages that hold a class id.
_CLASS_FIELDS = ("class_id", "first", "second")


@dataclass(frozen=True, kw_only=True)
class NamedFacts:
    """Known facts about the target's class shares, by label.

    Attributes:
        bounds: label -> its lowest and highest share, each in 0..1; equal where it is known.
        order: pairs of labels, the first of which has at least the share of the second.
        belief: label -> the share thought likely, for every label; they sum to 1.
        strength: what the belief weighs, in labelled target rows, >= 0.
        labelled: a file with a few labelled rows drawn at random from the target.
    """

    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    order: tuple[tuple[str, str], ...] = ()
    belief: Mapping[str, float] | None = None
    strength: float = 0.0
    labelled: str | Path | None = None

    def resolve(self, task: Task) -> KnownFacts | None:
        """The same by class id, or None where nothing is known.

        Args:
            task: knows its labels, and the columns of the labelled file.

        Raises:
            IsoglossError: E534 for a label that the run does not have, E535 for a belief that
                leaves labels out; E1xx, E202 for the labelled file; E4xx for facts that cannot be.
        """
        if self == NamedFacts():
            return None
        labels = task.known_labels
        bounds = {_id(labels, name, "bound"): pair for name, pair in self.bounds.items()}
        order = [(_id(labels, a, "order"), _id(labels, b, "order")) for a, b in self.order]
        known = KnownFacts(
            bounds=bounds,
            order=tuple(order),
            belief=None if self.belief is None else _belief(labels, self.belief),
            strength=self.strength,
        )
        if self.labelled is not None:
            known = _joined(known, _labelled(task, self.labelled))
        with _classes_by_name(labels):
            known.check(len(labels))
        return known


@contextmanager
def _classes_by_name(labels: LabelMap) -> Iterator[None]:
    """Give messages that number classes their names instead."""
    try:
        yield
    except IsoglossError as error:
        numbered = {name: error.fields[name] for name in _CLASS_FIELDS if name in error.fields}
        if not numbered:
            raise
        named = {field: f"'{labels.name(index)}'" for field, index in numbered.items()}
        raise IsoglossError(error.code, **(error.fields | named)) from error


def _id(labels: LabelMap, name: str, fact: str) -> int:
    if name not in labels.label2id:
        raise IsoglossError("E534", fact=fact, label=name, names=", ".join(labels.names))
    return labels.id(name)


def _belief(labels: LabelMap, shares: Mapping[str, float]) -> np.ndarray:
    """(k,) the belief in the order of the labels."""
    belief = np.zeros(len(labels))
    for name, share in shares.items():
        belief[_id(labels, name, "belief")] = share
    missing = [name for name in labels.names if name not in shares]
    if missing:
        raise IsoglossError("E535", names=", ".join(missing))
    return belief


def _labelled(task: Task, where: str | Path) -> KnownFacts:
    """What the labelled rows say; the words of a sentence tell less than as many rows."""
    name = name_of(where)
    rows = prepare(load(where), task.columns, side="target", name=name, labels="required")
    rows = task.conform(rows, name=name)
    task.check_labels(rows, name=name)
    ids = task.known_labels.label2id
    classes = np.array([ids[label] for label in task.flat_labels(rows)], dtype=np.int64)
    lengths = [len(tags) for tags in rows["tags"]] if task.kind == "token" else None
    groups = None if lengths is None else np.repeat(np.arange(len(lengths)), lengths)
    return labelled_facts(classes, groups, num_classes=len(ids))


def _joined(known: KnownFacts, told: KnownFacts) -> KnownFacts:
    """Facts with what labelled rows say; two beliefs weigh as many rows as both together."""
    if told.belief is None or known.belief is None:
        belief = known.belief if told.belief is None else told.belief
        strength = known.strength if told.belief is None else told.strength
    else:
        strength = known.strength + told.strength
        first, second = (np.asarray(each.belief, dtype=float) for each in (known, told))
        belief = (known.strength * first + told.strength * second) / strength
    return replace(known, belief=belief, strength=strength, labelled=told.labelled)
