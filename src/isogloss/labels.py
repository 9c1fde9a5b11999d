"""The one map between label names and class ids that a whole run uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from isogloss.errors import IsoglossError

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_NAMES_SHOWN = 20


@dataclass(frozen=True)
class LabelMap:
    """Names of the k classes; a name's position is its class id.

    Args:
        names: the k class names, k >= 2, all different.

    Raises:
        IsoglossError: E200 for a name given twice, E201 for fewer than two names.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        repeated = [name for name in self.names if self.names.count(name) > 1]
        if repeated:
            raise IsoglossError("E200", label=repeated[0])
        if len(self.names) < 2:
            raise too_few(self.names, where="the label map")

    @classmethod
    def from_names(
        cls, names: Iterable[str], *, tags: bool = False, where: str = "the data"
    ) -> LabelMap:
        """Collect the different names in an order that does not depend on the rows' order.

        Args:
            names: labels as they occur, repeats allowed.
            tags: the names are IOB2 tags: `O` first, then by entity type, B before I.
            where: what an error message calls the data they come from.

        Returns:
            The map; numbers are ordered by value if every name is one, other names by code point.

        Raises:
            IsoglossError: E201 for fewer than two different names.
        """
        found = set(names)
        if len(found) < 2:
            raise too_few(found, where=where)
        if tags:
            return cls(tuple(sorted(found, key=_tag_key)))
        if all(_NUMBER.fullmatch(name) for name in found):
            return cls(tuple(sorted(found, key=lambda name: (float(name), name))))
        return cls(tuple(sorted(found)))

    @classmethod
    def from_id2label(cls, id2label: Mapping[int, str] | Mapping[str, str]) -> LabelMap:
        """Read the `id2label` of a model configuration, whose ids may be strings.

        Args:
            id2label: class id, 0 to k - 1, -> name.

        Raises:
            IsoglossError: E212 for ids other than 0 to k - 1; E200 and E201 as above.
        """
        by_id = {int(index): name for index, name in id2label.items()}
        if sorted(by_id) != list(range(len(by_id))):
            raise IsoglossError("E212", ids=_listed(map(str, by_id)), last=len(by_id) - 1)
        return cls(tuple(by_id[index] for index in range(len(by_id))))

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def label2id(self) -> dict[str, int]:
        """Name -> class id, 0 to k - 1."""
        return {name: index for index, name in enumerate(self.names)}

    @property
    def id2label(self) -> dict[int, str]:
        """Class id, 0 to k - 1, -> name."""
        return dict(enumerate(self.names))

    def id(self, name: str) -> int:
        """Return the class id, 0 to k - 1, of a known name; a KeyError for any other."""
        return self.label2id[name]

    def name(self, index: int) -> str:
        """Return the name of a class id, 0 to k - 1."""
        return self.names[index]

    def check(self, rows: Iterable[str | Sequence[str]], where: str) -> None:
        """Require that every label of a data set is known.

        Args:
            rows: per row one label, or for tagging one label per word.
            where: what an error message calls the data.

        Raises:
            IsoglossError: E202 with the first unknown label and its row, counted from 1.
        """
        known = self.label2id
        for number, row in enumerate(rows, start=1):
            for label in (row,) if isinstance(row, str) else row:
                if label not in known:
                    names = _listed(self.names)
                    raise IsoglossError("E202", label=label, row=number, where=where, names=names)


def too_few(names: Iterable[str], *, where: str) -> IsoglossError:
    """E201, to raise where `names` are fewer than two classes."""
    return IsoglossError("E201", where=where, names=_listed(names) or "none")


def _tag_key(tag: str) -> tuple[bool, str, str]:
    return tag != "O", tag[2:], tag


def _listed(names: Iterable[str]) -> str:
    ordered = list(names)
    rest = len(ordered) - _NAMES_SHOWN
    shown = ", ".join(ordered[:_NAMES_SHOWN])
    return f"{shown} and {rest} more" if rest > 0 else shown
