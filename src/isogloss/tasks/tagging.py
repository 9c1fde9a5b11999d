"""IOB tags: recognising the scheme of a data set, and bringing tags into valid IOB2.

In IOB2 every entity begins with `B-<type>` and goes on with `I-<type>`. In IOB1 it begins with
`I-<type>` too, and `B-<type>` only parts it from an entity of the same type right before it.
Tags without a type (`B`, `I`) are allowed and count as one type of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from isogloss.errors import IsoglossError, warn

OUTSIDE = "O"

# What can become of a predicted I tag that continues no entity of its type.
ORPHANS = ("begin", "outside")

Scheme = Literal["IOB1", "IOB2", "mixed"]


@dataclass
class _Evidence:
    """What speaks against IOB2 (orphans) and against IOB1 (begins that part nothing)."""

    orphans: int = 0
    needless_begins: int = 0
    first_tag: str = ""
    first_row: int = 0


def is_tag(tag: str) -> bool:
    """Say whether a string is `O`, or `B` or `I` with or without `-<type>`."""
    return tag in (OUTSIDE, "B", "I") or (tag[:2] in ("B-", "I-") and len(tag) > 2)


def entity_type(tag: str) -> str | None:
    """Return the type of a tag: `None` for `O`, empty for a tag without a type."""
    return None if tag == OUTSIDE else tag[2:]


def complete(tags: Iterable[str]) -> list[str]:
    """Return `O` and, for every entity type among the tags, both its B and its I tag."""
    types = {kind for kind in map(entity_type, tags) if kind is not None}
    return [OUTSIDE, *(_tag(prefix, kind) for kind in sorted(types) for prefix in "BI")]


def recognise(sentences: Iterable[Sequence[str]], *, where: str) -> Scheme:
    """Recognise the scheme of a whole data set.

    Args:
        sentences: the tags of each sentence.
        where: what a message calls the data.

    Returns:
        `"IOB2"` where every I tag continues an entity of its type (also where there are no
        entities at all); else `"IOB1"` where every B tag parts two entities of one type; else
        `"mixed"`, with warning W201.

    Raises:
        IsoglossError: E203 for the first tag of another scheme, with its row counted from 1.
    """
    evidence = _Evidence()
    valid: set[str] = set()
    for row, tags in enumerate(sentences, start=1):
        for tag in set(tags) - valid:
            if not is_tag(tag):
                first = next(tag for tag in tags if not is_tag(tag))
                raise IsoglossError("E203", tag=first, row=row, where=where)
            valid.add(tag)
        _weigh(tags, row, evidence)
    if evidence.orphans == 0:
        return "IOB2"
    if evidence.needless_begins == 0:
        return "IOB1"
    tag, row, count = evidence.first_tag, evidence.first_row, evidence.orphans
    warn("W201", stacklevel=3, where=where, tag=tag, row=row, count=count)
    return "mixed"


def iob1_to_iob2(tags: Sequence[str]) -> list[str]:
    """Turn every I tag that begins an entity into a B tag.

    Args:
        tags: the IOB1 tags of one sentence.
    """
    return [
        _tag("B", tag[2:]) if tag[0] == "I" and kind_before != tag[2:] else tag
        for kind_before, tag in _with_type_before(tags)
    ]


def repair(tags: Sequence[str], orphans: str = "begin") -> list[str]:
    """Bring predicted tags into valid IOB2.

    Args:
        tags: the predicted tags of one sentence.
        orphans: what becomes of an I tag that continues no entity of its type: `"begin"`, it begins
            one; `"outside"`, it is `O`.

    References:
        Palen-Michel, Holley & Lignos, Eval4NLP 2021 (SeqScore): `begin` is the repair of the CoNLL
        evaluation, `outside` what strict scoring makes of such tags.
    """
    return iob1_to_iob2(tags) if orphans == "begin" else drop_orphans(tags)


def begin_orphans(logits: np.ndarray, sentences: np.ndarray, *, names: Sequence[str]) -> np.ndarray:
    """Logits under which an I tag that would continue no entity of its type begins one.

    Where the most probable tag of a word is such a tag, it and the B tag of its type change places,
    so that the tags that come out are those of `repair`, and as probable as before.

    Args:
        logits: (n, k) one row a word.
        sentences: (n,) the sentence of each word; those of one stand together, in order.
        names: the k tags. A type without a B tag is left as it is.

    Returns:
        (n, k), a copy.
    """
    kinds = {kind: place for place, kind in enumerate(sorted({_kind(name) for name in names}))}
    kind_of = np.array([kinds[_kind(name)] for name in names])
    places = {name: place for place, name in enumerate(names)}
    begin_of = np.array([places.get(f"B{name[1:]}", -1) for name in names])
    goes_on = np.array([name[0] == "I" for name in names]) & (begin_of >= 0)
    found = logits.copy()
    if len(logits) == 0:
        return found
    best = logits.argmax(axis=1)
    kind = kind_of[best]
    continues = np.zeros(len(best), dtype=bool)
    continues[1:] = (sentences[1:] == sentences[:-1]) & (kind[1:] == kind[:-1])
    rows = np.flatnonzero(goes_on[best] & ~continues)
    old, new = best[rows], begin_of[best[rows]]
    found[rows, old], found[rows, new] = logits[rows, new], logits[rows, old]
    return found


def drop_orphans(tags: Sequence[str]) -> list[str]:
    """Turn every I tag that continues no entity of its type into `O`.

    Strict IOB2 scoring finds the same entities before and after.

    Args:
        tags: the predicted tags of one sentence.
    """
    kept: list[str] = []
    kind_before: str | None = None
    for tag in tags:
        orphan = tag[0] == "I" and kind_before != tag[2:]
        kept.append(OUTSIDE if orphan else tag)
        kind_before = entity_type(kept[-1])
    return kept


def entities(tags: Iterable[str]) -> set[tuple[str, int, int]]:
    """Find the entities of one sentence under strict IOB2.

    Args:
        tags: the tag of each word. An I tag that continues no entity of its type is passed over.

    Returns:
        Type, first word and last word of each.
    """
    found: set[tuple[str, int, int]] = set()
    begin, kind = -1, ""
    for place, tag in enumerate([*tags, OUTSIDE]):
        if begin >= 0 and not (tag[0] == "I" and tag[2:] == kind):
            found.add((kind, begin, place - 1))
            begin = -1
        if tag[0] == "B":
            begin, kind = place, tag[2:]
    return found


def _weigh(tags: Sequence[str], row: int, evidence: _Evidence) -> None:
    for kind_before, tag in _with_type_before(tags):
        if tag == OUTSIDE or kind_before == tag[2:]:
            continue
        if tag[0] == "B":
            evidence.needless_begins += 1
            continue
        if evidence.orphans == 0:
            evidence.first_tag, evidence.first_row = tag, row
        evidence.orphans += 1


def _with_type_before(tags: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    kind_before: str | None = None
    for tag in tags:
        yield kind_before, tag
        kind_before = entity_type(tag)


def _kind(tag: str) -> str:
    """The type of a tag as something to sort by, unlike that of `O`."""
    return "" if tag == OUTSIDE else f"-{tag[2:]}"


def _tag(prefix: str, kind: str) -> str:
    return f"{prefix}-{kind}" if kind else prefix
