"""A way to provoke every error through the command line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Place:
    """Where a case runs: `world` is shared and only read, `tmp` is its own."""

    world: Path
    tmp: Path
    patch: pytest.MonkeyPatch

    def copy(self, name: str) -> Path:
        """A copy of a folder of the world, to damage."""
        return shutil.copytree(self.world / name, self.tmp / name, symlinks=True)


@dataclass(frozen=True)
class Case:
    """A command that ends in an error.

    Attributes:
        command: arguments as a shell takes them; {w} is the world, {t} the case's own folder.
        files: written to the case's folder first, by name.
        before: what else has to be done first.
    """

    command: str
    files: dict[str, str | bytes] = field(default_factory=dict)
    before: Callable[[Place], object] | None = None


ADAPT = (
    "adapt --source {w}/en.csv --target {w}/de.csv --model {w}/encoder --max-steps 1 "
    "-o {t}/new --recipe zero-shot"
)
