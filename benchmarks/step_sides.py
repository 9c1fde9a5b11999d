"""The sides of `train_step.py`: four ways to train one encoder on the same examples."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from step_workers import Job, Turns

# Passes over the source in a run, to which the schedules of the published step refer.
EPOCHS = 4


def train_ours(job: Job, turns: Turns) -> None:
    """The `iwda` stage of a run, as `isogloss adapt` goes through it."""
    from isogloss.recipes.methods import Stage
    from isogloss.recipes.stages.aligning import align

    count_operations(turns)
    with tempfile.TemporaryDirectory() as folder:
        shop = open_workshop(job, Path(folder), turns)
        shop.model_of = lambda stage: "offline"
        align(shop, Stage("iwda", "align", "zero-shot"))


def train_finetuned(job: Job, turns: Turns) -> None:
    """Plain fine-tuning on the fast path, on the very batches of the `iwda` stage, all labelled."""
    from isogloss.data.pairing import PairedBatchSampler
    from isogloss.recipes.methods import Stage
    from isogloss.recipes.stages import finetuning
    from isogloss.trainers.finetune import FinetuneTrainer

    class SameBatches(FinetuneTrainer):
        def row_sampler(self) -> Any:
            lengths = shop.data.train["length"]
            source, target = lengths[:boundary], lengths[boundary:]
            return PairedBatchSampler(source, target, batch_size=job.batch_size, seed=job.seed)

    count_operations(turns)
    with tempfile.TemporaryDirectory() as folder:
        shop = open_workshop(job, Path(folder), turns, recipe="bilingual")
        boundary = len(shop.data.train) - len(shop.data.target)
        finetuning.FinetuneTrainer = SameBatches  # type: ignore[misc]
        finetuning.finetune(shop, Stage("bilingual", "finetune"))


def train_plain(job: Job, turns: Turns) -> None:
    """Fine-tuning by transformers' own `Trainer` with its defaults, as many texts a step."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from published_step import pad

    class Steps(TrainerCallback):
        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            turns.ready({"precision": "fp32", "run_steps": args[1].max_steps})

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            turns.step_done()

    def collate(examples: list[Any]) -> dict[str, torch.Tensor]:
        batch = pad(examples, tagging=job.task == "token", pad_token_id=shop.pad_token_id)
        batch.pop("active", None)
        return batch

    count_operations(turns)
    with tempfile.TemporaryDirectory() as folder:
        shop = open_workshop(job, Path(folder), turns, recipe="bilingual")
        model = open_plain(job, shop)
        args = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=2 * job.batch_size,
            num_train_epochs=EPOCHS,
            seed=job.seed,
            use_cpu=not torch.cuda.is_available(),
            remove_unused_columns=False,
            save_strategy="no",
            disable_tqdm=True,
            logging_strategy="no",
            dataloader_pin_memory=False,
        )
        trainer = Trainer(
            model, args, train_dataset=shop.data.train, data_collator=collate, callbacks=[Steps()]
        )
        trainer.train()


def train_published(job: Job, turns: Turns) -> None:
    """The published step on the same encoder and the same encoded examples."""
    from published_step import random_batches

    count_operations(turns)
    with tempfile.TemporaryDirectory() as folder:
        shop = open_workshop(job, Path(folder), turns)
        data, steps = shop.data, EPOCHS * len(shop.data.train) // job.batch_size
        step = open_published(job, shop, total_steps=steps)
        source, target = (
            random_batches(
                examples,
                tagging=job.task == "token",
                batch_size=job.batch_size,
                pad_token_id=shop.pad_token_id,
                seed=job.seed + side,
            )
            for side, examples in enumerate((data.train, data.target))
        )
        turns.ready({"precision": "fp32", "run_steps": steps})
        while True:
            step(next(source), next(target))
            turns.step_done()


