"""Errors and warnings of isogloss, which carry a message with its code (`messages.py`)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from string import Formatter
from typing import Any

from isogloss.messages import ERRORS, WARNINGS

__all__ = ["ERRORS", "WARNINGS", "IsoglossError", "IsoglossWarning", "noted_warnings", "warn"]

# In characters. What a message is filled with may come out of a file, and be as long as it.
LONGEST_FIELD = 1_000


class _Shortened(Formatter):
    """Fills messages, with an ellipsis for the end of what is long."""

    def format_field(self, value: Any, format_spec: str) -> str:
        shown = str(super().format_field(value, format_spec))
        return shown if len(shown) <= LONGEST_FIELD else f"{shown[:LONGEST_FIELD]}…"


class IsoglossError(Exception):
    """A problem that the user can mend, with a stable code.

    Attributes:
        code: the key in `ERRORS`, such as `"E101"`.
        fields: what the sentence was filled with.
    """

    def __init__(self, code: str, **fields: Any) -> None:
        self.code = code
        self.fields = fields
        super().__init__(f"{code}: {_Shortened().format(ERRORS[code], **fields)}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.code, self.fields)


class IsoglossWarning(UserWarning):
    """Something the user should know and may ignore; its text begins with its code."""


def _rebuild(code: str, fields: dict[str, Any]) -> IsoglossError:
    return IsoglossError(code, **fields)


_notes: ContextVar[tuple[list[str], ...]] = ContextVar("notes", default=())


@contextmanager
def noted_warnings() -> Iterator[list[str]]:
    """A list of the texts of all warnings of ours issued in the body, each once, in their order.

    They are issued as always; a body within a body notes in both lists.
    """
    texts: list[str] = []
    before = _notes.set((*_notes.get(), texts))
    try:
        yield texts
    finally:
        _notes.reset(before)


def warn(code: str, *, stacklevel: int = 2, **fields: Any) -> None:
    """Issue the warning `code` of `WARNINGS`, filled with `fields`."""
    text = f"{code}: {_Shortened().format(WARNINGS[code], **fields)}"
    for texts in _notes.get():
        if text not in texts:
            texts.append(text)
    warnings.warn(text, IsoglossWarning, stacklevel=stacklevel + 1)
