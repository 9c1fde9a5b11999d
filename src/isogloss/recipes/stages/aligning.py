"""Alignment as a stage: `iwda`, `iwda-oracle`, `iwda-unweighted`."""

from __future__ import annotations

from typing import Any

from isogloss.recipes.methods import Stage
from isogloss.recipes.stages.training import carry_out, make_arguments, open_model, scale_passes
from isogloss.recipes.stages.watching import watchers
from isogloss.recipes.workshop import Workshop, row_estimator, true_weights
from isogloss.trainers.config import IWDAConfig
from isogloss.trainers.estimation import RowEstimator
from isogloss.trainers.iwda import IWDATrainer


def align(shop: Workshop, stage: Stage) -> dict[str, Any]:
    """Align an earlier stage's model with the target under class weights.

    Args:
        shop: the run.
        stage: `iwda`, `iwda-oracle` (the true weights) or `iwda-unweighted` (all 1).

    Returns:
        What `carry_out` does, and `training_prior`, (k,), that the last weights stand for.
    """
    model = open_model(shop, str(shop.model_of(stage.start)))
    settings = dict(shop.config.iwda)
    if stage.name in ("iwda-oracle", "iwda-unweighted"):
        settings["weighting"] = "fixed"
    args = make_arguments(IWDAConfig, shop, stage, settings)
    scale_passes(args, shop)
    trainer = IWDATrainer(
        model.classifier,
        args,
        source=shop.data.train,
        target=shop.data.target,
        source_prior=shop.source_prior,
        pad_token_id=shop.pad_token_id,
        estimate=make_estimator(shop, stage, args) if args.weighting != "fixed" else None,
        weights=true_weights(shop) if stage.name == "iwda-oracle" else None,
        label_names=shop.labels.names,
        callbacks=watchers(shop, stage.name),
    )
    facts = carry_out(shop, trainer, model, stage=stage.name)
    return facts | {"training_prior": trainer.prior_estimate.tolist()}


def make_estimator(shop: Workshop, stage: Stage, args: IWDAConfig) -> RowEstimator:
    """Who estimates the weights, from at most `weight_sample` examples a side."""
    if args.weighting == "online" or args.hard_statistics:
        # The paper solves the plain problem once and mixes in rho instead of shrinking.
        plain = "bbse-hard" if args.hard_statistics else "bbse"
        options = {"method": plain, "calibration": "none"}
        return row_estimator(shop, stage.name, args.weight_sample, **options)
    return row_estimator(shop, stage.name, args.weight_sample)
