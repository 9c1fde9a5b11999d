"""What there is to choose from: the finished methods of a pair, shift and seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isogloss.recipes.candidates import CANDIDATE
from isogloss.recipes.methods import AVERAGE, stages_of
from qualitybench.grid import METHODS, NATURAL, PAIRS, Cell, place_of
from qualitybench.runs import AVERAGE_TEST, TEST

ZERO_SHOT, ALIGNED, LAST = "zero-shot", "iwda", "iwda+st"
# Every rule can be followed where these are there.
NEEDED = (ZERO_SHOT, ALIGNED, LAST)
# What the recipe `auto` trains.
DEFAULT_CANDIDATES = (ZERO_SHOT, ALIGNED, "iwda+kd", LAST)


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Target and test rows of a case drawn anew for another class balance.

    Attributes:
        strength: total variation from the balance that they have, in 0..1.
        number: of the draw.
    """

    strength: float
    number: int


@dataclass(frozen=True, kw_only=True)
class Case:
    """One choice to make.

    Attributes:
        pair: of the quality benchmark.
        shift: of it.
        seed: of it.
        methods: that are finished, the zero-shot model first; the average of a method's weights
            behind it, under its name and `AVERAGE`, where averages are candidates.
        root: of the quality benchmark.
        draw: of its rows, or None for all of them.
    """

    pair: str
    shift: str
    seed: int
    methods: tuple[str, ...]
    root: Path
    draw: Draw | None = None

    @property
    def key(self) -> str:
        """A name that no other case has."""
        name = f"{self.pair}/{self.shift}/seed-{self.seed}"
        if self.draw is None:
            return name
        return f"{name}/drawn-{self.draw.strength}-{self.draw.number}"

    @property
    def tagging(self) -> bool:
        """Whether rows are words of sentences."""
        return PAIRS[self.pair].task == "token"

    @property
    def jury(self) -> dict[str, str]:
        """The lineage of each method that has a voice; see `isogloss.selection.weigh_candidates`.

        An average of weights has none, as in a run.
        """
        return {method: lineage(method) for method in self.methods if trained(method) == method}

    def run(self, method: str) -> Path:
        """The folder of a method's run."""
        return self.root / "runs" / self.cell(method).key

    def cell(self, method: str) -> Cell:
        """Its place in the grid."""
        return Cell(pair=self.pair, shift=self.shift, method=trained(method), seed=self.seed)

    def stage(self, method: str) -> Path:
        """The folder of its last stage, which is named after the recipe."""
        end = method.removeprefix(trained(method))
        return self.run(method) / "stages" / (METHODS[trained(method)].recipe + end)

    def files(self, method: str) -> tuple[Path, Path]:
        """What it says of both sides without labels, and of the test set."""
        test = TEST if trained(method) == method else AVERAGE_TEST
        return self.stage(method) / CANDIDATE, self.run(method) / test

    @property
    def stamp(self) -> str:
        """Changes when a method comes or one of its files does."""
        facts = [
            (method, [path.stat().st_mtime_ns for path in self.files(method)])
            for method in self.methods
        ]
        return hashlib.sha256(repr((self.key, facts)).encode()).hexdigest()[:16]

    def drawn(self, strengths: Iterable[float], draws: int) -> list[Case]:
        """The same case under other balances.

        None for tagging, where words go by sentences, and where the balance is no natural one.
        """
        if self.tagging or self.shift != NATURAL:
            return []
        return [
            replace(self, draw=Draw(strength=strength, number=number))
            for strength in strengths
            for number in range(draws)
        ]


def trained(candidate: str) -> str:
    """The method that a candidate is of: its own name, or that of what was averaged."""
    return candidate.removesuffix(AVERAGE)


def lineage(method: str) -> str:
    """The method that first trained the weights which this one goes on from."""
    recipe, shared = METHODS[method].recipe, METHODS[method].shared
    if shared is None or stages_of(recipe)[-1].method == "distill":
        return method
    return lineage(shared)


def candidate_names() -> list[str]:
    """All that can be a candidate: each method of the grid, and behind it its average."""
    return [name + end for name in METHODS for end in ("", AVERAGE)]


def find_cases(
    root: Path,
    records: Iterable[dict[str, Any]],
    wanted: Sequence[str],
    *,
    needed: Sequence[str] = NEEDED,
) -> tuple[list[Case], list[str]]:
    """The cases that every rule can be followed in.

    Args:
        root: of the quality benchmark.
        records: of it, each a finished run.
        wanted: methods that count as candidates, and averages of methods.
        needed: methods without which there is no case.

    Returns:
        The cases, in the order of the grid, and a sentence for each that is left out.
    """
    there: dict[tuple[str, str, int], set[str]] = {}
    for record in records:
        place = (record["pair"], record["shift"], record["seed"])
        there.setdefault(place, set()).add(record["method"])
    cases, left_out = [], []
    for (pair, shift, seed), found in there.items():
        methods = tuple(
            name for name in candidate_names() if name in wanted and trained(name) in found
        )
        case = Case(pair=pair, shift=shift, seed=seed, methods=methods, root=root)
        missing = _missing(case, needed)
        if missing:
            left_out.append(f"{case.key}: {', '.join(missing)} not there yet")
        else:
            cases.append(case)
    return sorted(cases, key=_place), left_out


def _missing(case: Case, needed: Sequence[str]) -> list[str]:
    methods = [name for name in needed if name not in case.methods]
    files = [path for method in case.methods for path in case.files(method)]
    return methods + [str(path.relative_to(case.root)) for path in files if not path.is_file()]


def _place(case: Case) -> tuple[tuple[int, str], int]:
    return place_of(case.pair, case.shift), case.seed
