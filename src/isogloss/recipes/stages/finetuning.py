"""Fine-tuning as a stage: `zero-shot`, `supervised`, `bilingual`."""

from __future__ import annotations

from typing import Any

from isogloss.recipes.methods import Stage
from isogloss.recipes.stages.training import carry_out, make_arguments, open_model
from isogloss.recipes.stages.watching import watchers
from isogloss.recipes.workshop import Workshop
from isogloss.trainers.config import FinetuneConfig
from isogloss.trainers.finetune import FinetuneTrainer


def finetune(shop: Workshop, stage: Stage) -> dict[str, Any]:
    """Fine-tune the encoder on the labelled rows; returns what `carry_out` does."""
    model = open_model(shop, shop.config.model)
    args = make_arguments(FinetuneConfig, shop, stage, shop.config.finetune)
    trainer = FinetuneTrainer(
        model.classifier,
        args,
        train_dataset=shop.data.train,
        pad_token_id=shop.pad_token_id,
        callbacks=watchers(shop, stage.name),
    )
    return carry_out(shop, trainer, model, stage=stage.name)
