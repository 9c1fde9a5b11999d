"""Self-training: labels for the target that the model gives itself, round by round."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from isogloss.data.balancing import Shares, among, plain
from isogloss.data.collate import IGNORED_LABEL
from isogloss.data.pairing import SeededBatchSampler
from isogloss.errors import IsoglossError
from isogloss.models.features import FeatureClassifier
from isogloss.trainers.balance import SourceBalance, as_drawn
from isogloss.trainers.base import AtEpochBegin, RowTrainer, task_loss
from isogloss.trainers.estimation import RowEstimator
from isogloss.trainers.finetune import lengths_of, model_inputs
from isogloss.trainers.processes import agree_on
from isogloss.trainers.sampling import round_batching, sorted_by, two_drawn_sides
from isogloss.trainers.selftraining_batches import (
    BeliefCollator,
    PseudoLabelledDataset,
    RoundBatchSampler,
)
from isogloss.trainers.selftraining_config import SelfTrainingConfig
from isogloss.trainers.selftraining_rounds import Labeller
from isogloss.trainers.selftraining_state import PseudoLabels


class SelfTrainingTrainer(RowTrainer):
    """Fine-tunes on the source and on target rows that the model itself has labelled.

    A round begins with a pass over the target without dropout, which gives some rows a
    pseudo-label; all that have one are then trained on beside the source. As published
    (`selection="confident"`) the examples that the model is surest of are labelled, whatever their
    classes. That draws the labels towards the source's class balance where the target has another.
    With `selection="prior"` the target's prior is estimated in each round, the probabilities are
    corrected by it, and every class gets rows in proportion to its share among all predictions,
    held within the interval of the estimate: a sure estimate decides, and one that says little
    changes little. Where the test says that label shift does not hold, or the estimate all but
    denies a class that is predicted, it is left aside, and no balance is known. Then each class
    gets as large a part of its predicted rows as the others (Zou et al., ECCV 2018), and only rows
    that would be called the same if the predictions were halfway to the source's balance.

    Args:
        classifier: the fine-tuned `FeatureClassifier` to go on from.
        args: a `SelfTrainingConfig`.
        source: encoded source examples with labels (a `datasets.Dataset`).
        target: encoded target examples; labels, if there, never reach a batch.
        pad_token_id: of the tokenizer.
        estimate: estimates the prior; needed by `selection="prior"`.
        callbacks: as upstream.

    Raises:
        IsoglossError: E519 where the selection needs `estimate` and there is none.

    References:
        Dong & de Melo, EMNLP 2019; Xian, Ji & Zhao, ICLR 2022, appendix C.2; correction: Saerens,
        Latinne & Decaestecker, Neural Computation 14 (2002).
    """

    args: SelfTrainingConfig
    train_dataset: PseudoLabelledDataset

    def __init__(
        self,
        classifier: FeatureClassifier,
        args: SelfTrainingConfig,
        *,
        source: Any,
        target: Any,
        pad_token_id: int,
        estimate: RowEstimator | None = None,
        callbacks: list[Any] | None = None,
    ) -> None:
        if args.selection == "prior" and estimate is None:
            raise IsoglossError("E519", selection=args.selection)
        self._lengths = lengths_of(source), lengths_of(target)
        self._pseudo: PseudoLabels | None = None
        self._balance = SourceBalance.of(args, source, classifier.num_labels)
        self._drawn: tuple[PseudoLabels, Shares] | None = None
        # Rounds take the place of epochs, so the steps have to be counted here.
        args = copy.copy(args)
        self._batching = round_batching(args)
        a_pass = len(self._batching.one_side(self._lengths[0]))
        args.max_steps = total_steps(args, a_pass)
        super().__init__(
            classifier,
            args,
            train_dataset=PseudoLabelledDataset(source, target, lambda: self._pseudo),
            pad_token_id=pad_token_id,
            callbacks=callbacks,
        )
        self._label = Labeller(
            args=args,
            target=self.train_dataset.target,
            pad_token_id=pad_token_id,
            estimate=estimate,
        )
        self.data_collator = BeliefCollator(self.data_collator, classifier.num_labels)
        self.add_callback(AtEpochBegin(self._begin_round))

    @property
    def rounds(self) -> list[dict[str, Any]]:
        """What each round so far has found.

        Of each: `step` it began at; `labelled`, rows with a pseudo-label, and `share` of all rows
        of the target that is; `examples` with any; `classes`, (k,) shares of the classes among the
        pseudo-labels; with `selection="prior"` also `aim`, (k,) the shares they were to have,
        `sure`, the share of the rows that could be given one, `coverage`, of the rows that were to
        be given one, those that could in these shares, `estimate`, (k,) the target prior,
        `shift_is_significant` and `assumption_p_value`.
        """
        return [] if self._pseudo is None else list(self._pseudo.rounds)

    @property
    def boundary(self) -> int:
        """The index of the first target example."""
        return len(self._lengths[0])

    def row_sampler(self) -> SeededBatchSampler:
        """The batches of a round, which upstream takes for an epoch."""
        args = self.args
        batches = steps_a_round(args) * args.gradient_accumulation_steps
        if self._balance is not None:
            source = self._balance.shares
            shares = (lambda: source), self._pseudo_shares
            return two_drawn_sides(args, *self._lengths, shares=shares, batches=batches)
        return RoundBatchSampler(
            *(sorted_by(args, lengths) for lengths in self._lengths),
            labelled=lambda: _labelled_examples(self._pseudo),
            batching=self._batching,
            batches=batches,
            seed=int(args.seed),
        )

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Training from the first round on, or from the round that the checkpoint was in."""
        self._pseudo = None
        return super().train(*args, **kwargs)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], torch.Tensor]:
        """Upstream's, counting the labelled rows (2,) of source and target apart."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        counts = torch.zeros(2, dtype=torch.long, device=device)
        for batch in batches:
            labelled, on_target = batch["labels"] != IGNORED_LABEL, batch["is_target"]
            counts += torch.stack([(labelled & ~on_target).sum(), (labelled & on_target).sum()])
        return batches, self.accelerator.reduce(counts, "sum")

    def batch_loss(
        self, model: nn.Module, inputs: Mapping[str, torch.Tensor], rows: torch.Tensor | None
    ) -> torch.Tensor:
        """Cross-entropy of the source's labels plus that of the pseudo-labels, each a mean.

        The second is over all rows that were to have a label; one without adds nothing (FixMatch:
        Sohn et al., NeurIPS 2020). So a handful of labels does not count for as much as a thousand.
        """
        logits = model(**model_inputs(inputs)).logits
        labels, on_target = inputs["labels"], inputs["is_target"]
        counts = (None, None) if rows is None else (rows[0], rows[1])
        of_source = of_target = logits
        if self._balance is not None:
            of_source = self._balance.seen(logits)
            of_target = as_drawn(logits, self._pseudo_shares())
        source = task_loss(of_source, labels.masked_fill(on_target, IGNORED_LABEL), counts[0])
        given = labels.masked_fill(~on_target, IGNORED_LABEL)
        if self.args.targets == "hard":
            pseudo = task_loss(of_target, given, counts[1])
        else:
            pseudo = soft_loss(logits, inputs["beliefs"], given != IGNORED_LABEL, counts[1])
        # Figures are averaged over parts of an accumulated batch, while their losses add up.
        parts = self.parts
        share, coverage = 0.0, 1.0
        if self._pseudo is not None:
            share, coverage = self._pseudo.share, self._pseudo.coverage
        self.note(
            {
                "task_loss": source.item() * parts,
                "pseudo_loss": pseudo.item() * parts,
                "pseudo_labelled": share,
            }
        )
        return source + self.args.pseudo_weight * coverage * pseudo

    def _begin_round(self, step: int) -> None:
        """Give the round's labels, unless a checkpoint of this round brought them along."""
        number = step // steps_a_round(self.args)
        if len(self.rounds) > number:
            return
        found = self._label(self.model, self._pseudo, step=step, number=number)
        self._pseudo = agree_on(self.accelerator, found)

    def _pseudo_shares(self) -> Shares:
        """Of the target's examples, under which the pseudo-labels come near balance."""
        pseudo = self._pseudo
        if pseudo is None:
            nothing = plain(0, self.model.num_labels)
            return among(nothing, np.zeros(0, dtype=np.int64), len(self._lengths[1]))
        if self._drawn is None or self._drawn[0] is not pseudo:
            self._drawn = pseudo, pseudo.balanced_shares()
        return self._drawn[1]

    # What upstream calls around checkpoints.

    def save_parts(self, folder: Path) -> None:
        """The same beside the rest, in a checkpoint's folder."""
        super().save_parts(folder)
        if self._pseudo is not None:
            self._pseudo.save(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        examples = len(self.train_dataset.target)
        self._pseudo = PseudoLabels.load(Path(resume_from_checkpoint), examples=examples)
        super()._load_from_checkpoint(resume_from_checkpoint, model)


def total_steps(args: SelfTrainingConfig, batches: int) -> int:
    """Optimizer steps in all: `max_steps`, or what passes of so many batches take."""
    if args.max_steps > 0:
        return args.max_steps
    steps = batches // args.gradient_accumulation_steps
    return max(1, math.ceil(max(1, steps) * args.num_train_epochs))


def steps_a_round(args: SelfTrainingConfig) -> int:
    """Optimizer steps from one round to the next; the last round may be shorter."""
    return math.ceil(args.max_steps / args.rounds)


def soft_loss(
    logits: torch.Tensor, beliefs: torch.Tensor, counted: torch.Tensor, rows: torch.Tensor | None
) -> torch.Tensor:
    """Mean cross-entropy of rows with probabilities for labels.

    Args:
        logits: (n, k).
        beliefs: (n, k), each counted row sums to 1.
        counted: (n,) bool, rows that have them.
        rows: as for `task_loss`.

    Returns:
        A scalar, 0 (with a gradient of 0) where no row is counted.
    """
    losses = -(beliefs * F.log_softmax(logits.float(), dim=-1)).sum(dim=-1)
    count = counted.sum() if rows is None else rows
    return (losses * counted).sum() / count.clamp(min=1)


def _labelled_examples(pseudo: PseudoLabels | None) -> np.ndarray:
    return np.zeros(0, dtype=np.int64) if pseudo is None else pseudo.labelled_examples()
