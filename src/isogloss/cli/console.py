"""Tables, bars and numbers on the terminal. User text goes in as `Text`, never as markup."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

# Wide enough for every table of ours where the output is a file or a pipe.
_PIPE_WIDTH = 120


def stdout() -> Console:
    """A console for results, made anew so that it writes to the present stdout."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


# They join or part letters and the pictures of an emoji, and turn nothing around.
_JOINERS = "\u200c\u200d"


def printable(text: str) -> str:
    """`text` with control characters written out, so that no terminal obeys them.

    Among them are line ends, and the marks that turn the writing direction around.
    """
    return "".join(
        c if c.isprintable() or c in _JOINERS else c.encode("unicode_escape").decode() for c in text
    )


def one_line(text: str) -> str:
    """`text` on one line, its white space collapsed, with control characters written out."""
    return printable(" ".join(text.split()))


def json_text(values: object) -> str:
    """`values` as JSON to read, in which no character can act on a terminal."""
    text = json.dumps(values, indent=2, ensure_ascii=False)
    return "".join(
        c if c.isprintable() or c in _JOINERS or c == "\n" else json.dumps(c)[1:-1] for c in text
    )


def say(console: Console, text: str) -> None:
    """Print one line, however long, with control characters written out."""
    console.print(Text(printable(text)), soft_wrap=True)


def cell(text: object, style: str = "") -> Text:
    """User text for a table."""
    return Text(one_line(str(text)), style=style, overflow="fold")


def percent(share: float | None, digits: int = 1) -> str:
    """A share, 0 to 1, as a percentage; a dash for `None`."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def bar(share: float, *, width: int, ascii_only: bool = False) -> str:
    """A horizontal bar.

    Args:
        share: 0 to 1 of the width; others are cut off.
        width: of the longest bar, in characters.
        ascii_only: for a terminal without block characters.

    Returns:
        At most `width` characters; at least a sliver where `share` is above 0.
    """
    share = min(max(share, 0.0), 1.0)
    if ascii_only:
        return "#" * max(round(share * width), int(share > 0))
    eighths = max(round(share * width * 8), int(share > 0))
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (chr(0x2590 - rest) if rest else "")


def table(title: str, columns: Sequence[str], *, kinds: str = "") -> Table:
    """An empty table.

    Args:
        title: above it.
        columns: the headings.
        kinds: a letter for each column: t text, n number, b bar; by default one of text and the
            rest of numbers.
    """
    out = Table(
        title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for name, kind in zip(columns, kinds or "t" + "n" * (len(columns) - 1), strict=True):
        # Right-aligned cells would lose the spaces that bars end in.
        justify: Literal["left", "right"] = "right" if kind == "n" else "left"
        out.add_column(cell(name), justify=justify, no_wrap=kind != "t", overflow="fold")
    return out


def share_cell(share: float, largest: float, *, ascii_only: bool) -> Text:
    """A percentage with a bar scaled to the largest share of the table."""
    drawn = bar(share / largest if largest else 0.0, width=8, ascii_only=ascii_only)
    return Text.assemble(f"{percent(share):>7} ", (f"{drawn:<8}", "cyan"))


def stacked(*parts: RenderableType) -> Group:
    """Parts below each other, with an empty line between."""
    spaced: list[RenderableType] = []
    for part in parts:
        spaced += [part, Text("")]
    return Group(*spaced[:-1])


def duration(seconds: float) -> str:
    """A time such as "42 s", "3 min 12 s" or "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
