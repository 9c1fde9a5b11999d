"""What every trainer of rows shares: batches, optimizer groups, whole checkpoints, figures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, set_seed
from transformers.trainer_utils import rotate_checkpoints

from isogloss.data.collate import IGNORED_LABEL, RowCollator
from isogloss.data.pairing import SeededBatchSampler
from isogloss.errors import IsoglossError
from isogloss.models.averaging import WeightAverage
from isogloss.models.features import FeatureClassifier
from isogloss.stopping import Stopped, deferred, requested
from isogloss.trainers.averaging import SnapshotAveraging
from isogloss.trainers.checkpoints import StopAtStep, mark_complete, read_marker, writing_checkpoint
from isogloss.trainers.config import RowTrainingArguments
from isogloss.trainers.recomputation import Recomputation


class RowTrainer(Trainer):
    """A Hugging Face `Trainer` for flat rows; a subclass says what a batch costs.

    Args:
        model: the module whose state a checkpoint holds.
        args: a `RowTrainingArguments`.
        train_dataset: what `row_sampler` indexes.
        pad_token_id: of the tokenizer.
        callbacks: as upstream.
    """

    args: RowTrainingArguments
    model: Any
    train_dataset: Any

    # Losses are divided by the rows of the whole accumulated batch, not averaged over parts of it.
    loss_is_scaled_for_ga = True

    def __init__(
        self,
        model: nn.Module,
        args: RowTrainingArguments,
        *,
        train_dataset: Any,
        pad_token_id: int,
        callbacks: list[Any] | None = None,
    ) -> None:
        collator = RowCollator(
            pad_token_id=pad_token_id, pad_to_multiple_of=args.pad_to_multiple_of
        )
        self._recomputation = Recomputation(
            model, args.recompute_tokens, always=bool(args.gradient_checkpointing)
        )
        if args.n_gpu > 1:
            # Upstream would cut every tensor of a batch into as many parts as there are devices,
            # texts and rows alike; `accelerate launch` gives each device batches of its own.
            args._n_gpu = 1
        super().__init__(
            model=model,
            args=args,
            data_collator=collator,
            train_dataset=train_dataset,
            callbacks=callbacks,
        )
        # Upstream prints every log entry where its own bars are off.
        self.remove_callback(PrinterCallback)
        # Upstream passes the number of labelled rows only where it believes the model takes it.
        self.model_accepts_loss_kwargs = True
        self.loss_is_scaled_for_ga = True
        self._figures: dict[str, float] = {}
        self._figure_steps = 0
        # What the mark of the checkpoint says that this training goes on from.
        self._earlier: dict[str, Any] = {}
        self._began = time.monotonic()
        self._stopping = StopAtStep(self._largest)
        self.add_callback(self._stopping)
        self.add_callback(AtTrainBegin(self._go_on_logging))
        self._averaging: SnapshotAveraging | None = None
        if args.average_snapshots:
            self._averaging = SnapshotAveraging(
                self.classifier, snapshots=args.average_snapshots, share=args.average_share
            )
            self.add_callback(self._averaging)

    @property
    def classifier(self) -> FeatureClassifier:
        """What is trained, without whatever trains against it."""
        model = self.model
        found: FeatureClassifier = (
            model if isinstance(model, FeatureClassifier) else model.classifier
        )
        return found

    @property
    def average(self) -> WeightAverage | None:
        """The mean of the snapshots so far; None where none are taken."""
        return None if self._averaging is None else self._averaging.average

    # What a subclass gives.

    def row_sampler(self) -> SeededBatchSampler:
        """The batches of an epoch, as lists of indices into `train_dataset`."""
        raise NotImplementedError

    def batch_loss(
        self, model: nn.Module, inputs: Mapping[str, torch.Tensor], rows: torch.Tensor | None
    ) -> torch.Tensor:
        """The scalar loss of one micro-batch; `rows` counts labels in the accumulated batch."""
        raise NotImplementedError

    def parameter_groups(self, decay: set[str]) -> list[dict[str, Any]]:
        """Optimizer groups; `decay` names the parameters that weight decay applies to."""
        return split_by_decay(self.model.named_parameters(), decay, self.args.weight_decay)

    # What upstream calls.

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Upstream's training, seeded here, so that what ran since construction does not count."""
        set_seed(int(self.args.seed))
        if self._averaging is not None:
            self._averaging.average = WeightAverage()
        self._earlier = {}
        self._figures, self._figure_steps = {}, 0
        self._began = time.monotonic()
        with deferred():
            result = super().train(*args, **kwargs)
        if self._stopping.signal is not None:
            raise Stopped(self._stopping.signal, step=self.state.global_step)
        asked = requested()
        if asked is not None:
            # Behind the last step.
            raise Stopped(asked)
        return result

    @property
    def seconds(self) -> float:
        """Of training so far, those before an interruption among them."""
        return float(self._earlier.get("seconds", 0.0)) + time.monotonic() - self._began

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches of the subclass's sampler, sharded and placed by accelerate."""
        # A generator of its own keeps the loader from drawing on the global one, whose state
        # must be the same in an unbroken and in a resumed run.
        generator = torch.Generator().manual_seed(int(self.args.seed))
        loader: DataLoader[Any] = DataLoader(
            self.train_dataset,
            batch_sampler=self.row_sampler(),
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
            generator=generator,
        )
        return self.accelerator.prepare(loader)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """The configured optimizer over the subclass's parameter groups."""
        if self.optimizer is None:
            cls, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
            decay = set(self.get_decay_parameter_names(self.model))
            self.optimizer = cls(self.parameter_groups(decay), **options)
        return self.optimizer

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The subclass's loss; a loss that is not finite stops the run with E501."""
        self._recomputation.prepare(inputs["input_ids"])
        rows = None if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
        loss = self.batch_loss(model, inputs, rows)
        if not math.isfinite(loss.item()):
            raise IsoglossError(
                "E501", step=self.state.global_step + 1, folder=self.args.output_dir
            )
        if rows is not None and self.accelerator.num_processes > 1:
            # Gradients are averaged over processes, while `rows` counts the rows of all of them.
            loss = loss * self.accelerator.num_processes
        return (loss, None) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Upstream's log with the means of the figures noted since the last one."""
        if self._figure_steps and "loss" in logs:
            logs |= {name: total / self._figure_steps for name, total in self._figures.items()}
            self._figures, self._figure_steps = {}, 0
        super().log(logs, start_time)

    def note(self, figures: Mapping[str, float]) -> None:
        """Add one micro-batch's figures to the next log entry."""
        self._figure_steps += 1
        for name, value in figures.items():
            self._figures[name] = self._figures.get(name, 0.0) + float(value)

    def save_parts(self, folder: Path) -> None:
        """Write what a subclass keeps beside upstream's files into a checkpoint's folder."""
        if self._averaging is not None:
            self._averaging.save(folder)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        folder = Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"
        # Upstream removes older checkpoints before the mark is there, and the newest one where
        # the clock was set back: it goes by the time of their folders.
        keep, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            with writing_checkpoint(folder, self.state.global_step):
                super()._save_checkpoint(model, trial)
                if self.args.should_save:
                    self.save_parts(folder)
                    mark_complete(folder, self._marker())
        finally:
            self.args.save_total_limit = keep
        if self.args.should_save:
            rotate_checkpoints(str(self.args.output_dir), keep)

    def _marker(self) -> dict[str, Any]:
        """Where the training is, and what the next log entry is a mean of so far."""
        return {
            "step": self.state.global_step,
            "of": self.state.max_steps,
            "seconds": self.seconds,
            "since_log": {
                "step": self._globalstep_last_logged,
                "loss": self._tr_loss.item(),
                "figures": self._figures,
                "figure_steps": self._figure_steps,
            },
        }

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self._averaging is not None:
            self._averaging.load(Path(resume_from_checkpoint))
        self._earlier = read_marker(Path(resume_from_checkpoint))
        super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _go_on_logging(self) -> None:
        """Have the next log entry be the mean since the last one, also over an interruption."""
        since = self._earlier.get("since_log")
        if since is None:
            return
        self._globalstep_last_logged = since["step"]
        self._tr_loss += since["loss"]
        self._figures, self._figure_steps = dict(since["figures"]), since["figure_steps"]

    def _largest(self, number: int) -> int:
        """The largest of the numbers of all processes."""
        if self.accelerator.num_processes == 1:
            return number
        mine = torch.tensor([number], device=self.args.device)
        return int(self.accelerator.gather(mine).max())


