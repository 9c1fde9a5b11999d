"""Language-adversarial training of the [CLS] vector, together with the task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isogloss.alignment.alternation import held_fixed, is_adversary_turn
from isogloss.alignment.precision import full_precision, precise
from isogloss.models.features import FeatureClassifier
from isogloss.trainers.balance import SourceBalance
from isogloss.trainers.base import split_by_decay, task_loss
from isogloss.trainers.finetune import model_inputs
from isogloss.trainers.keung_config import KeungConfig
from isogloss.trainers.paired import PairedTrainer


class AdversarialOutput(TypedDict):
    """One batch's losses, scalars; all but the first without gradient."""

    loss: Tensor
    task_loss: Tensor
    discriminator_loss: Tensor
    discriminator_accuracy: Tensor


class Discriminator(nn.Module):
    """Tells the language of a text by its [CLS] vector: one linear layer to the log-odds.

    Args:
        size: width of the vector.
        seed: of the initial parameters.
    """

    def __init__(self, size: int, *, seed: int) -> None:
        super().__init__()
        self.linear = nn.utils.skip_init(nn.Linear, size, 1)
        generator, bound = torch.Generator().manual_seed(seed), 1.0 / math.sqrt(size)
        for parameter in self.linear.parameters():
            nn.init.uniform_(parameter, -bound, bound, generator=generator)

    def forward(self, vectors: Tensor) -> Tensor:
        """Score (b, d) vectors: (b,) log-odds of being target, in at least single precision."""
        with full_precision(vectors):
            scores: Tensor = self.linear(precise(vectors))
        return scores.squeeze(1)


class AdversarialModel(nn.Module):
    """Classifier and language discriminator, of which one holds still while the other learns.

    Args:
        classifier: a `FeatureClassifier`; only it is exported.
        seed: of the discriminator.

    References:
        Keung, Lu & Bhardwaj, EMNLP 2019.
    """

    def __init__(self, classifier: FeatureClassifier, *, seed: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.discriminator = Discriminator(classifier.encoder.config.hidden_size, seed=seed)

    def forward(
        self,
        *,
        labels: Tensor,
        is_target: Tensor,
        strength: float,
        discriminator_turn: bool,
        rows: Tensor | None = None,
        parts: int = 1,
        balance: SourceBalance | None = None,
        **inputs: Tensor,
    ) -> AdversarialOutput:
        """The loss of whichever side is to learn, from one pass over both languages.

        Args:
            labels: (n,), -100 on target rows.
            is_target: (n,) bool.
            strength: weight of the loss by which the encoder misleads the discriminator, >= 0.
            discriminator_turn: train the discriminator, with the classifier as it is; else the
                classifier, with the discriminator as it is.
            rows: labelled rows of the accumulated batch, as in `task_loss`.
            parts: micro-batches of the accumulated batch; the adversarial loss is divided by it.
            balance: of source rows that were drawn; None: they came as they are.
            **inputs: what the classifier takes.

        Returns:
            An `AdversarialOutput`.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not discriminator_turn):
            output, states = self.classifier.with_first_states(**inputs)
        known, targets = sides(inputs["active_rows"], is_target, len(states))
        with nullcontext() if discriminator_turn else held_fixed(self.discriminator):
            scores = self.discriminator(states[known])
        telling = F.binary_cross_entropy_with_logits(scores, targets)
        seen = output.logits if balance is None else balance.seen(output.logits)
        task = task_loss(seen, labels, rows)
        # The encoder's loss is that of the discriminator with the languages' names exchanged.
        misled = F.binary_cross_entropy_with_logits(scores, 1.0 - targets)
        loss = telling / parts if discriminator_turn else task + strength * misled / parts
        return {
            "loss": loss,
            "task_loss": task.detach(),
            "discriminator_loss": telling.detach(),
            "discriminator_accuracy": ((scores > 0) == (targets > 0.5)).float().mean(),
        }


class KeungTrainer(PairedTrainer):
    """Fine-tunes on the source while the encoder learns to hide the language of what it reads.

    Steps take turns: `discriminator_steps` of the discriminator on what the encoder makes of both
    languages, then one of the classifier on the task and on misleading the discriminator.

    Differs from the publication, which takes three steps of three optimizers in turn: the task's
    and the misleading gradient are added up and make one step, so that their proportion is a weight
    and not the ratio of two learning rates; and rates warm up and fall as everywhere here.

    Args:
        classifier: a `FeatureClassifier`; published: a pre-trained encoder with a new head.
        args: a `KeungConfig`.
        source: encoded source examples with labels (a `datasets.Dataset`).
        target: encoded target examples; labels, if there, never reach a batch.
        pad_token_id: of the tokenizer.
        callbacks: as upstream.

    References:
        Keung, Lu & Bhardwaj, EMNLP 2019: Adversarial Learning with Contextual Embeddings for
        Zero-resource Cross-lingual Classification and NER.
    """

    args: KeungConfig
    model: AdversarialModel

    def __init__(
        self,
        classifier: FeatureClassifier,
        args: KeungConfig,
        *,
        source: Any,
        target: Any,
        pad_token_id: int,
        callbacks: list[Any] | None = None,
    ) -> None:
        super().__init__(
            AdversarialModel(classifier, seed=int(args.seed)),
            args,
            classifier=classifier,
            source=source,
            target=target,
            pad_token_id=pad_token_id,
            callbacks=callbacks,
            # The encoder is fresh: what its head says at first is no pseudo-label.
            fitted=False,
        )

    def parameter_groups(self, decay: set[str]) -> list[dict[str, Any]]:
        """Classifier and discriminator apart; the latter has its own rate and no decay."""
        discriminator = {
            "params": list(self.model.discriminator.parameters()),
            "weight_decay": 0.0,
            "lr": self.args.discriminator_learning_rate,
        }
        named = self.model.named_parameters()
        rest = [(name, p) for name, p in named if name.startswith("classifier.")]
        return [*split_by_decay(rest, decay, self.args.weight_decay), discriminator]

    def batch_loss(
        self, model: nn.Module, inputs: Mapping[str, Tensor], rows: Tensor | None
    ) -> Tensor:
        """The loss of the side whose turn it is, of one micro-batch."""
        parts = self.parts
        turn = is_adversary_turn(self.state.global_step, self.args.discriminator_steps)
        output: AdversarialOutput = model(
            **model_inputs(inputs),
            labels=inputs["labels"],
            is_target=inputs["is_target"],
            strength=self.args.adversarial_strength,
            discriminator_turn=turn,
            rows=rows,
            parts=parts,
            balance=self._balance,
        )
        figures = {
            # Parts of an accumulated batch add up, while figures are averaged over them.
            "task_loss": output["task_loss"].item() * parts,
            "discriminator_loss": output["discriminator_loss"].item(),
            "discriminator_accuracy": output["discriminator_accuracy"].item(),
        }
        self.note(figures)
        return output["loss"]


def sides(active_rows: Tensor, is_target: Tensor, examples: int) -> tuple[Tensor, Tensor]:
    """Which examples of a batch are of which language, from the rows they have.

    Args:
        active_rows: (n,) the example of each row.
        is_target: (n,) bool.
        examples: b, those of the batch.

    Returns:
        (b,) bool, whether an example has a row, and so a known side; and for those that have, in
        order, 1.0 for target and 0.0 for source.
    """
    target = is_target.new_zeros(examples).index_put((active_rows,), is_target)
    known = torch.zeros_like(target).index_fill(0, active_rows, True)
    return known, target[known].float()
