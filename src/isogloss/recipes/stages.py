"""The stages of a run; each takes a model folder and leaves another one behind."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from isogloss.errors import IsoglossError
from isogloss.models.export import export
from isogloss.models.fast import make_fast
from isogloss.models.features import FeatureClassifier
from isogloss.models.loading import load_classifier
from isogloss.models.reading import load_tokenizer
from isogloss.models.trimming import TrimmedVocabulary
from isogloss.progress import ProgressCallback
from isogloss.recipes.results import measure
from isogloss.recipes.workshop import Workshop, rows_per_example, sample, true_weights
from isogloss.trainers.base import RowTrainer, last_complete_checkpoint
from isogloss.trainers.config import FinetuneConfig, IWDAConfig, RowTrainingArguments
from isogloss.trainers.estimation import RowEstimator
from isogloss.trainers.finetune import FinetuneTrainer
from isogloss.trainers.iwda import IWDATrainer


@dataclass(kw_only=True)
class StageModel:
    """A classifier in training form, with what makes its embedding whole again."""

    classifier: FeatureClassifier
    trimmed: TrimmedVocabulary | None


def open_model(shop: Workshop, name: str) -> StageModel:
    """Load an encoder or an earlier stage's model and make it fast to train.

    Args:
        shop: the run.
        name: as `load_classifier` takes it.
    """
    config = shop.config
    classifier = load_classifier(
        name,
        kind=shop.task.kind,
        labels=shop.labels,
        pooling=config.pooling,  # type: ignore[arg-type]
        seed=config.seed,
        trust_remote_code=config.trust_remote_code,
    )
    used_ids = shop.data.used_ids() if config.trim else None
    trimmed = make_fast(classifier, used_ids, pooled_dropout=config.dropout == "pooled")
    return StageModel(classifier=classifier, trimmed=trimmed)


def finetune(shop: Workshop, *, stage: str) -> dict[str, Any]:
    """Fine-tune the encoder on the labelled rows."""
    model = open_model(shop, shop.config.model)
    pad = shop.pad_token_id
    args = make_arguments(FinetuneConfig, shop, stage, shop.config.finetune)
    bound_steps(args, shop, len(shop.data.train))
    trainer = FinetuneTrainer(
        model.classifier,
        args,
        train_dataset=shop.data.train,
        pad_token_id=pad,
        callbacks=[ProgressCallback(shop.progress, stage)],
    )
    facts = train(trainer, shop, stage)
    save(model, shop, stage)
    return facts | measure(shop, model.classifier, pad, stage=stage)


def align(shop: Workshop, *, stage: str, start: Path) -> dict[str, Any]:
    """Align the model in `start` with the target under class weights.

    Args:
        shop: the run.
        stage: `iwda`, `iwda-oracle` (the true weights) or `iwda-unweighted` (all 1).
        start: model folder of the zero-shot stage.
    """
    model = open_model(shop, str(start))
    pad = shop.pad_token_id
    settings = dict(shop.config.iwda)
    weights = None
    if stage == "iwda-oracle":
        weights = true_weights(shop)
    if stage != "iwda":
        settings["weighting"] = "fixed"
    args = make_arguments(IWDAConfig, shop, stage, settings)
    # METHOD, section 5: each token of the target gets as many updates as one of the source would.
    args.num_train_epochs *= rows_per_example(shop.data.target) / rows_per_example(shop.data.train)
    bound_steps(args, shop, len(shop.data.train))
    trainer = IWDATrainer(
        model.classifier,
        args,
        source=shop.data.train,
        target=shop.data.target,
        source_prior=shop.source_prior,
        pad_token_id=pad,
        estimate=make_estimator(shop, args, pad) if args.weighting != "fixed" else None,
        weights=weights,
        label_names=shop.labels.names,
        callbacks=[ProgressCallback(shop.progress, stage)],
    )
    facts = train(trainer, shop, stage)
    save(model, shop, stage)
    measured = measure(shop, model.classifier, pad, stage=stage)
    return facts | measured | {"training_prior": trainer.prior_estimate.tolist()}


def train(trainer: RowTrainer, shop: Workshop, stage: str) -> dict[str, Any]:
    """Train from the last whole checkpoint, if there is one; returns steps and log entries."""
    checkpoint = last_complete_checkpoint(Path(str(trainer.args.output_dir)))
    if checkpoint is not None:
        shop.progress.say(f"{stage}: going on at step {checkpoint.name.rpartition('-')[2]}")
    began = time.monotonic()
    with good_checkpoints_only(Path(str(trainer.args.output_dir))):
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    entries = [entry for entry in trainer.state.log_history if "loss" in entry]
    return {
        "steps": trainer.state.global_step,
        "seconds": round(time.monotonic() - began, 1),
        "log": entries,
    }


@contextmanager
def good_checkpoints_only(folder: Path) -> Iterator[None]:
    """Where training diverges (E501), remove the checkpoints whose weights already had.

    Args:
        folder: of the checkpoints.
    """
    try:
        yield
    except IsoglossError:
        for weights in folder.glob("checkpoint-*/*.safetensors"):
            if not all(bool(tensor.isfinite().all()) for tensor in load_file(weights).values()):
                shutil.rmtree(weights.parent)
        raise


def save(model: StageModel, shop: Workshop, stage: str) -> None:
    """Export the trained model as a plain folder, with its whole embedding table."""
    config = shop.config
    full = None if model.trimmed is None else model.trimmed.full_table()
    model.classifier.model.config.isogloss = shop.served_settings()
    export(
        model.classifier,
        # Read again for the export: kept through training it would be a third of the memory.
        load_tokenizer(config.model, trust_remote_code=config.trust_remote_code)[0],
        shop.folder.stage(stage) / "model",
        card=None,
        full_embedding=full,
    )


def make_arguments(cls: type[Any], shop: Workshop, stage: str, settings: Mapping[str, Any]) -> Any:
    """The trainer's configuration from the preset, the user's settings and the machine."""
    config = shop.config
    values = dict(settings)
    if config.epochs is not None:
        values["num_train_epochs"] = config.epochs
    fixed = {
        "output_dir": str(shop.folder.stage(stage) / "checkpoints"),
        "seed": config.seed,
        "bf16": shop.precision == "bf16",
        "use_cpu": not torch.cuda.is_available(),
    }
    return cls(**{**fixed, **values})


def bound_steps(args: RowTrainingArguments, shop: Workshop, examples: int) -> None:
    """Let the run's `max_steps` cut a stage short; upstream's would also stretch it."""
    if shop.config.max_steps is None:
        return
    batch = args.per_device_train_batch_size * args.gradient_accumulation_steps
    steps = math.ceil(max(1, examples // batch) * args.num_train_epochs)
    args.max_steps = min(shop.config.max_steps, steps)


def make_estimator(shop: Workshop, args: IWDAConfig, pad_token_id: int) -> RowEstimator:
    """Who estimates the weights, from at most `weight_sample` examples a side."""
    # The paper solves the plain problem once and mixes in rho instead of shrinking.
    plain = "bbse-hard" if args.hard_statistics else "bbse"
    exact = args.weighting == "online" or args.hard_statistics
    return RowEstimator(
        source=sample(shop.data.held_out, args.weight_sample, shop.config.seed),
        target=sample(shop.data.target, args.weight_sample, shop.config.seed),
        pad_token_id=pad_token_id,
        precision=shop.precision,
        method=plain if exact else "auto",
        calibration="none" if exact else "bcts",
        seed=shop.config.seed,
    )
