"""What trainers that see source and target side by side share: their batches, balanced or not."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from isogloss.data.pairing import PairedDataset, SeededBatchSampler
from isogloss.models.features import FeatureClassifier
from isogloss.trainers.balance import SourceBalance
from isogloss.trainers.base import AtEpochBegin, RowTrainer, total_steps
from isogloss.trainers.config import PairedTrainingArguments
from isogloss.trainers.finetune import lengths_of
from isogloss.trainers.pseudobalance import PseudoBalancer, TargetSampling
from isogloss.trainers.sampling import two_drawn_sides, two_sides


class PairedTrainer(RowTrainer):
    """Trains on batches of as many source as target examples.

    With `sampling="balanced"` source examples are drawn so that classes come equally often, and
    target examples so that pseudo-labels do. A run then has `sampling_refreshes` rounds, in place
    of epochs; each begins with a pass over the target without dropout, which gives these labels.

    Args:
        model: the module that is trained.
        args: a `PairedTrainingArguments`.
        classifier: the part of `model` that gives pseudo-labels.
        source: encoded source examples with labels (a `datasets.Dataset`).
        target: encoded target examples; labels, if there, never reach a batch.
        pad_token_id: of the tokenizer.
        callbacks: as upstream.
        fitted: whether the classifier knows the task already; if not, the first round draws all
            target examples alike.

    References:
        The meta-algorithm of Garg et al., ICML 2023 (RLSbench).
    """

    args: PairedTrainingArguments

    def __init__(
        self,
        model: nn.Module,
        args: PairedTrainingArguments,
        *,
        classifier: FeatureClassifier,
        source: Any,
        target: Any,
        pad_token_id: int,
        callbacks: Sequence[Any] | None,
        fitted: bool,
    ) -> None:
        self._lengths = lengths_of(source), lengths_of(target)
        self._classifier = classifier
        self._fitted = fitted
        self._balance = SourceBalance.of(args, source, classifier.num_labels)
        if self._balance is not None:
            # Rounds take the place of epochs, so the steps have to be counted here.
            args = copy.copy(args)
            args.max_steps = total_steps(args, len(two_sides(args, *self._lengths)))
        dataset = PairedDataset(source, target)
        self._sampling = self._all_alike()
        super().__init__(
            model,
            args,
            train_dataset=dataset,
            pad_token_id=pad_token_id,
            callbacks=None if callbacks is None else list(callbacks),
        )
        if self._balance is not None:
            self._balancer = PseudoBalancer(
                target=dataset.target,
                source=self._balance.shares,
                pad_token_id=pad_token_id,
                precision="bf16" if args.bf16 else "fp32",
            )
            self.add_callback(AtEpochBegin(self._begin_round))

    def row_sampler(self) -> SeededBatchSampler:
        """Source and target examples of similar lengths, as many of each."""
        if self._balance is None:
            return two_sides(self.args, *self._lengths)
        source = self._balance.shares
        return two_drawn_sides(
            self.args,
            *self._lengths,
            shares=(lambda: source, lambda: self._sampling.shares),
            batches=self._steps_a_round()
            * self.args.gradient_accumulation_steps
            * self.args.world_size,
        )

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Training from the first round on, or from the round that the checkpoint was in."""
        self._sampling = self._all_alike()
        return super().train(*args, **kwargs)

    def target_weights(self) -> np.ndarray:
        """(k,) the target's class balance over the source's as it is drawn; here: none known."""
        return np.ones(self._classifier.num_labels)

    def _all_alike(self, number: int = -1) -> TargetSampling:
        count = self._classifier.num_labels
        return TargetSampling.none(len(self._lengths[1]), count, number=number)

    def _steps_a_round(self) -> int:
        return math.ceil(self.args.max_steps / self.args.sampling_refreshes)

    def _begin_round(self, step: int) -> None:
        """Give the target its shares, unless a checkpoint of this round brought them along."""
        number = step // self._steps_a_round()
        if self._sampling.number == number:
            return
        if number == 0 and not self._fitted:
            self._sampling = self._all_alike(number)
            return
        self._sampling = self._balancer(
            self._classifier, weights=self.target_weights(), number=number
        )

    # What upstream calls around checkpoints.

    def save_parts(self, folder: Path) -> None:
        """The same beside the rest, in a checkpoint's folder."""
        super().save_parts(folder)
        if self._balance is not None:
            self._sampling.save(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self._balance is not None:
            folder = Path(resume_from_checkpoint)
            self._sampling = TargetSampling.load(folder, examples=len(self._lengths[1]))
        super()._load_from_checkpoint(resume_from_checkpoint, model)
