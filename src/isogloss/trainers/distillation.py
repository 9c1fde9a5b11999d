"""Distillation: a student learns a teacher's class probabilities on source and target texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from isogloss.data.balancing import Shares, balanced, pooled
from isogloss.data.collate import RowCollator
from isogloss.data.pairing import PairedDataset, SeededBatchSampler
from isogloss.errors import IsoglossError
from isogloss.models.features import FeatureClassifier
from isogloss.models.freezing import freeze_bottom
from isogloss.trainers.balance import SourceBalance
from isogloss.trainers.base import RowTrainer, task_loss
from isogloss.trainers.distillation_config import DistillationConfig
from isogloss.trainers.finetune import lengths_of, model_inputs
from isogloss.trainers.sampling import drawn_set, one_set
from isogloss.trainers.teacher import TeacherOutputs


class DistillationTrainer(RowTrainer):
    """Trains a student on a teacher's probabilities, and a little on the source's labels.

    Args:
        student: a `FeatureClassifier` that has not been fine-tuned; its embeddings and lowest
            layers are frozen here as `args` says.
        args: a `DistillationConfig`.
        source: encoded source examples with labels (a `datasets.Dataset`).
        target: encoded target examples; labels, if there, never reach a batch.
        outputs: what the teacher says of the source's examples and, behind them, the target's.
        pad_token_id: of the student's tokenizer.
        callbacks: as upstream.

    Raises:
        IsoglossError: E405 where `outputs` are of another number of examples, E345 for more frozen
            layers than there are.

    References:
        Hinton, Vinyals & Dean, 2015; Wu et al., ACL 2020; Xian, Ji & Zhao, ICLR 2022, appendix C.
    """

    args: DistillationConfig

    def __init__(
        self,
        student: FeatureClassifier,
        args: DistillationConfig,
        *,
        source: Any,
        target: Any,
        outputs: TeacherOutputs,
        pad_token_id: int,
        callbacks: list[Any] | None = None,
    ) -> None:
        examples = TaughtDataset(source, target, outputs, with_source=args.uses_source)
        self._lengths = np.concatenate([lengths_of(examples.source), lengths_of(examples.target)])
        self._balance = SourceBalance.of(args, source, student.num_labels)
        self._shares = None if self._balance is None else taught_shares(examples, self._balance)
        self._taught_rows: Tensor | None = None
        # Before upstream counts what is to be trained.
        freeze_bottom(student, layers=args.frozen_layers, embeddings=args.freeze_embeddings)
        super().__init__(
            student,
            args,
            train_dataset=examples,
            pad_token_id=pad_token_id,
            callbacks=callbacks,
        )
        self.data_collator = TaughtCollator(
            pad_token_id=pad_token_id, pad_to_multiple_of=args.pad_to_multiple_of
        )

    def row_sampler(self) -> SeededBatchSampler:
        """Random batches of both sides, of similar lengths unless `bucket_by_length` is off."""
        if self._shares is not None:
            return drawn_set(self.args, self._lengths, self._shares)
        return one_set(self.args, self._lengths)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Any]:
        """Upstream's batches of one step and count of labelled rows; counts taught rows too."""
        batches, labelled = super().get_batch_samples(epoch_iterator, num_batches, device)
        if batches:
            taught = torch.stack([self._taught(batch).sum() for batch in batches]).sum().to(device)
            self._taught_rows = self.accelerator.gather(taught).sum()
        return batches, labelled

    def batch_loss(
        self, model: torch.nn.Module, inputs: Mapping[str, Tensor], rows: Tensor | None
    ) -> Tensor:
        """Distillation loss plus the weighted cross-entropy of the source's labels."""
        logits = model(**model_inputs(inputs)).logits
        taught = self._taught(inputs)
        count = taught.sum() if self._taught_rows is None else self._taught_rows
        student, teacher = logits[taught], inputs["teacher_logits"][taught]
        distilled = distillation_loss(
            student,
            teacher,
            kind=self.args.distillation_loss,
            temperature=self.args.temperature,
            rows=count,
        )
        agreeing = (student.argmax(-1) == teacher.argmax(-1)).sum() / count.clamp(min=1)
        figures = {"distillation_loss": distilled, "agreement": agreeing}
        loss = distilled
        if self.args.uses_source:
            seen = logits if self._balance is None else self._balance.seen(logits)
            figures["task_loss"] = task_loss(seen, inputs["labels"], rows)
            loss = distilled + self.args.source_loss_weight * figures["task_loss"]
        # Parts of an accumulated batch add up, while figures are averaged over them.
        parts = self.parts
        self.note({name: value.item() * parts for name, value in figures.items()})
        return loss

    def _taught(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """(n,) bool: the rows on which the teacher is mimicked."""
        known = ~inputs["teacher_logits"][:, 0].isnan()
        return known & inputs["is_target"] if self.args.domains == "target" else known


class TaughtDataset(PairedDataset):
    """Source and target examples with what the teacher says of them, as `teacher_logits`.

    Args:
        source: encoded source examples, with `labels`.
        target: encoded target examples; a `labels` column, if any, is left behind.
        outputs: of both, the source's first.
        with_source: False leaves the source's examples out.

    Raises:
        IsoglossError: E405 where `outputs` are of another number of examples.
    """

    def __init__(
        self, source: Any, target: Any, outputs: TeacherOutputs, *, with_source: bool = True
    ) -> None:
        there = len(source) + len(target)
        if len(outputs) != there:
            shape, expected = (len(outputs),), f"({there},)"
            raise IsoglossError("E405", name="the outputs", shape=shape, expected=expected)
        super().__init__(source if with_source else source.select(range(0)), target)
        self._outputs, self._first = outputs, there - len(self)

    def taught_classes(self) -> tuple[np.ndarray, np.ndarray]:
        """What the teacher takes each row (r,) of the target for, -1 where it says nothing.

        Returns:
            The classes, and how many rows (m,) each example has.
        """
        starts = self._outputs.starts[self._first + len(self.source) :].numpy()
        logits = self._outputs.logits[starts[0] :].numpy()
        known = ~np.isnan(logits[:, 0])
        return np.where(known, np.where(known[:, None], logits, 0).argmax(1), -1), np.diff(starts)

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        boundary = len(self.source)
        # The order in which the examples come back: the source's first.
        ordered = [i for i in indices if i < boundary] + [i for i in indices if i >= boundary]
        examples = super().__getitems__(indices)
        for example, index in zip(examples, ordered, strict=True):
            example["teacher_logits"] = self._outputs.of(self._first + index)
        return examples


def taught_shares(examples: TaughtDataset, balance: SourceBalance) -> Shares:
    """Shares of all examples: the source's by their labels, the target's by the teacher's.

    What the teacher says of a text is the same however often it comes, so only the source's labels
    need be put under another balance.

    Args:
        examples: of both sides.
        balance: of the source.
    """
    classes, rows = examples.taught_classes()
    target = balanced(classes, rows, len(balance.shares.natural))
    return pooled([balance.shares, target] if len(examples.source) else [target])


@dataclass(frozen=True, kw_only=True)
class TaughtCollator(RowCollator):
    """Collates the teacher's logits too: `teacher_logits`, (n, k)."""

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """Collate as `RowCollator` does."""
        batch = super().__call__(examples)
        batch["teacher_logits"] = torch.cat([e["teacher_logits"] for e in examples])
        return batch


def distillation_loss(
    student: Tensor, teacher: Tensor, *, kind: str, temperature: float, rows: Tensor | None = None
) -> Tensor:
    """How far a student's softened probabilities are from a teacher's.

    Args:
        student: (n, k) logits.
        teacher: (n, k) logits.
        kind: "mse", the mean over rows and classes of the squared difference; or "kl", the mean
            over rows of KL(teacher || student), in nats, times the temperature squared, which
            keeps its gradient of one size whatever the temperature.
        temperature: T > 0; probabilities are softmax(logits / T).
        rows: of the whole accumulated batch, so that its parts add up; None: n.

    Returns:
        A scalar of at least 0, 0 (with a gradient of 0) where there are no rows.

    References:
        Hinton, Vinyals & Dean, 2015, section 2; Xian, Ji & Zhao, ICLR 2022, appendix C (MSE).
    """
    ours, theirs = student.float() / temperature, teacher.float() / temperature
    if kind == "mse":
        total = (ours.softmax(-1) - theirs.softmax(-1)).square().mean(-1).sum()
    else:
        ours, theirs = ours.log_softmax(-1), theirs.log_softmax(-1)
        total = temperature**2 * F.kl_div(ours, theirs, reduction="sum", log_target=True)
    count = torch.tensor(len(student)) if rows is None else rows
    return total / count.clamp(min=1)
