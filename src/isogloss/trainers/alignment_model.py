"""Classifier, critic and class weights as one module, so that one checkpoint holds them all."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Literal, TypedDict

import torch
from torch import nn

from isogloss.alignment.alternation import held_fixed
from isogloss.alignment.conditioning import make_conditioning
from isogloss.alignment.divergence import WITH_CRITIC, Terms, make_divergence
from isogloss.alignment.schedule import applied_weights
from isogloss.alignment.weighting import Divisors
from isogloss.labelshift.holder import ClassWeights
from isogloss.models.features import FeatureClassifier, Rows
from isogloss.trainers.balance import SourceBalance
from isogloss.trainers.base import task_loss
from isogloss.trainers.compilation import CompiledTerms
from isogloss.trainers.config import IWDAConfig

Turn = Literal["critic", "model", "both"]


class AlignmentOutput(TypedDict):
    """One batch's losses (scalars) and detached rows: logits (n, k), source costs, see `Terms`."""

    loss: torch.Tensor
    task_loss: torch.Tensor
    distance: torch.Tensor
    penalty: torch.Tensor
    logits: torch.Tensor
    source_costs: torch.Tensor


class AlignmentModel(nn.Module):
    """Importance-weighted domain alignment of a classifier's features, one pass for both sides.

    Args:
        classifier: a `FeatureClassifier`; only it is exported.
        weights: a `ClassWeights`, the importance weight of each class.
        config: the alignment options of `IWDAConfig`.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 3 and appendix C.1; conditioning: Long et al., 2018
        (CDAN); penalty: Thanh-Tung et al., 2019.
    """

    def __init__(
        self, classifier: FeatureClassifier, weights: ClassWeights, config: IWDAConfig
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self.weights = weights
        generator = torch.Generator().manual_seed(int(config.seed))
        self.conditioning = make_conditioning(
            config.conditioning,
            classifier.feature_size,
            classifier.num_labels,
            size=config.conditioning_size,
            generator=generator,
        )
        self.critic = make_divergence(
            config.critic,
            self.conditioning.out_features,
            width=config.critic_width,
            normalize=config.normalize_weights,
            penalty_strength=config.gradient_penalty,
            pairing=config.penalty_pairing,
            generator=generator,
        )
        compiled = config.compile_critic if config.critic in WITH_CRITIC else "never"
        varying = classifier.is_token or config.tokens_per_batch > 0
        self._terms = CompiledTerms(compiled, fixed_rows=not varying)

    def forward(
        self,
        *,
        labels: torch.Tensor,
        is_target: torch.Tensor,
        strength: float,
        blend: float,
        counts: torch.Tensor | None = None,
        parts: int = 1,
        turn: Turn = "both",
        balance: SourceBalance | None = None,
        tilt: torch.Tensor | None = None,
        **inputs: torch.Tensor,
    ) -> AlignmentOutput:
        """The loss whose one backward pass trains classifier and critic against each other.

        Args:
            labels: (n,), -100 on target rows.
            is_target: (n,) bool.
            strength: lambda of this step, >= 0: what the encoder sees of the critic's gradient.
            blend: alpha of this step in [0, 1]; the weights applied are alpha w + (1 - alpha).
            counts: (k + 1,) labelled rows by class and target rows of the accumulated batch, so
                that its parts add up to the loss of one large batch; None: those of this batch.
            parts: micro-batches of the accumulated batch; the alignment terms are divided by it.
            turn: "critic" trains the critic alone, with the classifier as it is; "model" the
                classifier, with the critic as it is; "both" each against the other.
            balance: of source rows that were drawn; None: they came as they are.
            tilt: (k,) how many times as often the target's rows of each class were drawn, which
                the weights are multiplied by; None: the target came as it is.
            **inputs: what the classifier takes.

        Returns:
            An `AlignmentOutput`.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and turn != "critic"):
            output: Rows = self.classifier(**inputs)
        seen = output.logits if balance is None else balance.seen(output.logits)
        task = task_loss(seen, labels, None if counts is None else counts[:-1].sum())
        of_batches = self.weights.weights if tilt is None else self.weights.weights * tilt
        weights = applied_weights(of_batches, blend).float()
        whole = counts if parts > 1 else None
        divisors = None if whole is None else Divisors.of_classes(whole, weights, parts)
        with held_fixed(self.critic) if turn == "model" else nullcontext():
            terms = self._align(output, labels, is_target, strength, weights, divisors)
        alignment = terms.loss / parts
        return {
            "loss": alignment if turn == "critic" else task + alignment,
            "task_loss": task.detach(),
            "distance": terms.distance,
            "penalty": terms.penalty,
            "logits": output.logits.detach(),
            "source_costs": terms.source_costs,
        }

    def _align(
        self,
        output: Rows,
        labels: torch.Tensor,
        is_target: torch.Tensor,
        strength: float,
        weights: torch.Tensor,
        divisors: Divisors | None,
    ) -> Terms:
        # Source rows first: then one pass serves both sides, and each is a view of it.
        order = is_target.long().argsort(stable=True)
        source = order[: len(order) - int(is_target.sum())]
        probabilities = output.logits.detach().float().softmax(-1)
        rows = self.conditioning(
            output.features.index_select(0, order), probabilities.index_select(0, order)
        )
        of_rows = weights[labels[source]]
        return self._terms(self.critic, rows, of_rows, strength=strength, divisors=divisors)
