"""Which stages a recipe goes through, and what each starts from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One training within a run.

    Attributes:
        name: of the stage, its folder and its row in the tables.
        method: how it trains; a key of `isogloss.recipes.stages.METHODS`.
        start: the earlier stage whose model it goes on from, or learns from; None: the encoder.
    """

    name: str
    method: str
    start: str | None = None


ZERO_SHOT = Stage("zero-shot", "finetune")

# The group of settings, a field of `RunConfig`, of each way to train.
GROUP_OF = {
    "finetune": "finetune",
    "align": "iwda",
    "hide-language": "keung",
    "distill": "distill",
    "selftrain": "selftrain",
}

# Trains several candidates, and serves the one that looks best without target labels.
AUTO = "auto"

# Xian, Ji & Zhao, ICLR 2022, section 4: the rows of its tables.
RECIPES: dict[str, tuple[Stage, ...]] = {
    "zero-shot": (ZERO_SHOT,),
    "supervised": (Stage("supervised", "finetune"),),
    "bilingual": (Stage("bilingual", "finetune"),),
    "iwda": (ZERO_SHOT, Stage("iwda", "align", "zero-shot")),
    "iwda-oracle": (ZERO_SHOT, Stage("iwda-oracle", "align", "zero-shot")),
    "iwda-unweighted": (ZERO_SHOT, Stage("iwda-unweighted", "align", "zero-shot")),
    "keung2019": (Stage("keung2019", "hide-language"),),
    "kd": (ZERO_SHOT, Stage("kd", "distill", "zero-shot")),
    "wu2020": (ZERO_SHOT, Stage("wu2020", "distill", "zero-shot")),
    "iwda+kd": (
        ZERO_SHOT,
        Stage("iwda", "align", "zero-shot"),
        Stage("iwda+kd", "distill", "iwda"),
    ),
    "st": (ZERO_SHOT, Stage("st", "selftrain", "zero-shot")),
    "iwda+st": (
        ZERO_SHOT,
        Stage("iwda", "align", "zero-shot"),
        Stage("iwda+st", "selftrain", "iwda"),
    ),
    AUTO: (
        ZERO_SHOT,
        Stage("iwda", "align", "zero-shot"),
        Stage("iwda+kd", "distill", "iwda"),
        Stage("iwda+st", "selftrain", "iwda"),
    ),
}


def stages_of(recipe: str, teacher: str | None = None) -> tuple[Stage, ...]:
    """The stages of a recipe, in order; with an outside teacher only those that learn from it."""
    stages = RECIPES[recipe]
    return stages if teacher is None else tuple(s for s in stages if s.method == "distill")


def stage_names(recipe: str, teacher: str | None = None) -> list[str]:
    """The names of `stages_of`."""
    return [stage.name for stage in stages_of(recipe, teacher)]


def group_of(recipe: str, stage: str) -> str:
    """The group of settings that a stage of a recipe is trained under."""
    return next(GROUP_OF[each.method] for each in RECIPES[recipe] if each.name == stage)
