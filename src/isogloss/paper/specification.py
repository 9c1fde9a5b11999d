"""Specifications of the paper's tables and figures: YAML files, checked when they are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from isogloss.errors import IsoglossError
from isogloss.paper.corpora import CORPORA
from isogloss.recipes.config import did_you_mean, read_yaml
from isogloss.recipes.presets import PRESETS

FOLDER = Path(__file__).with_name("specifications")

# A method of the paper's tables -> the recipe that trains it.
METHODS = {
    "supervised": "supervised",
    "supervised-bilingual": "bilingual",
    "zero-shot": "zero-shot",
    "keung2019": "keung2019",
    "wu2020": "wu2020",
    "kd": "kd",
    "st": "st",
    "iwda": "iwda",
    "iwda+kd": "iwda+kd",
    "iwda+st": "iwda+st",
    "iwda-oracle": "iwda-oracle",
    "iwda-unweighted": "iwda-unweighted",
}
# A metric of the paper's tables -> its name among a run's scores.
METRICS = {"accuracy": "accuracy", "macro-f1": "macro_f1", "entity-f1": "f1"}
CLAIMS = (
    "iwda-above-zero-shot",
    "combination-best",
    "unweighted-below-zero-shot",
    "ssl-negative-under-shift",
    "shift-reduction",
    "prior-correction",
)
# Scores by shift over many sets, the shift of every layer, and scores over the steps of training.
DRAWS = ("study", "layers", "course")


@dataclass(frozen=True, kw_only=True)
class ShiftSets:
    """Targets drawn at random class balances.

    Attributes:
        sets: how many.
        rows: test examples of each.
    """

    sets: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """The runs on one corpus.

    Attributes:
        corpus: a key of `CORPORA`.
        languages: targets.
        methods: keys of `METHODS`, trained here.
        quoted: methods whose figures the paper quotes from others, and that are not trained.
        metric: a key of `METRICS`.
        partition: rows of each language's own part of a parallel corpus; None: all rows.
        source_prior: class -> share that the source is drawn at; empty: as it is.
        source_with: only source sentences that have this tag; None: all.
        settings: of `RunConfig`, over the preset's.
        reported: figures that the paper's text gives, in percent, by claim.
    """

    corpus: str
    languages: tuple[str, ...]
    methods: tuple[str, ...]
    metric: str
    quoted: tuple[str, ...] = ()
    partition: int | None = None
    source_prior: Mapping[str, float] = field(default_factory=dict)
    source_with: str | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reported: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Specification:
    """One table or figure.

    Attributes:
        name: such as `"table1"`.
        title: what it shows.
        model: a key of `MODELS`.
        preset: of `isogloss adapt`.
        seeds: trainings of each cell.
        parts: what is run.
        claims: of the paper, that it is evidence for.
        draws: what is drawn of the trained models, of `DRAWS`; empty: a table alone.
        shift: the targets' class balances; None: each target as it is.
        note: what to know about it.
    """

    name: str
    title: str
    model: str
    preset: str
    seeds: int
    parts: tuple[Part, ...]
    claims: tuple[str, ...] = ()
    draws: tuple[str, ...] = ()
    shift: ShiftSets | None = None
    note: str = ""

    @property
    def table(self) -> int | None:
        """The number of the paper's table; None for a figure."""
        number = self.name.removeprefix("table")
        return int(number) if self.name.startswith("table") and number.isdigit() else None


@cache
def names() -> tuple[str, ...]:
    """All tables, then all figures, by number."""
    found = [path.stem for path in FOLDER.glob("*.yaml")]
    return tuple(sorted(found, key=lambda name: (name[0] == "f", len(name), name)))


def specification(name: str) -> Specification:
    """The specification of a table or figure, or the one in a YAML file.

    Args:
        name: such as `"table1"`, in any case, or the path of a `.yaml` file.

    Raises:
        IsoglossError: E800 for another name; E641, E805 for a file.
    """
    if Path(name).suffix in (".yaml", ".yml"):
        return read_specification(Path(name))
    known = name.lower()
    if known not in names():
        raise IsoglossError("E800", name=name, hint=did_you_mean(known, names()))
    return read_specification(FOLDER / f"{known}.yaml")


