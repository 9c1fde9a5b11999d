"""Taking the zero-shot stage of an earlier run over instead of training it again."""

from __future__ import annotations

from pathlib import Path

from isogloss.errors import IsoglossError
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import RunFolder, link_file, link_tree
from isogloss.recipes.heldout import HELD_OUT
from isogloss.recipes.workshop import Workshop

# What decides how a zero-shot stage comes out; a stage is taken over only where all of it agrees.
ZERO_SHOT_SETTINGS = (
    "source", "task", "text", "text_pair", "label", "model", "preset", "seed", "epochs",
    "max_steps", "batch_size", "accumulation", "gradient_checkpointing", "max_length", "pooling",
    "holdout", "precision", "dropout", "trim", "finetune",
)  # fmt: skip


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
    before = RunConfig.load(earlier.root / "config.yaml").as_dict()
    now = config.as_dict()
    differing = [name for name in ZERO_SHOT_SETTINGS if before[name] != now[name]]
    if differing:
        raise IsoglossError("E528", folder=config.start, names=", ".join(differing))


def take_over(shop: Workshop, start: Path) -> None:
    """Link the zero-shot stage of an earlier run into this one."""
    earlier = RunFolder(start)
    shop.progress.say(f"zero-shot: taken over from {start}")
    shop.folder.stage("zero-shot").mkdir(parents=True, exist_ok=True)
    link_tree(earlier.stage("zero-shot") / "model", shop.folder.stage("zero-shot") / "model")
    # A stage that an earlier version finished has none.
    if (earlier.stage("zero-shot") / HELD_OUT).is_file():
        link_file(earlier.stage("zero-shot") / HELD_OUT, shop.folder.stage("zero-shot") / HELD_OUT)
    stage_result = earlier.stage_result("zero-shot")
    assert stage_result is not None
    shop.folder.finish_stage("zero-shot", stage_result)
