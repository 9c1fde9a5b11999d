"""Known facts about class shares, from the texts of options."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.errors import IsoglossError

if TYPE_CHECKING:
    from isogloss.recipes.facts import NamedFacts


def read_facts(
    *,
    bounds: Sequence[str],
    order: Sequence[str],
    belief: str | None,
    strength: float | None,
    labelled: Path | None,
) -> NamedFacts:
    """The facts that the options name.

    Args:
        bounds: `LABEL=LOW:HIGH` or `LABEL=SHARE`, each.
        order: `A>=B`, each.
        belief: `LABEL=SHARE,...` or the name of a JSON file.
        strength: of the belief, in rows.
        labelled: a file of labelled target rows.

    Raises:
        IsoglossError: E646 to E649 for a text that does not say what it should, E425 for a belief
            without strength or a strength without belief.
    """
    from isogloss.recipes.facts import NamedFacts

    if (belief is None) != (strength is None):
        raise IsoglossError("E425")
    return NamedFacts(
        bounds=read_bounds(bounds),
        order=tuple(read_order(text) for text in order),
        belief=None if belief is None else read_belief(belief),
        strength=strength or 0.0,
        labelled=labelled,
    )


def read_bounds(texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Label -> lowest and highest share.

    Raises:
        IsoglossError: E646 for a text of another form, E649 for a label named twice.
    """
    bounds: dict[str, tuple[float, float]] = {}
    for text in texts:
        # From the right: a label may hold an equals sign, a share cannot.
        label, equals, shares = text.rpartition("=")
        low, colon, high = shares.partition(":")
        pair = as_share(low), as_share(high if colon else low)
        if not equals or not label or pair[0] is None or pair[1] is None:
            raise IsoglossError("E646", text=text)
        if label in bounds:
            raise IsoglossError("E649", label=label)
        bounds[label] = (pair[0], pair[1])
    return bounds


def read_order(text: str) -> tuple[str, str]:
    """The two labels of `A>=B`.

    Raises:
        IsoglossError: E647 for a text of another form.
    """
    labels = [label.strip() for label in text.split(">=")]
    if len(labels) != 2 or not all(labels):
        raise IsoglossError("E647", text=text)
    return labels[0], labels[1]


def read_belief(text: str) -> dict[str, float]:
    """Label -> share, from `LABEL=SHARE,...` or from a JSON file.

    Raises:
        IsoglossError: E648 for a text or file of another form, E101 for a file that is not there.
    """
    if text.lower().endswith(".json"):
        return _belief_in_file(Path(text))
    return read_shares(text, code="E648")


def read_shares(text: str, *, code: str) -> dict[str, float]:
    """Label -> share, from `LABEL=SHARE,...`; a label may hold commas and equals signs.

    Args:
        text: of the option.
        code: of the error for a text of another form.
    """
    shares: dict[str, float] = {}
    unread: list[str] = []
    for part in text.split(","):
        unread.append(part)
        # From the right: a label may hold an equals sign, a share cannot.
        label, equals, number = ",".join(unread).rpartition("=")
        label, share = label.strip(), as_share(number)
        if not equals or share is None:
            # Until a share ends it, what stands before a comma is of a label.
            continue
        if not label:
            break
        if label in shares:
            raise IsoglossError(code, text=text, why=f"{label!r} is there twice")
        shares[label] = share
        unread = []
    if unread:
        raise IsoglossError(code, text=text, why=f"{','.join(unread)!r} is not LABEL=SHARE")
    return shares


def _belief_in_file(path: Path) -> dict[str, float]:
    if not path.is_file():
        raise IsoglossError("E101", path=path)
    try:
        values = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise IsoglossError("E648", text=str(path), why=str(error)) from error
    if not isinstance(values, dict):
        raise IsoglossError("E648", text=str(path), why="it is not a JSON object")
    belief = {}
    for label, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 < value < 1e9:
            raise IsoglossError("E648", text=str(path), why=f"{value!r} is not a share")
        belief[label] = float(value)
    return belief


def as_share(value: str | float) -> float | None:
    """The finite number that a text holds, or None."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
