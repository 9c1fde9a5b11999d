"""Language-adversarial training as a stage: `keung2019`."""

from __future__ import annotations

from typing import Any

from isogloss.recipes.methods import Stage
from isogloss.recipes.stages.training import carry_out, make_arguments, open_model, scale_passes
from isogloss.recipes.stages.watching import watchers
from isogloss.recipes.workshop import Workshop
from isogloss.trainers.keung import KeungTrainer
from isogloss.trainers.keung_config import KeungConfig


def hide_language(shop: Workshop, stage: Stage) -> dict[str, Any]:
    """Fine-tune the encoder while it hides the language; returns what `carry_out` does.

    Args:
        shop: the run.
        stage: `keung2019`.
    """
    model = open_model(shop, shop.config.model)
    args = make_arguments(KeungConfig, shop, stage, shop.config.keung)
    scale_passes(args, shop)
    # Passes are those of the task, which rests while the discriminator learns.
    args.num_train_epochs *= args.discriminator_steps + 1
    trainer = KeungTrainer(
        model.classifier,
        args,
        source=shop.data.train,
        target=shop.data.target,
        pad_token_id=shop.pad_token_id,
        callbacks=watchers(shop, stage.name),
    )
    return carry_out(shop, trainer, model, stage=stage.name)
