"""Distillation as a stage: `kd`, `wu2020`, `iwda+kd`."""

from __future__ import annotations

from typing import Any

from isogloss.recipes.methods import Stage
from isogloss.recipes.reencoding import seen_by
from isogloss.recipes.stages.training import carry_out, make_arguments, open_model
from isogloss.recipes.stages.watching import watchers
from isogloss.recipes.teaching import teacher_outputs
from isogloss.recipes.workshop import Workshop, rows_per_example
from isogloss.trainers.distillation import DistillationTrainer
from isogloss.trainers.distillation_config import DistillationConfig

# Wu et al., ACL 2020: the student sees target texts and the teacher's word on them, nothing else.
TARGET_ONLY = {"domains": "target", "source_loss_weight": 0.0}


def distill(shop: Workshop, stage: Stage) -> dict[str, Any]:
    """Train a fresh encoder on what an earlier stage's model, or an outside one, says.

    Args:
        shop: the run.
        stage: `kd`, `iwda+kd`, or `wu2020` (target texts only, no source labels).

    Returns:
        What `carry_out` does; and `teacher_weights`, (k,), the class weights that the teacher's
        word on target texts was put under, where it was.
    """
    settings = dict(shop.config.distill) | (TARGET_ONLY if stage.name == "wu2020" else {})
    student = seen_by(shop, shop.config.student) if shop.config.student else shop
    args = make_arguments(DistillationConfig, student, stage, settings)
    outputs = teacher_outputs(shop, student, stage, args)
    data = student.data
    # METHOD, section 5: each token of the target gets as many updates as one of the source would.
    args.num_train_epochs *= rows_per_example(data.target) / rows_per_example(data.train)
    model = open_model(student, student.config.model)
    trainer = DistillationTrainer(
        model.classifier,
        args,
        source=data.train,
        target=data.target,
        outputs=outputs,
        pad_token_id=student.pad_token_id,
        callbacks=watchers(shop, stage.name),
    )
    # Of a teacher that found no shift, nothing was corrected.
    settled = bool((outputs.weights != 1.0).any())
    facts = carry_out(student, trainer, model, stage=stage.name, settled=settled)
    return facts | ({"teacher_weights": outputs.weights.tolist()} if args.correct_prior else {})
