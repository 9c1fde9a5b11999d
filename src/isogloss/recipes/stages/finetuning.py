"""Fine-tuning as a stage: `zero-shot`, `supervised`, `bilingual`."""

from __future__ import annotations

from typing import Any

from isogloss.recipes.methods import ON_TARGET_LABELS, Stage
from isogloss.recipes.stages.training import (
    carry_out,
    make_arguments,
    open_model,
    scale_passes,
)
from isogloss.recipes.stages.watching import watchers
from isogloss.recipes.workshop import Workshop
from isogloss.trainers.config import FinetuneConfig
from isogloss.trainers.finetune import FinetuneTrainer


def finetune(shop: Workshop, stage: Stage) -> dict[str, Any]:
    """Fine-tune the encoder on the labelled rows; returns what `carry_out` does.

    A model of target labels has learnt their class balance, so it is never corrected for it.
    """
    model = open_model(shop, shop.config.model)
    args = make_arguments(FinetuneConfig, shop, stage, shop.config.finetune)
    if stage.name == "supervised":
        scale_passes(args, shop)
    trainer = FinetuneTrainer(
        model.classifier,
        args,
        train_dataset=shop.data.train,
        pad_token_id=shop.pad_token_id,
        callbacks=watchers(shop, stage.name),
    )
    settled = stage.name in ON_TARGET_LABELS
    return carry_out(shop, trainer, model, stage=stage.name, settled=settled)