def read_specification(path: Path) -> Specification:
    """Read and check a specification.

    Raises:
        IsoglossError: E641 where the file cannot be read, E805 where it is no specification.
    """
    reader = _Reader(path)
    values = reader.fields(Specification, read_yaml(path) | {"name": path.stem}, place="it")
    parts = [
        reader.part(part, place=f"part {number}")
        for number, part in enumerate(reader.listed(values["parts"], "parts"), start=1)
    ]
    shift = values.get("shift")
    if shift is not None:
        shift = ShiftSets(**reader.fields(ShiftSets, shift, place="shift"))
        reader.count(shift.sets, "shift.sets")
        reader.count(shift.rows, "shift.rows")
    claims = reader.among(values.get("claims", ()), CLAIMS, "claims")
    reader.among([values["preset"]], PRESETS, "preset")
    draws = reader.among(values.get("draws", ()), DRAWS, "draws")
    reader.count(values["seeds"], "seeds")
    read = {"parts": tuple(parts), "claims": claims, "draws": draws, "shift": shift}
    return Specification(**{**values, **read})


class _Reader:
    """Turns plain values into dataclasses; knows the file, for messages."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, why: str) -> IsoglossError:
        """The error for this file."""
        return IsoglossError("E805", name=self.path.name, why=why)

    def fields(self, cls: type[Any], values: Any, *, place: str) -> dict[str, Any]:
        """Values by the fields of a dataclass, none unknown and none that is needed missing."""
        if not isinstance(values, dict):
            raise self.fail(f"{place} is no mapping")
        known = {f.name: f for f in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise self.fail(f"{place} has '{name}'; {did_you_mean(name, known)}")
        for name, one in known.items():
            needed = one.default is dataclasses.MISSING is one.default_factory
            if needed and name not in values:
                raise self.fail(f"{place} lacks '{name}'")
        return values

    def part(self, values: Any, *, place: str) -> Part:
        """One part."""
        values = self.fields(Part, values, place=place)
        corpus = self.among([values["corpus"]], CORPORA, f"{place}, corpus")[0]
        languages = self.among(
            values["languages"], CORPORA[corpus].languages, f"{place}, languages"
        )
        if "en" in languages:
            raise self.fail(f"{place} has the source 'en' among the targets")
        methods = self.among(values["methods"], METHODS, f"{place}, methods")
        self.among([values["metric"]], METRICS, f"{place}, metric")
        prior = values.get("source_prior", {})
        if prior and (set(prior) != set(CORPORA[corpus].labels) or not _is_prior(prior)):
            raise self.fail(f"{place}, source_prior is no balance of the corpus's labels")
        if values.get("partition") is not None:
            self.count(values["partition"], f"{place}, partition")
        quoted = tuple(self.listed(values.get("quoted", []), f"{place}, quoted"))
        return Part(**{**values, "languages": languages, "methods": methods, "quoted": quoted})

    def listed(self, values: Any, place: str) -> Sequence[Any]:
        """A list."""
        if not isinstance(values, list | tuple):
            raise self.fail(f"{place} is no list")
        return values

    def among(self, values: Any, known: Any, place: str) -> tuple[Any, ...]:
        """A list of known names, each once."""
        values = tuple(self.listed(values, place))
        for value in values:
            if value not in known:
                listed = ", ".join(str(one) for one in known if one is not None)
                raise self.fail(f"{place} has {value!r}, which is none of {listed}")
        if len(set(values)) < len(values):
            raise self.fail(f"{place} has a name twice")
        return values

    def count(self, value: Any, place: str) -> None:
        """A whole number of at least 1."""
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.fail(f"{place} is {value!r}, not a whole number of at least 1")


def _is_prior(shares: Mapping[str, Any]) -> bool:
    values = list(shares.values())
    numeric = all(isinstance(v, int | float) and v >= 0 for v in values)
    # The paper's shares are rounded to a hundredth of a percent.
    return numeric and abs(sum(values) - 1.0) < 1e-3
