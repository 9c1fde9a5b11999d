"""What a grid costs: the optimizer steps of every stage that is still to be trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from isogloss.data.loading import load
from isogloss.paper.grid import Cell
from isogloss.paper.sides import prepared
from isogloss.paper.specification import METHODS
from isogloss.paper.work import Job
from isogloss.progress import Progress
from isogloss.recipes.config import RunConfig
from isogloss.recipes.methods import GROUP_OF, Stage, stages_of
from isogloss.recipes.settings import GROUPS
from isogloss.trainers.keung_config import KeungConfig


@dataclass(frozen=True, kw_only=True)
class SideSize:
    """How much there is of a side.

    Attributes:
        rows: texts or sentences.
        active: mean positions with a class, 1 for texts; of sentences that are not cut.
    """

    rows: int
    active: float


def size_of(path: Path) -> SideSize:
    """The size of a prepared file."""
    rows = load(path)
    if "tokens" not in rows.column_names:
        return SideSize(rows=len(rows), active=1.0)
    lengths = pc.list_value_length(rows.data.column("tokens"))
    return SideSize(rows=len(rows), active=float(pc.mean(lengths).as_py()))


def trained_stages(cell: Cell) -> list[Stage]:
    """The stages that a cell trains itself."""
    stages = list(stages_of(METHODS[cell.method]))
    start = cell.start
    if start is None:
        return stages
    taken = {stage.name for stage in stages_of(METHODS[start.method])}
    return [stage for stage in stages if stage.name not in taken]


def stage_steps(stage: Stage, config: RunConfig, source: SideSize, target: SideSize) -> int:
    """The optimizer steps of a stage.

    For tagging it is near: words beyond the longest input do not count in training, here they do.

    Args:
        stage: that trains.
        config: the resolved settings.
        source: size of the labelled side.
        target: size of the other.
    """
    settings: dict[str, Any] = {**getattr(config, GROUP_OF[stage.method])}
    settings |= config.for_every_stage()
    batch = settings.get("per_device_train_batch_size", 8)
    accumulation = settings.get("gradient_accumulation_steps", 1)
    passes = float(settings.get("num_train_epochs", 3.0))
    kept = source.rows - round(source.rows * (config.holdout or 0.0))
    tagging = config.task == "token"
    if stage.method == "finetune":
        rows = {"supervised": target.rows, "bilingual": kept + target.rows}
        batches = math.ceil(rows.get(stage.name, kept) / batch)
        if stage.name == "supervised":
            passes *= target.active / source.active
    elif stage.method == "distill":
        batches = math.ceil((target.rows + (stage.name != "wu2020") * kept) / batch)
        passes *= target.active / source.active
    else:
        batches = max(1, kept // min(batch, kept))
        if tagging:
            passes *= target.active / source.active
            if config.token_passes == "target":
                passes *= target.rows / kept
    if stage.method == "hide-language":
        default = GROUPS["keung"](output_dir="unused", use_cpu=True)
        assert isinstance(default, KeungConfig)
        passes *= settings.get("discriminator_steps", default.discriminator_steps) + 1
    steps = math.ceil(max(1, batches // accumulation) * passes)
    return min(steps, config.max_steps or steps)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a cell trains.

    Attributes:
        cell: the cell.
        steps: stage method -> optimizer steps.
    """

    cell: Cell
    steps: dict[str, int]


def cost_of(job: Job, progress: Progress | None = None) -> Cost:
    """The steps of a cell, none where it is done.

    Args:
        job: the cell; its rows are prepared.
        progress: hears of rows that are.

    Raises:
        IsoglossError: where its rows cannot be had.
    """
    cell = job.cell
    record = job.record_of(cell)
    stages: Sequence[Stage] = trained_stages(cell)
    if record is not None and record["status"] == "done" and not job.must_run_again:
        stages = ()
    if not stages:
        return Cost(cell=cell, steps={})
    files = {name: prepared(job.plan, side, progress) for name, side in cell.sides().items()}
    config = cell.config(files, start=None, most=job.max_steps).resolved()
    source, target = size_of(files["source"]), size_of(files["target"])
    steps = {one.method: stage_steps(one, config, source, target) for one in stages}
    return Cost(cell=cell, steps=steps)