class AtTrainBegin(TrainerCallback):
    """Calls `begin` where upstream begins a training, its state already that of a checkpoint."""

    def __init__(self, begin: Callable[[], None]) -> None:
        self._begin = begin

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The training begins."""
        self._begin()


class AtEpochBegin(TrainerCallback):
    """Calls `begin` with the number of steps done where upstream begins an epoch."""

    def __init__(self, begin: Callable[[int], None]) -> None:
        self._begin = begin

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """An epoch begins."""
        self._begin(state.global_step)


def total_steps(args: RowTrainingArguments, batches: int) -> int:
    """The steps that a training makes, with passes of so many batches, as upstream counts them."""
    if args.max_steps > 0:
        return args.max_steps
    a_pass = max(1, math.ceil(batches / (args.gradient_accumulation_steps * args.world_size)))
    return math.ceil(a_pass * args.num_train_epochs)


def split_by_decay(
    parameters: Iterable[tuple[str, nn.Parameter]], decay: set[str], weight_decay: float
) -> list[dict[str, Any]]:
    """Two optimizer groups: the parameters named in `decay`, and the rest without decay."""
    named = [(name, p) for name, p in parameters if p.requires_grad]
    return [
        {"params": [p for n, p in named if n in decay], "weight_decay": weight_decay},
        {"params": [p for n, p in named if n not in decay], "weight_decay": 0.0},
    ]


def task_loss(
    logits: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor | None
) -> torch.Tensor:
    """Mean cross-entropy of the labelled rows.

    Args:
        logits: (n, k).
        labels: (n,), -100 where there is none.
        rows: the labelled rows of the whole accumulated batch, so that its parts add up to the
            loss of one large batch; None: those of this batch.

    Returns:
        A scalar, 0 (with a gradient of 0) where no row has a label.
    """
    total = F.cross_entropy(logits.float(), labels, ignore_index=IGNORED_LABEL, reduction="sum")
    count = (labels != IGNORED_LABEL).sum() if rows is None else rows
    return total / count.clamp(min=1)
