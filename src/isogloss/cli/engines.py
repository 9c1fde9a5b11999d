"""The options of commands that Ray can carry out."""

from __future__ import annotations

from typing import Annotated

import typer

ENGINES = ("local", "ray")
PANEL = "Where it runs"

Engine = Annotated[
    str,
    typer.Option(
        metavar="local|ray",
        help="Who does the work: this process, or Ray (isogloss[ray]), several at a time.",
        rich_help_panel=PANEL,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Of a Ray cluster to join (default: one on this machine alone).",
        rich_help_panel=PANEL,
    ),
]


def check_engine(engine: str, address: str | None) -> None:
    """Refuse an engine that there is not, and an address that none would look at."""
    if engine not in ENGINES:
        raise typer.BadParameter(
            f"{engine!r} is none of {', '.join(ENGINES)}", param_hint="--engine"
        )
    if address is not None and engine != "ray":
        raise typer.BadParameter("is of a Ray cluster; add --engine ray", param_hint="--address")
