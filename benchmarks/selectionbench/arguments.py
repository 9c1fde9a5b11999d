"""Options of the benchmarks that work on what `quality.py` left."""

from __future__ import annotations

import argparse
from pathlib import Path

from quality import RESULTS
from selectionbench.cases import DEFAULT_CANDIDATES, candidate_names


def add_shared_arguments(parser: argparse.ArgumentParser, *, output: str, draws: int) -> None:
    """Add the runs and candidates to work on.

    Args:
        parser: of the benchmark.
        output: default folder of what is measured.
        draws: default number of draws of each other balance.
    """
    parser.add_argument("--runs", type=Path, default=Path("runs/quality"), help="of quality.py")
    parser.add_argument("--results", type=Path, default=RESULTS, help="of quality.py")
    parser.add_argument("--set", action="append", default=[], help="as quality.py was given it")
    parser.add_argument("--output", type=Path, default=Path(output))
    parser.add_argument("--candidates", type=_names, default=DEFAULT_CANDIDATES)
    parser.add_argument("--draws", type=int, default=draws, help="of each other balance")
    parser.add_argument("--tune", action="store_true", help="show what other constants would do")


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options given; a candidate that is no method of the grid, nor its average, is refused."""
    options = parser.parse_args()
    for name in options.candidates:
        if name not in candidate_names():
            parser.error(f"{name!r} is none of {', '.join(candidate_names())}")
    return options


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))
