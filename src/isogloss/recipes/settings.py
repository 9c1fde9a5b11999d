"""Checks of the trainers' settings, before a run writes anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from isogloss.errors import IsoglossError
from isogloss.recipes.config import RunConfig, did_you_mean
from isogloss.recipes.labelled import check_labelled_setting
from isogloss.recipes.methods import AUTO
from isogloss.recipes.upstream_settings import check_use, try_optimizer
from isogloss.trainers.config import FinetuneConfig, IWDAConfig
from isogloss.trainers.distillation_config import DistillationConfig
from isogloss.trainers.keung_config import KeungConfig
from isogloss.trainers.selftraining_config import SelfTrainingConfig

# A group of `RunConfig`, and the trainer's configuration that it sets.
GROUPS: dict[str, type[Any]] = {
    "finetune": FinetuneConfig,
    "iwda": IWDAConfig,
    "keung": KeungConfig,
    "distill": DistillationConfig,
    "selftrain": SelfTrainingConfig,
}

# Set by the run itself, from its own settings and the machine.
RESERVED = ("output_dir", "seed", "bf16", "use_cpu", "max_steps", "average_snapshots")


def check_settings(config: RunConfig) -> None:
    """Refuse settings that a trainer of this run does not know or could not use.

    Raises:
        IsoglossError: E642 for an unknown setting, E645 for an unusable value or a setting that
            the run decides, E510 and E511 for one outside its choices; E542 for a budget where
            there is nothing to leave out, E652 for several seeds where nothing is chosen, E543
            where no rows are held out to choose by, E663 for labelled target rows where all are
            labelled, E760 for events without TensorBoard.
    """
    writes_events(config.tensorboard)
    if config.budget is not None and config.recipe != AUTO:
        raise IsoglossError("E542", recipe=config.recipe)
    if config.seeds is not None and config.recipe != AUTO:
        raise IsoglossError("E652", recipe=config.recipe)
    check_labelled_setting(config)
    if config.recipe == AUTO and config.holdout == 0:
        raise IsoglossError("E543")
    for group, cls in GROUPS.items():
        settings = getattr(config, group)
        check_names(cls, group, settings)
        check_use(group, settings)
        try:
            try_optimizer(cls(output_dir="unused", use_cpu=True, **settings))
        except (ImportError, KeyError, TypeError, ValueError) as error:
            why = " ".join(str(error).split())
            raise IsoglossError("E645", group=group, why=why) from error


def check_names(cls: type[Any], group: str, settings: Mapping[str, Any]) -> None:
    """Require known names, and values of the kind that the field's default has.

    Raises:
        IsoglossError: E642, E645.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}
    for name, value in settings.items():
        if name not in fields:
            raise IsoglossError("E642", name=f"{group}.{name}", hint=did_you_mean(name, fields))
        if name in RESERVED:
            own = {"average_snapshots": "averages"}.get(name, name)
            why = f"{name} follows from the run's own settings; set {own} without '{group}.'"
            raise IsoglossError("E645", group=group, why=why)
        default = fields[name].default
        wanted: tuple[type, ...] = (type(default),)
        if isinstance(default, float):
            wanted = (int, float)
        elif not isinstance(default, (bool, int, str)):
            continue
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            why = f"{name} is {value!r}, where a value such as {default!r} is wanted"
            raise IsoglossError("E645", group=group, why=why)


def writes_events(wanted: bool | None) -> bool:
    """Whether events are written: as wanted, or, where that is left open, if TensorBoard is there.

    Raises:
        IsoglossError: E760 where they are wanted and TensorBoard is not installed.
    """
    installed = find_spec("tensorboard") is not None
    if wanted and not installed:
        raise IsoglossError("E760")
    return installed if wanted is None else wanted
