"""Importance-weighted domain alignment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from isogloss.alignment.alternation import is_adversary_turn
from isogloss.alignment.schedule import ramp
from isogloss.data import scans
from isogloss.errors import IsoglossError
from isogloss.labelshift.holder import ClassWeights, FixedWeights
from isogloss.labelshift.initial import mix
from isogloss.labelshift.interval import IntervalWeights
from isogloss.labelshift.measures import total_variation
from isogloss.labelshift.online import OnlineWeights, rate_per_row
from isogloss.labelshift.prior_estimation import PriorEstimate
from isogloss.models.features import FeatureClassifier
from isogloss.progress import PRIOR_FIGURE
from isogloss.trainers.alignment_model import AlignmentModel, AlignmentOutput, Turn
from isogloss.trainers.balance import SourceBalance
from isogloss.trainers.base import split_by_decay
from isogloss.trainers.config import IWDAConfig
from isogloss.trainers.finetune import lengths_of, model_inputs
from isogloss.trainers.paired import PairedTrainer
from isogloss.trainers.processes import agree_on, gather_rows
from isogloss.trainers.pseudobalance import DrawnDataset, TimesCollator
from isogloss.trainers.sampling import source_examples


class EstimatesWeights(Protocol):
    """Anything that looks at a classifier and says the class weights."""

    def __call__(self, classifier: FeatureClassifier) -> PriorEstimate:
        """The weights, with the interval of the target prior that they stand for."""


class IWDATrainer(PairedTrainer):
    """Aligns source and target features under class weights, starting from a zero-shot model.

    With `sampling="balanced"` the weights stand for the target's class balance over the balance
    that the source is drawn in. Where they are known or estimated, what drawing by pseudo-labels
    makes of the target's own balance goes into the loss beside them; see `class_tilt`.

    Args:
        classifier: the fine-tuned `FeatureClassifier` to go on from.
        args: an `IWDAConfig`.
        source: encoded source examples with labels (a `datasets.Dataset`).
        target: encoded target examples; labels, if there, never reach a batch.
        source_prior: (k,) class shares of the source rows as they are.
        pad_token_id: of the tokenizer.
        estimate: solves for the weights from statistics of the current classifier; needed by
            every weighting but `"fixed"`: `"held-out"` calls it over and over, others once.
        weights: (k,) the fixed weights of `weighting="fixed"`, over `source_prior`; where not
            given all are 1, however the batches are drawn.
        label_names: (k,) names under which the estimated prior is logged.
        callbacks: as upstream.

    Raises:
        IsoglossError: E512 where the weighting needs `estimate` and there is none.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 3 and appendix C.
    """

    args: IWDAConfig
    model: AlignmentModel

    def __init__(
        self,
        classifier: FeatureClassifier,
        args: IWDAConfig,
        *,
        source: Any,
        target: Any,
        source_prior: np.ndarray,
        pad_token_id: int,
        estimate: EstimatesWeights | None = None,
        weights: np.ndarray | None = None,
        label_names: Sequence[str] | None = None,
        callbacks: list[Any] | None = None,
    ) -> None:
        if args.weighting != "fixed" and estimate is None:
            raise IsoglossError("E512", weighting=args.weighting)
        self._natural_prior = np.asarray(source_prior, dtype=np.float64)
        balance = SourceBalance.of(args, source, classifier.num_labels)
        # What the source's rows have in the batches.
        self._source_prior = self._natural_prior if balance is None else balance.shares.drawn
        self._is_weighted = args.weighting != "fixed" or weights is not None
        self._names = list(label_names or map(str, range(len(source_prior))))
        self._estimate = estimate
        self._refreshed_at: int | None = None
        start = np.ones_like(self._source_prior) if weights is None else np.asarray(weights)
        if balance is not None and self._is_weighted:
            start = self._over_batches(start)
        lengths = lengths_of(source), lengths_of(target)
        examples = source_examples(args, *lengths) * args.gradient_accumulation_steps
        batch_rows = examples * scans.mean_length(source, "active")
        class_weights = make_class_weights(args, self._source_prior, start, batch_rows)
        super().__init__(
            AlignmentModel(classifier, class_weights, args),
            args,
            classifier=classifier,
            source=source,
            target=target,
            pad_token_id=pad_token_id,
            callbacks=callbacks,
            fitted=True,
        )
        if balance is not None:
            self.train_dataset = DrawnDataset(
                source, target, times=lambda: self._sampling.shares.times
            )
            self.data_collator = TimesCollator(self.data_collator)

    @property
    def prior_estimate(self) -> np.ndarray:
        """(k,) the target prior that the current weights imply, p_S * w."""
        return self._source_prior * self.model.weights.weights.cpu().numpy()

    def target_weights(self) -> np.ndarray:
        """(k,) the class weights as they are now, anew where that is due."""
        self._refresh_weights()
        found: np.ndarray = self.model.weights.weights.cpu().numpy()
        return found

    def parameter_groups(self, decay: set[str]) -> list[dict[str, Any]]:
        """Classifier and critic apart, since each has its own rate and decay."""
        named = list(self.model.named_parameters())
        critic = [(n, p) for n, p in named if n.startswith("critic.")]
        rest = [(n, p) for n, p in named if not n.startswith("critic.")]
        groups = split_by_decay(critic, {n for n, _ in critic}, self.args.critic_weight_decay)
        for group in groups:
            group["lr"] = self.args.critic_learning_rate
        return split_by_decay(rest, decay, self.args.weight_decay) + groups[:1]

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Upstream's step, with the weights solved anew beforehand where that is due."""
        self._refresh_weights()
        return super().training_step(*args, **kwargs)

    def _refresh_weights(self) -> None:
        step = self.state.global_step
        if self._estimate is not None and self._is_due(step) and self._refreshed_at != step:
            self._set_weights(agree_on(self.accelerator, self._estimate(self.model.classifier)))
            self._refreshed_at = step

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], torch.Tensor]:
        """Upstream's, counting (k + 1,) the source's rows by class, and the target's rows."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        k = len(self._source_prior)
        counts = torch.zeros(k + 1, dtype=torch.long, device=device)
        for batch in batches:
            classes = batch["labels"].where(~batch["is_target"], k).to(device)
            counts += classes.bincount(minlength=k + 1)
        return batches, self.accelerator.reduce(counts, "sum")

    def batch_loss(
        self, model: nn.Module, inputs: Mapping[str, torch.Tensor], rows: torch.Tensor | None
    ) -> torch.Tensor:
        """Task loss plus the adversarial terms of one micro-batch."""
        ramped = ramp(self.state.global_step / self.state.max_steps, self.args.alignment_warmup)
        output: AlignmentOutput = model(
            **model_inputs(inputs),
            labels=inputs["labels"],
            is_target=inputs["is_target"],
            strength=self.args.alignment_strength * ramped,
            blend=ramped,
            counts=rows,
            parts=self.parts,
            turn=self._turn(),
            balance=self._balance,
            tilt=self._tilt(),
        )
        self._update_weights(output, inputs)
        self._note(output)
        return output["loss"]

    def _tilt(self) -> torch.Tensor | None:
        """(k,) what the class weights are multiplied by; None where they stand as they are."""
        if self._balance is None or not self._is_weighted:
            return None
        return torch.from_numpy(self._sampling.tilt).to(self.model.weights.weights)

    def _over_batches(self, weights: np.ndarray) -> np.ndarray:
        """Weights (k,) over the source as it is, as those over the source as it is drawn."""
        prior = self._natural_prior
        held = self._source_prior > 0
        ratio = np.ones_like(prior)
        np.divide(prior, self._source_prior, out=ratio, where=held)
        over: np.ndarray = weights / (prior @ weights) * ratio
        return over

    def _turn(self) -> Turn:
        """Who learns in this step: for `n_critic` steps the critic, then the model; at 1 both."""
        if self.args.n_critic == 1:
            return "both"
        critic = is_adversary_turn(self.state.global_step, self.args.n_critic)
        return "critic" if critic else "model"

    def _is_due(self, step: int) -> bool:
        if self.args.weighting in ("online", "interval"):
            return step == 0
        every = math.ceil(self.state.max_steps / self.args.weight_refreshes)
        return step % every == 0

    def _set_weights(self, estimate: PriorEstimate) -> None:
        holder, prior = self.model.weights, self._source_prior
        # Held-out rows have nearly, not exactly, the prior of the training rows as they are.
        solved = self._over_batches(estimate.weights)
        if isinstance(holder, OnlineWeights):
            holder.start(mix(solved, self.args.weight_mix), prior)
        elif isinstance(holder, IntervalWeights):
            holder.start(self._over_batches(beginning(estimate)), prior, estimate.interval)
        elif isinstance(holder, FixedWeights):
            holder.set(solved, prior)

    def _update_weights(self, output: AlignmentOutput, inputs: Mapping[str, torch.Tensor]) -> None:
        holder, on_target = self.model.weights, inputs["is_target"]
        done = self.state.global_step / self.state.max_steps
        if isinstance(holder, OnlineWeights):
            predictions = as_statistics(output["logits"], hard=self.args.hard_statistics)
            known, of_target = inputs["labels"][~on_target], predictions[on_target]
            of_source = predictions[~on_target]
            if self._balance is not None:
                # The target's own balance is asked for, whatever its rows are drawn in.
                of_target = of_target / inputs["times"][on_target].unsqueeze(1)
            rows = (gather_rows(self.accelerator, of) for of in (of_source, known, of_target))
            holder.observe(*rows)
            if self.accelerator.sync_gradients:
                holder.step(done)
        elif isinstance(holder, IntervalWeights):
            known = gather_rows(self.accelerator, inputs["labels"][~on_target])
            costs = gather_rows(self.accelerator, output["source_costs"])
            holder.observe(self._slopes(costs, known), known)
            if self.accelerator.sync_gradients:
                holder.step()

    def _slopes(self, costs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The costs (n,) of source rows, as the slopes of what the weights maximise.

        Under a tilt g the weighted mean cost is `sum(p g c) / sum(p g)`, whose slope by the balance
        p is in proportion to `g (c - mean)`; without one, to the costs themselves. Weights that are
        not normalised leave the divisor, and the mean, out.
        """
        tilt = self._tilt()
        if tilt is None or not len(labels):
            return costs
        costs = costs.double()
        if self.args.normalize_weights:
            rows = (self.model.weights.weights * tilt)[labels]
            costs = costs - (rows @ costs) / rows.sum().clamp(min=1e-12)
        return tilt[labels] * costs

    def _note(self, output: AlignmentOutput) -> None:
        prior = self.prior_estimate
        figures = {
            # Parts of an accumulated batch add up, while figures are averaged over them.
            "task_loss": output["task_loss"].item() * self.parts,
            "critic_loss": -output["distance"].item(),
            "penalty": output["penalty"].item(),
            "prior_shift": total_variation(self._natural_prior, prior),
        }
        self.note(
            figures | {f"{PRIOR_FIGURE}{n}": p for n, p in zip(self._names, prior, strict=True)}
        )

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        # Apart, or a steep critic would scale the encoder's step down.
        bound = self.args.max_grad_norm
        inner = self.accelerator.unwrap_model(model)
        # Some divergences have nothing to train.
        if critic := list(inner.critic.parameters()):
            self.accelerator.clip_grad_norm_(critic, bound)
        return self.accelerator.clip_grad_norm_(inner.classifier.parameters(), bound)


