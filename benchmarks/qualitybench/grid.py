"""What the quality benchmark runs: pairs of languages, shifts of the target, methods."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DATA = Path(
    os.environ.get("ISOGLOSS_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)
# The natural balance, and total variations from it that balanced sets are resampled to.
NATURAL, STRENGTHS = "natural", ("0.2", "0.4", "0.6")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A source and a target language of one data set.

    Attributes:
        name: `<data>-<language>`.
        task: kind of the task.
        files: source, target and test, under the data folder.
        rows: taken of each, from the top.
        passes: over the source: fine-tuning, alignment; over both sides' texts: distillation;
            over the source again: self-training.
        columns: settings that name columns.
        balanced: whether the target is, so that shifts are made by resampling.
    """

    name: str
    task: str
    files: tuple[str, str, str]
    rows: tuple[int, int, int]
    passes: Mapping[str, float]
    columns: Mapping[str, str] = field(default_factory=dict)
    balanced: bool = False

    @property
    def shifts(self) -> tuple[str, ...]:
        """The shifts that this pair is run under."""
        return (NATURAL, *STRENGTHS) if self.balanced else (NATURAL,)


def _passes(finetune: float, iwda: float, distill: float, selftrain: float) -> dict[str, float]:
    # Adversarial training starts from the encoder, so it gets the passes of both first stages.
    return {
        "finetune": finetune,
        "iwda": iwda,
        "distill": distill,
        "selftrain": selftrain,
        "keung": finetune + iwda,
    }


def _pairs() -> Iterator[Pair]:
    for language in ("de", "es", "ar"):
        yield Pair(
            name=f"tweets-{language}",
            task="sequence",
            files=(
                "tweets/en.train.csv",
                f"tweets/{language}.train.csv",
                f"tweets/{language}.test.csv",
            ),
            rows=(1839, 1839, 870),
            passes=_passes(2.0, 1.0, 1.5, 1.0),
            balanced=True,
        )
    yield Pair(
        name="hotels-es",
        task="sequence",
        files=("hotels/en.train.csv", "hotels/es.train.csv", "hotels/es.test.csv"),
        rows=(1359, 1173, 338),
        passes=_passes(3.0, 1.5, 2.0, 1.5),
        columns={"label": "stars"},
    )
    for language, split in (("de", "test"), ("sw", "validation"), ("ur", "validation")):
        yield Pair(
            name=f"wikiann-{language}",
            task="token",
            files=(
                "wikiann/en.train.conll",
                f"wikiann/{language}.train.conll",
                f"wikiann/{language}.{split}.conll",
            ),
            rows=(3000, 3000, 1500),
            passes=_passes(3.0, 0.8, 2.0, 0.8),
        )
    for language in ("de", "sw"):
        yield Pair(
            name=f"nli-{language}",
            task="pair",
            files=(
                "nli/en.train.csv",
                f"nli/{language}.validation.csv",
                f"nli/{language}.test.csv",
            ),
            rows=(4000, 2490, 1500),
            passes=_passes(1.0, 0.4, 1.0, 0.4),
            columns={"text": "premise", "text_pair": "hypothesis"},
            balanced=True,
        )


PAIRS: dict[str, Pair] = {pair.name: pair for pair in _pairs()}


def place_of(pair: str, shift: str) -> tuple[int, str]:
    """Where a pair under a shift stands in the order of the grid."""
    # "natural" goes before the numbers.
    return list(PAIRS).index(pair), shift.replace(NATURAL, "")


@dataclass(frozen=True, kw_only=True)
class Method:
    """A recipe with settings of its own.

    Attributes:
        recipe: of `isogloss adapt`.
        settings: `group.name` -> value.
        shared: the method whose run's stages this one takes over, or None.
    """

    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    shared: str | None = "zero-shot"


# The plain path of a speed comparison: nothing trimmed, pooled, rounded or sorted.
PLAIN = {
    "precision": "fp32",
    "dropout": "torch",
    "trim": "false",
    "finetune.bucket_by_length": "false",
}


def _balanced(*groups: str) -> dict[str, str]:
    """Balanced sampling in the stages of some groups; predictions are then corrected."""
    return {f"{group}.sampling": "balanced" for group in groups}


METHODS: dict[str, Method] = {
    "zero-shot": Method(recipe="zero-shot", shared=None),
    "iwda": Method(recipe="iwda"),
    "iwda-oracle": Method(recipe="iwda-oracle"),
    "iwda-unweighted": Method(recipe="iwda-unweighted"),
    "keung2019": Method(recipe="keung2019", shared=None),
    "kd": Method(recipe="kd"),
    "kd-prior": Method(recipe="kd", settings={"distill.correct_prior": "true"}),
    "wu2020": Method(recipe="wu2020"),
    "st": Method(recipe="st"),
    "st-published": Method(
        recipe="st",
        settings={
            "selftrain.selection": "confident",
            "selftrain.rounds": 5,
            "selftrain.fraction": 0.1,
        },
    ),
    "iwda+kd": Method(recipe="iwda+kd", shared="iwda"),
    "iwda+st": Method(recipe="iwda+st", shared="iwda"),
    "zero-shot-balanced": Method(recipe="zero-shot", settings=_balanced("finetune"), shared=None),
    "iwda-balanced": Method(
        recipe="iwda", settings=_balanced("finetune", "iwda"), shared="zero-shot-balanced"
    ),
    "kd-balanced": Method(
        recipe="kd", settings=_balanced("finetune", "distill"), shared="zero-shot-balanced"
    ),
    "st-balanced": Method(
        recipe="st", settings=_balanced("finetune", "selftrain"), shared="zero-shot-balanced"
    ),
    "zero-shot-plain": Method(recipe="zero-shot", settings=PLAIN, shared=None),
}
NOT_BY_DEFAULT = ("zero-shot-plain", "kd-balanced", "st-balanced")
DEFAULT_METHODS = tuple(name for name in METHODS if name not in NOT_BY_DEFAULT)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of the grid."""

    pair: str
    shift: str
    method: str
    seed: int

    @property
    def key(self) -> str:
        """A name that no other cell has, usable as a path."""
        return f"{self.pair}/{self.shift}/seed-{self.seed}/{self.method}"


def cells(
    pairs: tuple[str, ...], shifts: tuple[str, ...], methods: tuple[str, ...], seeds: int
) -> Iterator[Cell]:
    """The grid, one seed after the other; what a method shares comes before it."""
    order = [name for name in METHODS if name in set(methods)]
    for seed in range(seeds):
        for pair in pairs:
            for shift in (s for s in PAIRS[pair].shifts if s in shifts):
                for method in order:
                    yield Cell(pair=pair, shift=shift, method=method, seed=seed)
