"""Which stages a recipe goes through, and what each starts from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One training within a run, or an average of several.

    Attributes:
        name: of the stage, its folder and its row in the tables.
        method: how it trains; a key of `isogloss.recipes.stages.METHODS`.
        start: the earlier stage whose model it goes on from, or learns from; None: the encoder.
        repeats: the earlier stage that this one is again, under another seed.
        seed: what is added to the run's seed.
        members: the earlier stages whose weights are averaged; none: the stage trains.
    """

    name: str
    method: str
    start: str | None = None
    repeats: str | None = None
    seed: int = 0
    members: tuple[str, ...] = ()


ZERO_SHOT = Stage("zero-shot", "finetune")

# Recipes that look at target labels, each by its definition: to train on them, or for their shares.
ON_TARGET_LABELS = ("supervised", "bilingual")
NEEDS_TARGET_LABELS = (*ON_TARGET_LABELS, "iwda-oracle")

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

# What a run's candidates are judged by, and what it says to expect of them, everywhere; for tagging
# over the tags of words.
JUDGED_BY = "macro_f1"

# Ends the name of the mean of a stage's snapshots, and of the mean over seeds.
AVERAGE, SEEDS = "-average", "-seeds"

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


def lineages_of(stages: Iterable[Stage]) -> dict[str, str]:
    """The first of the stages, by name, whose weights each goes on from.

    A stage that starts from the encoder is the first of its lineage, and so is a student, which
    learns from its teacher and has none of its weights.

    Args:
        stages: those that train, each behind the one that it starts from.
    """
    found: dict[str, str] = {}
    for stage in stages:
        anew = stage.start is None or stage.method == "distill"
        found[stage.name] = stage.name if anew else found[str(stage.start)]
    return found


def stage_names(recipe: str, teacher: str | None = None) -> list[str]:
    """The names of `stages_of`."""
    return [stage.name for stage in stages_of(recipe, teacher)]


def with_seeds(stages: tuple[Stage, ...], seeds: int) -> tuple[Stage, ...]:
    """Stages, the same under further seeds, and for each the average of its seeds.

    A repeated stage starts where the first did: from the same encoder with the same new head, or
    from the same model of an earlier stage. Only models that share their start have weights whose
    mean is a model (Wortsman et al., ICML 2022).

    Args:
        stages: of a recipe.
        seeds: in all, at least 1, which adds nothing.
    """
    if seeds == 1:
        return stages
    # One seed after the other, so that a budget leaves out the last.
    again = [
        Stage(f"{one.name}-seed-{n}", one.method, one.start, repeats=one.name, seed=n)
        for n in range(1, seeds)
        for one in stages
    ]
    return (*stages, *again, *(average_of(one, again) for one in stages))


def average_of(stage: Stage, again: list[Stage]) -> Stage:
    """The average of a stage and of those that repeat it."""
    others = (other.name for other in again if other.repeats == stage.name)
    return Stage(stage.name + SEEDS, "average", members=(stage.name, *others))
