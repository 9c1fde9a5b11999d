"""Taking stages of an earlier run over instead of training them again."""

from __future__ import annotations

from pathlib import Path

from isogloss.errors import IsoglossError
from isogloss.recipes.candidates import CANDIDATE
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import CONFIG, RECORD, RunFolder, link_file, link_tree, read_json
from isogloss.recipes.heldout import HELD_OUT
from isogloss.recipes.methods import AUTO, AVERAGE
from isogloss.recipes.results import measure
from isogloss.recipes.stages.training import open_model
from isogloss.recipes.workshop import Workshop

# What decides how a zero-shot stage comes out, beside the source's rows; a stage is taken over only
# where all of it agrees. What a side's file is called decides nothing.
ZERO_SHOT_SETTINGS = (
    "task", "text", "text_pair", "label", "model", "seed", "epochs",
    "max_steps", "batch_size", "accumulation", "gradient_checkpointing", "max_length", "pooling",
    "holdout", "precision", "dropout", "trim", "orphan_tags",
    "finetune",
)  # fmt: skip


# The same for other stages that recipes share.
SHARED_SETTINGS = {
    "zero-shot": ZERO_SHOT_SETTINGS,
    "iwda": (*ZERO_SHOT_SETTINGS, "token_passes", "iwda"),
}
# The sides that a stage is trained on.
SHARED_SIDES = {"zero-shot": {"source"}, "iwda": {"source", "target"}}
# In the result of a stage that was taken over: the run that trained it.
TAKEN_OVER = "taken_over"


def check_start(config: RunConfig) -> None:
    """Require that `start` names a run whose zero-shot stage is the one this run would train.

    Raises:
        IsoglossError: E527 where it has no finished zero-shot stage, E528 where settings differ.
    """
    if config.start is None:
        return
    earlier = RunFolder(Path(config.start))
    if earlier.stage_result("zero-shot") is None:
        raise IsoglossError("E527", folder=config.start)
    differing = _differing(config, "zero-shot")
    if differing:
        raise IsoglossError("E528", folder=config.start, names=", ".join(differing))


def can_take_over(shop: Workshop, stage: str) -> bool:
    """Whether `start` has a finished stage that is the one this run would train.

    Raises:
        IsoglossError: E528 where the source's rows are others, whatever their file is called.
    """
    config = shop.config
    if config.start is None or stage not in SHARED_SETTINGS:
        return False
    earlier = RunFolder(Path(config.start))
    differing = differing_rows(shop.folder, earlier)
    if "source" in differing:
        raise IsoglossError("E528", folder=config.start, names="other rows in the source")
    finished = earlier.stage_result(stage) is not None
    # A stage that an earlier version finished is nothing to choose from.
    usable = config.recipe != AUTO or (earlier.stage(stage) / CANDIDATE).is_file()
    same = SHARED_SIDES[stage].isdisjoint(differing) and not _differing(config, stage)
    return finished and usable and same


def _differing(config: RunConfig, stage: str) -> list[str]:
    """Settings that decide a stage and are others in the run named by `start`."""
    assert config.start is not None
    before = RunConfig.load(Path(config.start) / CONFIG).as_dict()
    now = config.as_dict()
    return [name for name in SHARED_SETTINGS[stage] if before[name] != now[name]]


def take_over(shop: Workshop, start: Path, stage: str) -> None:
    """Link a stage of an earlier run into this one, and its average where it has the same.

    Where the target or the test rows are others than there, the model is measured on these.
    """
    shop.progress.say(f"{stage}: taken over from {start}")
    differing = differing_rows(shop.folder, RunFolder(start))
    wanted, there = shop.config.averages, RunConfig.load(start / CONFIG).averages
    if wanted and wanted == there and RunFolder(start).stage_result(stage + AVERAGE) is not None:
        link_stage(shop, start, stage + AVERAGE, anew=bool(differing))
    elif wanted:
        shop.progress.say(f"{stage}{AVERAGE}: left out, {start} has none")
    link_stage(shop, start, stage, anew=bool(differing))


def differing_rows(here: RunFolder, earlier: RunFolder) -> list[str]:
    """The sides whose rows are others in two runs, or only in this one."""
    now, before = (read_json(run.root / RECORD)["data"] for run in (here, earlier))
    return [side for side, fingerprint in now.items() if before.get(side) != fingerprint]


def link_stage(shop: Workshop, start: Path, stage: str, *, anew: bool) -> None:
    """Link one finished stage of an earlier run into this one.

    Args:
        shop: the run.
        start: the earlier run.
        stage: its name.
        anew: whether the model is measured again, on the rows of this run.
    """
    earlier, here = RunFolder(start).stage(stage), shop.folder.stage(stage)
    here.mkdir(parents=True, exist_ok=True)
    link_tree(earlier / "model", here / "model")
    facts = RunFolder(start).stage_result(stage)
    assert facts is not None
    if anew:
        model = open_model(shop, str(here / "model"))
        facts |= measure(shop, model.classifier, shop.pad_token_id, stage=stage)
    else:
        for name in (HELD_OUT, CANDIDATE):
            # A stage that an earlier version finished has none.
            if (earlier / name).is_file():
                link_file(earlier / name, here / name)
    shop.folder.finish_stage(stage, {**facts, TAKEN_OVER: str(start)})