SIDES: dict[str, Callable[[Job, Turns], None]] = {
    "ours": train_ours,
    "finetuned": train_finetuned,
    "plain": train_plain,
    "published": train_published,
}


def open_plain(job: Job, shop: Any) -> Any:
    """The offline encoder with a new head, as transformers loads it."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

    from isogloss.models.offline import offline_folder

    tagging = job.task == "token"
    auto = AutoModelForTokenClassification if tagging else AutoModelForSequenceClassification
    torch.manual_seed(job.seed)
    return auto.from_pretrained(
        offline_folder(), num_labels=len(shop.labels), attn_implementation=job.attention
    )


def open_published(job: Job, shop: Any, *, total_steps: int) -> Any:
    """The published step of the offline encoder with a new head."""
    import torch

    from published_step import PublishedOptions, PublishedStep

    prior = torch.as_tensor(shop.source_prior, dtype=torch.float32)
    return PublishedStep(
        open_plain(job, shop),
        source_prior=prior,
        start_weights=torch.ones_like(prior),
        total_steps=total_steps,
        options=PublishedOptions(),
    )


def count_operations(turns: Turns) -> None:
    """Have every pass of an encoder in training counted, whatever trains it."""
    import torch
    from torch.nn.modules.module import register_module_forward_pre_hook

    def count(module: Any, inputs: tuple[Any, ...]) -> None:
        if type(module).__name__ == "BertEncoder" and torch.is_grad_enabled():
            turns.computed(layer_operations(module.config, *inputs[0].shape[:2]))

    register_module_forward_pre_hook(count)


def layer_operations(config: Any, texts: int, length: int) -> int:
    """Floating-point operations of the matrix products of an encoder's layers in one step.

    Args:
        config: of a BERT encoder.
        texts: b, in the batch.
        length: L, padding counted.

    Returns:
        Three times those of the forward pass: `2 b L (4 d^2 + 2 d f) + 4 b L^2 d` a layer, with d
        the hidden and f the intermediate size. Head and critic are left out.
    """
    d, f = config.hidden_size, config.intermediate_size
    products = 2 * texts * length * (4 * d * d + 2 * d * f)
    attention = 4 * texts * length * length * d
    return 3 * int(config.num_hidden_layers) * (products + attention)


def open_workshop(job: Job, folder: Path, turns: Turns, *, recipe: str = "iwda") -> Any:
    """Data and settings of a run with the defaults that users get, told to go turn by turn.

    Of the weightings it takes `online`, since that is what a published step does, too.
    """
    from isogloss.models.precision import choose_precision
    from isogloss.models.reading import load_tokenizer
    from isogloss.recipes import adapt, inputs
    from isogloss.recipes.config import RunConfig
    from isogloss.recipes.folder import RunFolder

    config = RunConfig(
        source=job.source,
        target=job.target,
        task=job.task,
        recipe=recipe,
        max_length=job.max_length,
        seed=job.seed,
        iwda={"per_device_train_batch_size": job.batch_size, "weighting": "online"},
    ).resolved()
    data = inputs.read(config, {})
    tokenizer, longest = load_tokenizer(config.model, trust_remote_code=False)
    length = min(job.max_length, longest)
    encoded = inputs.encode(data, config, tokenizer, max_length=length)
    progress = turn_progress(turns, choose_precision(config.precision or "auto"))
    return adapt.make_workshop(
        config, RunFolder(folder), data, encoded, tokenizer.pad_token_id, length, progress
    )


def turn_progress(turns: Turns, precision: str) -> Any:
    """A `Progress` that lets a trainer go on only when a turn is due."""
    from isogloss.progress import Progress

    class TurnProgress(Progress):
        def start(self, phase: str, total: int | None, unit: str) -> None:
            turns.ready({"run_steps": total, "precision": precision})

        def advance(self, amount: int, figures: Mapping[str, float] | None = None) -> None:
            for _ in range(amount):
                turns.step_done()

    return TurnProgress()
