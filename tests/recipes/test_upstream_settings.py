"""Upstream's training arguments that a run cannot use are refused before it begins."""

from __future__ import annotations

import math
from typing import Any

import pytest

from isogloss.errors import IsoglossError
from isogloss.recipes.config import RunConfig
from isogloss.recipes.settings import GROUPS, check_settings

MINIMUM = {"source": "a.csv", "target": "b.csv"}
UNUSABLE: list[tuple[str, Any, str]] = [
    ("learning_rate", -1.0, "learning rate"),
    ("learning_rate", math.nan, "a finite number"),
    ("adam_beta1", 2.0, "beta"),
    ("adam_epsilon", -1.0, "epsilon"),
    ("optim_args", "foo", ""),
    ("optim", "adamw_8bit", ""),
    ("lr_scheduler_kwargs", 3, ""),
    ("log_level", "foo", "foo"),
    ("weight_decay", -5.0, "outside 0 to"),
    ("max_grad_norm", math.inf, "a finite number"),
    ("num_train_epochs", 0.0, "outside 1e-06 to"),
    ("num_train_epochs", math.nan, "a finite number"),
    ("gradient_accumulation_steps", 0, "outside 1 to"),
    ("per_device_train_batch_size", 0, "outside 1 to"),
    ("dataloader_num_workers", -1, "outside 0 to"),
    ("eval_strategy", "steps", "measures each stage itself"),
    ("load_best_model_at_end", True, "measures each stage itself"),
    ("report_to", "wandb", "sends nothing anywhere"),
    ("push_to_hub", True, "send the model away"),
    ("hub_token", "secret", "send the model away"),
    ("fsdp", "full_shard", "one process"),
    ("deepspeed", "x.json", "one process"),
    ("label_smoothing_factor", 0.1, "losses are the trainers' own"),
    ("neftune_noise_alpha", 5.0, "embedding is the trainers' own"),
]
USABLE = [
    {"learning_rate": 0.0, "weight_decay": 0.1, "warmup_steps": 5},
    {"optim": "sgd", "lr_scheduler_type": "cosine_with_restarts"},
    {"lr_scheduler_kwargs": {"num_cycles": 2}, "lr_scheduler_type": "cosine"},
    {"optim": "adamw_torch", "max_grad_norm": 0.0, "dataloader_num_workers": 1},
]


@pytest.mark.parametrize("group", ["finetune", "distill"])
@pytest.mark.parametrize(("name", "value", "why"), UNUSABLE)
def test_what_no_training_could_use_is_refused(group: str, name: str, value: Any, why: str) -> None:
    config = RunConfig(**MINIMUM, **{group: {name: value}})
    with pytest.raises(IsoglossError) as caught:
        check_settings(config)
    assert caught.value.code == "E645"
    assert f"of {group} " in str(caught.value)
    assert why.lower() in str(caught.value).lower()


def test_a_temperature_that_is_no_number_is_refused() -> None:
    with pytest.raises(IsoglossError, match="E645"):
        check_settings(RunConfig(**MINIMUM, distill={"temperature": math.nan}))


@pytest.mark.parametrize("settings", USABLE)
def test_what_upstream_can_use_is_not(settings: dict[str, Any]) -> None:
    check_settings(RunConfig(**MINIMUM, **dict.fromkeys(GROUPS, settings)))
