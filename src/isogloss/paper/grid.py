"""The runs of a table or figure, and what each starts from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.errors import IsoglossError
from isogloss.paper.corpora import CORPORA, MODELS
from isogloss.paper.sides import Side, digest
from isogloss.paper.specification import METHODS, Part, ShiftSets, Specification
from isogloss.recipes.config import RunConfig
from isogloss.recipes.methods import stage_names
from isogloss.recipes.presets import PRESETS

SOURCE = "en"
# The groups of settings with a learning rate of the model.
_RATES = ("finetune", "iwda", "keung", "distill", "selftrain")


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the user chose for a whole output folder.

    Attributes:
        model: `"mbert"`, `"xlm-r-large"`, or as `isogloss adapt` takes it; None: the paper's.
        preset: in place of the specification's.
        max_steps: of each stage, at most.
    """

    model: str | None = None
    preset: str | None = None
    max_steps: int | None = None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run: a language, a method, a seed.

    Attributes:
        part: of the specification.
        language: of the target.
        method: a key of `METHODS`.
        seed: of the run.
        model: as `Choices` has it, the paper's filled in.
        preset: of the run.
        shift: of the specification.
        number: of the target's set, where it is at another class balance.
        measures: what is measured beside the scores: "shift" of the last layer, from stage to
            stage, "layers", the shift in all of them, and "course", scores while the last stage
            trains.
    """

    part: Part
    language: str
    method: str
    seed: int
    model: str
    preset: str
    shift: ShiftSets | None = None
    number: int | None = None
    measures: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What is the same for the same run in whatever table: the path of its folder."""
        part = self.part
        changes = [part.partition, dict(part.source_prior), part.source_with, part.settings]
        plain = changes == [None, {}, None, {}]
        corpus = part.corpus if plain else f"{part.corpus}-{digest(changes)}"
        model = self.model.strip("/").replace("/", "--")
        language = self.language
        if self.number is not None and self.shift is not None:
            language += f"-set-{self.number}-of-{self.shift.rows}"
        return f"{corpus}/{model}/{self.preset}/{language}/{self.method}/seed-{self.seed}"

    @property
    def start(self) -> Cell | None:
        """The cell whose stages it takes over; None: it trains all of its own."""
        stages = stage_names(METHODS[self.method])
        if stages[0] != "zero-shot" or (self.method == "zero-shot" and self.language == SOURCE):
            return None
        if stages[1:2] == ["iwda"] and self.method != "iwda":
            return self.with_method("iwda")
        return source_cell(self.part, self.seed, self.model, self.preset)

    @property
    def encoder(self) -> str:
        """The model as `isogloss adapt` takes it."""
        known = MODELS.get(self.model)
        return self.model if known is None else known.id

    def with_method(self, method: str) -> Cell:
        """The same target under another method."""
        return dataclasses.replace(self, method=method)

    def sides(self) -> dict[str, Side]:
        """The rows of `source`, `target` and `test`, and of `english`, to test on as well.

        For the source's own zero-shot model its test rows stand in for a target: nothing of it is
        trained on them.
        """
        part = self.part
        own = {"part": part, "shift": self.shift, "number": self.number}
        source = Side(part=part, language=SOURCE, split="train", is_source=True)
        english = Side(part=part, language=SOURCE, split="test")
        if self.language == SOURCE:
            return {"source": source, "target": english, "test": english, "english": english}
        target = Side(language=self.language, split="train", **own)  # type: ignore[arg-type]
        test = Side(language=self.language, split="test", **own)  # type: ignore[arg-type]
        return {"source": source, "target": target, "test": test, "english": english}

    def config(self, files: dict[str, Path], *, start: Path | None, most: int | None) -> RunConfig:
        """The settings of the run.

        Args:
            files: of the sides.
            start: the folder of the run whose stages it takes over.
            most: steps of each stage.
        """
        known = MODELS.get(self.model)
        settings: dict[str, Any] = {
            group: dict(values) for group, values in self.part.settings.items()
        }
        if known is not None and known.rate != 1.0:
            for group in _RATES:
                rate = PRESETS[self.preset][group]["learning_rate"] * known.rate
                settings[group] = {"learning_rate": rate, **settings.get(group, {})}
        return RunConfig(
            source=str(files["source"]),
            target=str(files["target"]),
            test=str(files["test"]),
            task=CORPORA[self.part.corpus].kind,
            model=self.encoder,
            recipe=METHODS[self.method],
            preset=self.preset,
            seed=self.seed,
            max_steps=most,
            start=None if start is None else str(start),
            tensorboard=False,
            **settings,
        )


def source_cell(part: Part, seed: int, model: str, preset: str) -> Cell:
    """The zero-shot model, which serves every language and which presets have in common."""
    return Cell(
        part=part,
        language=SOURCE,
        method="zero-shot",
        seed=seed,
        model=model,
        preset=shared_preset(preset),
    )


