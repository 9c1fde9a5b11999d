"""Fine-tuning on labelled rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from isogloss.data import scans
from isogloss.data.pairing import SeededBatchSampler, numbered_rows_of
from isogloss.models.features import FeatureClassifier
from isogloss.trainers.balance import SourceBalance
from isogloss.trainers.base import RowTrainer, task_loss
from isogloss.trainers.config import FinetuneConfig
from isogloss.trainers.sampling import drawn_set, one_set

MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "active_rows", "active_positions")


class FinetuneTrainer(RowTrainer):
    """Minimises the cross-entropy of labelled rows: `zero-shot` and `supervised` training.

    Args:
        model: a `FeatureClassifier`.
        args: a `FinetuneConfig`.
        train_dataset: encoded examples with labels (a `datasets.Dataset`).
        pad_token_id: of the tokenizer.
        callbacks: as upstream.

    Example:
        >>> trainer = FinetuneTrainer(model, args, train_dataset=encoded, pad_token_id=1)
        >>> trainer.train()
    """

    args: FinetuneConfig

    def __init__(
        self,
        model: FeatureClassifier,
        args: FinetuneConfig,
        *,
        train_dataset: Any,
        pad_token_id: int,
        callbacks: list[Any] | None = None,
    ) -> None:
        self._lengths = lengths_of(train_dataset)
        self._balance = SourceBalance.of(args, train_dataset, model.num_labels)
        super().__init__(
            model,
            args,
            train_dataset=EncodedDataset(train_dataset),
            pad_token_id=pad_token_id,
            callbacks=callbacks,
        )

    def row_sampler(self) -> SeededBatchSampler:
        """Random batches, of similar lengths unless `bucket_by_length` is off."""
        if self._balance is not None:
            return drawn_set(self.args, self._lengths, self._balance.shares)
        return one_set(self.args, self._lengths)

    def batch_loss(
        self, model: nn.Module, inputs: Mapping[str, torch.Tensor], rows: torch.Tensor | None
    ) -> torch.Tensor:
        """Cross-entropy over the labelled rows."""
        logits = model(**model_inputs(inputs)).logits
        seen = logits if self._balance is None else self._balance.seen(logits)
        loss = task_loss(seen, inputs["labels"], rows)
        # Figures are averaged over parts of an accumulated batch, while their losses add up.
        self.note({"task_loss": loss.item() * self.parts})
        return loss


class EncodedDataset(torch.utils.data.Dataset[dict[str, Any]]):
    """A `datasets.Dataset` that hands out whole batches of examples at once."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        return numbered_rows_of(self.dataset, indices)


def model_inputs(batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The part of a collated batch that a `FeatureClassifier` takes."""
    return {name: batch[name] for name in MODEL_INPUTS if name in batch}


def lengths_of(dataset: Any) -> np.ndarray:
    """(n,) token counts of an encoded dataset."""
    return scans.numbers(dataset, "length")
