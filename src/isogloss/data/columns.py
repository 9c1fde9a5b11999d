"""Which columns of a data set a task reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["sequence", "pair", "token"]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a data set that hold the input and the label.

    Args:
        kind: `"sequence"` (one text, one label), `"pair"` (two texts, one label) or
            `"token"` (one tag per word).
        text: the column with the text, or for `"token"` the one with the words.
        text_pair: the column with the second text; only for `"pair"`.
        label: the column with the label, or for `"token"` the one with the tags; `None`
            where there is none to read.
    """

    kind: Kind
    text: str
    text_pair: str | None = None
    label: str | None = "label"

    @property
    def inputs(self) -> dict[str, str]:
        """Canonical name of each input column -> its name in the data set."""
        if self.kind == "token":
            return {"tokens": self.text}
        names = {"text": self.text}
        if self.kind == "pair" and self.text_pair is not None:
            names["text_pair"] = self.text_pair
        return names

    @property
    def target(self) -> str:
        """Canonical name of the label column: `"tags"` for `"token"`, else `"label"`."""
        return "tags" if self.kind == "token" else "label"