def shared_preset(preset: str) -> str:
    """The preset that has the same settings for everything before alignment."""
    return "paper" if preset == "paper-alternating" else preset


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The part of a grid that the user wants; None: all of it.

    Attributes:
        languages: targets.
        methods: of the specification's.
        seeds: how many.
        sets: how many, where targets are drawn at other class balances.
    """

    languages: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    seeds: int | None = None
    sets: int | None = None


def cells_of(spec: Specification, choices: Choices, wanted: Wanted) -> list[Cell]:
    """The cells of a table or figure, each behind what it starts from.

    Args:
        spec: the table or figure.
        choices: model, preset.
        wanted: part of it.

    Raises:
        IsoglossError: E806 for a language that its corpora have not or an unknown method, E808 for
            a number of seeds or sets below 1.
    """
    check_wanted(spec, wanted)
    seeds = spec.seeds if wanted.seeds is None else wanted.seeds
    cells: dict[str, Cell] = {}
    for part in spec.parts:
        for seed in range(seeds):
            for cell in _of_part(spec, part, seed, choices, wanted):
                for needed in _with_starts(cell):
                    # One that another starts from is the same run, measured more or less.
                    known = cells.get(needed.key, needed).measures
                    measures = tuple(dict.fromkeys((*known, *needed.measures)))
                    cells[needed.key] = dataclasses.replace(needed, measures=measures)
    return list(cells.values())


def _of_part(
    spec: Specification, part: Part, seed: int, choices: Choices, wanted: Wanted
) -> Iterator[Cell]:
    preset = choices.preset or spec.preset
    if spec.draws == ("study",):
        if wanted.languages is not None and not set(wanted.languages) & set(part.languages):
            return
        yield source_cell(part, seed, choices.model or spec.model, preset)
        return
    numbers: Sequence[int | None] = [None]
    if spec.shift is not None and "study" not in spec.draws:
        numbers = range(spec.shift.sets if wanted.sets is None else wanted.sets)
    for language in part.languages:
        if wanted.languages is not None and language not in wanted.languages:
            continue
        for number in numbers:
            for method in part.methods:
                if wanted.methods is not None and method not in wanted.methods:
                    continue
                yield Cell(
                    part=part,
                    language=language,
                    method=method,
                    seed=seed,
                    model=choices.model or spec.model,
                    preset=preset if method.startswith("iwda") else shared_preset(preset),
                    shift=spec.shift,
                    number=number,
                    measures=measures_of(spec, method),
                )


def measures_of(spec: Specification, method: str) -> tuple[str, ...]:
    """What a table or figure wants of a method's models beside their scores."""
    reduces = "shift-reduction" in spec.claims and method in ("iwda", "iwda-oracle")
    # Of the zero-shot model, every other course's beginning, nothing is trained on the target.
    trains = "course" in spec.draws and method != "zero-shot"
    return ("shift",) * reduces + ("layers",) * ("layers" in spec.draws) + ("course",) * trains


def _with_starts(cell: Cell) -> list[Cell]:
    """A cell behind what it starts from."""
    chain = [cell]
    while (start := chain[0].start) is not None:
        chain.insert(0, start)
    return chain


def as_wanted(spec: Specification, wanted: Wanted) -> Specification:
    """A table or figure with the languages and methods that are asked for beyond the paper's.

    They have no published figure. A part of the table that has one of the paper's own takes it
    alone; what none has, every part takes whose corpus has the language.

    Args:
        spec: as published.
        wanted: part of it, or more than it.

    Returns:
        The specification, its parts' own languages and methods first.
    """
    languages = _beyond(wanted.languages, [code for part in spec.parts for code in part.languages])
    methods = _beyond(wanted.methods, [name for part in spec.parts for name in part.methods])
    parts = tuple(
        dataclasses.replace(
            part,
            languages=(
                *part.languages,
                *(code for code in languages if code in CORPORA[part.corpus].languages[1:]),
            ),
            methods=(*part.methods, *(name for name in methods if name in METHODS)),
        )
        for part in spec.parts
    )
    return dataclasses.replace(spec, parts=parts)


def _beyond(wanted: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(wanted or ()) if name not in known]


def check_wanted(spec: Specification, wanted: Wanted) -> None:
    """Refuse what there is not.

    Raises:
        IsoglossError: E806 for a language that no corpus of the table or figure has and for an
            unknown method, E808.
    """
    codes = [code for part in spec.parts for code in CORPORA[part.corpus].languages[1:]]
    has = {"language": codes, "method": list(METHODS)}
    for kind, names in (("language", wanted.languages), ("method", wanted.methods)):
        for name in names or ():
            if name not in has[kind]:
                known = ", ".join(dict.fromkeys(has[kind]))
                raise IsoglossError("E806", name=spec.name, kind=kind, value=name, known=known)
    for name, count in (("seeds", wanted.seeds), ("sets", wanted.sets)):
        if count is not None and count < 1:
            raise IsoglossError(
                "E808", name=name, value=count, range="a whole number of at least 1"
            )