def make_class_weights(
    args: IWDAConfig, source_prior: np.ndarray, start: np.ndarray, batch_rows: float
) -> ClassWeights:
    """The holder of the weights that `args.weighting` asks for, set to its start.

    Args:
        args: the configuration.
        source_prior: (k,).
        start: (k,) weights before the first estimate; scaled onto `source_prior @ w = 1`.
        batch_rows: mean number of source rows in a batch.
    """
    on_constraint = start / (source_prior @ start)
    if args.weighting == "interval":
        free = IntervalWeights(len(start), rate=args.weight_play_rate)
        free.start(on_constraint, source_prior, np.tile([0.0, 1.0], (len(start), 1)))
        return free
    if args.weighting != "online":
        fixed = FixedWeights(len(start))
        fixed.set(on_constraint, source_prior)
        return fixed
    rate = args.weight_average_rate
    online = OnlineWeights(
        len(start),
        rate=rate_per_row(rate, max(1.0, batch_rows)) if args.weight_average_per_row else rate,
        per_row=args.weight_average_per_row,
        learning_rate=args.weight_learning_rate,
        decay=args.weight_decay_to_start,
        projection=args.weight_projection,
    )
    online.start(on_constraint, source_prior)
    return online


def beginning(estimate: PriorEstimate) -> np.ndarray:
    """(k,) weights that free ones begin at: the estimate, or what is predicted where it is refuted.

    A refuted estimate stays at the source's balance. Under a strong shift the shares of the
    predicted classes lie nearer to the target's, and begun there the weights have less way to go
    while the model is already aligned under them.
    """
    if estimate.assumption_holds:
        return np.asarray(estimate.weights)
    source = np.asarray(estimate.source_prior)
    predicted = np.asarray(estimate.diagnostics["predicted"])
    weights = np.ones_like(source)
    np.divide(predicted, source, out=weights, where=source > 0)
    scaled: np.ndarray = weights / (source @ weights)
    return scaled


def as_statistics(logits: torch.Tensor, *, hard: bool) -> torch.Tensor:
    """Predicted classes one-hot (hard) or probabilities (soft), (n, k) float64."""
    if hard:
        classes = logits.argmax(-1)
        return torch.nn.functional.one_hot(classes, logits.shape[-1]).double()
    return logits.double().softmax(-1)
