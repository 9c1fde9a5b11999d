"""What all stages do: open a model, train it from where it was, save and measure it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from isogloss.errors import IsoglossError
from isogloss.models.averaging import WeightAverage
from isogloss.models.export import export
from isogloss.models.fast import make_fast
from isogloss.models.features import FeatureClassifier
from isogloss.models.loading import load_classifier
from isogloss.models.reading import load_tokenizer
from isogloss.models.trimming import TrimmedVocabulary
from isogloss.recipes.methods import AVERAGE, Stage
from isogloss.recipes.results import measure, score_on_test
from isogloss.recipes.workshop import Workshop, rows_per_example
from isogloss.stopping import Stopped
from isogloss.trainers.base import RowTrainer, total_steps
from isogloss.trainers.checkpoints import last_complete_checkpoint
from isogloss.trainers.config import RowTrainingArguments
from isogloss.trainers.course import Course, course_of


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
    classifier.revise = shop.task.revise
    used_ids = shop.data.used_ids() if config.trim else None
    trimmed = make_fast(classifier, used_ids, pooled_dropout=config.dropout == "pooled")
    return StageModel(classifier=classifier, trimmed=trimmed)


def carry_out(
    shop: Workshop, trainer: RowTrainer, model: StageModel, *, stage: str, settled: bool = False
) -> dict[str, Any]:
    """Train, save the model into the stage's folder, and measure it; the same for its average.

    Args:
        shop: the run.
        trainer: of the model.
        model: the classifier that is trained.
        stage: its name.
        settled: as for `measure`.

    Returns:
        `steps`, `seconds` and `log` of the training, where it is asked for its `course` (the points
        of `course_of`), and what `measure` finds.
    """
    if shop.course:
        score = partial(score_on_test, shop, model.classifier, shop.pad_token_id)
        trainer.add_callback(Course(score, points=shop.course))
    bound_steps(trainer.args, shop, len(trainer.row_sampler()))
    facts = train(trainer, shop, stage)
    if shop.course:
        facts["course"] = course_of(trainer.state.log_history)
    save(model, shop, stage)
    facts |= measure(shop, model.classifier, shop.pad_token_id, stage=stage, settled=settled)
    # The mean of one snapshot is the model itself.
    if trainer.average is not None and trainer.average.count > 1:
        finish_average(shop, trainer.average, model, stage=stage + AVERAGE, settled=settled)
    return facts


def finish_average(
    shop: Workshop, average: WeightAverage, model: StageModel, *, stage: str, settled: bool = False
) -> None:
    """Save and measure a mean of weights as a stage of its own, which took no training.

    Args:
        shop: the run.
        average: of at least one.
        model: takes the averaged weights; its own are lost.
        stage: the name to finish it under.
        settled: as for `measure`.
    """
    average.put_into(model.classifier)
    save(model, shop, stage)
    measured = measure(shop, model.classifier, shop.pad_token_id, stage=stage, settled=settled)
    facts = {"steps": 0, "seconds": 0.0, "log": [], "averaged": average.count}
    shop.folder.finish_stage(stage, facts | measured)


def train(trainer: RowTrainer, shop: Workshop, stage: str) -> dict[str, Any]:
    """Train from the last whole checkpoint, if there is one; returns steps and log entries."""
    checkpoint = last_complete_checkpoint(Path(str(trainer.args.output_dir)))
    if checkpoint is not None:
        shop.progress.say(f"{stage}: going on at step {checkpoint.name.rpartition('-')[2]}")
    try:
        with good_checkpoints_only(Path(str(trainer.args.output_dir))):
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    except Stopped as stopped:
        stopped.stage = stage
        raise
    # Sorted: upstream sorts what a checkpoint keeps, so that a resumed run's would differ.
    entries = [dict(sorted(e.items())) for e in trainer.state.log_history if "loss" in e]
    return {
        "steps": trainer.state.global_step,
        "seconds": round(trainer.seconds, 1),
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


def make_arguments(
    cls: type[Any], shop: Workshop, stage: Stage, settings: Mapping[str, Any]
) -> Any:
    """The trainer's configuration from the preset, the user's settings and the machine.

    Args:
        cls: a `RowTrainingArguments`.
        shop: the run; its settings for every stage go before the stage's own.
        stage: names the folder of the checkpoints; one that repeats another leaves no average.
        settings: of the stage's group, such as `shop.config.iwda`.
    """
    config = shop.config
    values = dict(settings)
    values |= config.for_every_stage()
    fixed = {
        "output_dir": str(shop.folder.stage(stage.name) / "checkpoints"),
        "seed": (config.seed + stage.seed) % 2**32,
        "average_snapshots": 0 if stage.repeats else (config.averages or 0),
        "bf16": shop.precision == "bf16",
        "use_cpu": not torch.cuda.is_available(),
    }
    return cls(**{**fixed, **values})


def scale_passes(args: RowTrainingArguments, shop: Workshop) -> None:
    """Give each word of a token task's target as many updates as a source word has in a pass.

    A loss is a mean over the words of a batch, so a pass moves the words of longer texts less;
    the number of passes grows with the target's words per text over the source's.

    Args:
        args: its `num_train_epochs`, counted over the source, is changed; not for other tasks.
        shop: the run. Under `token_passes="target"` the passes that scale are the target's, which
            those of `supervised`, trained on the target alone, are in any case.

    References:
        Xian, Ji & Zhao, ICLR 2022, appendix C.2. Its numbers of steps come out of passes over the
        target: 4 of German's 12,152 sentences are 7135 steps of 8 at a factor of 1.17.
    """
    if shop.task.kind != "token":
        return
    source, target = shop.source_rows, shop.data.target
    args.num_train_epochs *= rows_per_example(target) / rows_per_example(source)
    if shop.config.token_passes == "target" and shop.config.recipe != "supervised":
        args.num_train_epochs *= len(target) / len(source)


def bound_steps(args: RowTrainingArguments, shop: Workshop, batches: int) -> None:
    """Let the run's `max_steps` cut a stage short; upstream's would also stretch it.

    Args:
        args: its `max_steps` is changed.
        shop: the run.
        batches: of a pass.
    """
    most = shop.config.max_steps
    if most is not None and most < total_steps(args, batches):
        args.max_steps = most
