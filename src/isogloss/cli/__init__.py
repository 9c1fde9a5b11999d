"""The command line: the only place of isogloss that prints or reads arguments."""

from __future__ import annotations

from isogloss.cli.app import main

__all__ = ["main"]
