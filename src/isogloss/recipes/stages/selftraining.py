"""Self-training as a stage: `st`, `iwda+st`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from isogloss.recipes.methods import Stage
from isogloss.recipes.stages.training import carry_out, make_arguments, open_model, scale_passes
from isogloss.recipes.stages.watching import watchers
from isogloss.recipes.workshop import Workshop, row_estimator
from isogloss.trainers.selftraining import SelfTrainingTrainer
from isogloss.trainers.selftraining_config import SelfTrainingConfig


def selftrain(shop: Workshop, stage: Stage) -> dict[str, Any]:
    """Go on from an earlier stage's model with pseudo-labels on the target.

    Returns:
        What `carry_out` does, and `rounds`: see `SelfTrainingTrainer.rounds`.
    """
    model = open_model(shop, str(shop.model_of(stage.start)))
    args = make_arguments(SelfTrainingConfig, shop, stage, shop.config.selftrain)
    scale_passes(args, shop)
    asks = args.selection == "prior"
    trainer = SelfTrainingTrainer(
        model.classifier,
        args,
        source=shop.data.train,
        target=shop.data.target,
        pad_token_id=shop.pad_token_id,
        estimate=row_estimator(shop, stage.name, args.estimate_sample) if asks else None,
        callbacks=watchers(shop, stage.name),
    )
    facts = carry_out(shop, trainer, model, stage=stage.name)
    shop.progress.say(f"{stage.name}: {describe(trainer.rounds[-1], shop.labels.names)}")
    return facts | {"rounds": trainer.rounds}


def describe(found: Mapping[str, Any], names: Sequence[str]) -> str:
    """A round's facts in a line: how much of the target has a pseudo-label, and of which class."""
    if not found["labelled"]:
        return (
            "no row of the target is given a pseudo-label: what each is called hangs on the "
            "class balance, and that is not known; the source alone is trained on"
        )
    shares = zip(names, found["classes"], strict=True)
    balance = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares)
    return f"pseudo-labels on {100 * found['share']:.0f} % of the target's rows: {balance}"
