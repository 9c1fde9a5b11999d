"""Upstream's training arguments: those that a run has no use for, and values that fail later."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from isogloss.errors import IsoglossError

_MEASURED = "a run measures each stage itself, once it is trained"
_ALONE = "a run is made by one process on one machine"
# What the name begins with -> why a run cannot use it.
UNUSABLE = {
    "push_to_hub": "it would send the model away; upload the finished model folder yourself",
    "hub_": "it would send the model away; upload the finished model folder yourself",
    "report_to": "a run sends nothing anywhere; --set tensorboard=true writes events to its folder",
    "eval_strategy": _MEASURED,
    "eval_on_start": _MEASURED,
    "load_best_model_at_end": _MEASURED,
    "fsdp": _ALONE,
    "deepspeed": _ALONE,
    "label_smoothing_factor": "losses are the trainers' own",
    "neftune_noise_alpha": "the embedding is the trainers' own",
}
# Numbers that upstream does not look at before it computes with them: least, greatest.
BOUNDS = {
    "num_train_epochs": (1e-6, 1e6),
    "per_device_train_batch_size": (1, 1_000_000),
    "gradient_accumulation_steps": (1, 1_000_000),
    "dataloader_num_workers": (0, 1_000),
    "weight_decay": (0.0, 1e6),
    "max_grad_norm": (0.0, 1e9),
    "logging_steps": (0.0, 1e9),
}


def check_use(group: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings that a run cannot use, and numbers that no training could.

    Args:
        group: of the settings, for messages.
        settings: name -> value, of the kind that the name's default has.

    Raises:
        IsoglossError: E645.
    """
    for name, value in settings.items():
        for start, why in UNUSABLE.items():
            if name.startswith(start):
                raise IsoglossError(
                    "E645", group=group, why=f"{name} has no place in a run, as {why}"
                )
        if isinstance(value, float) and not math.isfinite(value):
            why = f"{name} is {value}, where a finite number is wanted"
            raise IsoglossError("E645", group=group, why=why)
        least, most = BOUNDS.get(name, (-math.inf, math.inf))
        if isinstance(value, (int, float)) and not least <= value <= most:
            why = f"{name} is {value}, outside {least:g} to {most:g}"
            raise IsoglossError("E645", group=group, why=why)


def try_optimizer(args: Any) -> None:
    """Make the optimizer and the schedule of training arguments for one number, and drop them.

    Args:
        args: `TrainingArguments`.

    Raises:
        ImportError, KeyError, TypeError, ValueError: whatever upstream finds wrong with them.
    """
    # Not on top: the trainer takes long to import, and a command may end before it.
    import torch
    from transformers import Trainer, get_scheduler

    cls, options = Trainer.get_optimizer_cls_and_kwargs(args)
    optimizer = cls([torch.nn.Parameter(torch.zeros(1))], **options)
    get_scheduler(
        args.lr_scheduler_type,
        optimizer,
        num_warmup_steps=args.get_warmup_steps(10),
        num_training_steps=10,
        scheduler_specific_kwargs=args.lr_scheduler_kwargs,
    )
    args.get_process_log_level()
