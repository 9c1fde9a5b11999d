"""The published IWDA training step, rendered plainly: what `train_step.py` measures against.

Everything is done the way the method was first published: two forward passes a step (source, then
target), single precision, the whole embedding table trained, AdamW as torch ships it, dropout as
the model's configuration says, the gradient penalty through a double backward pass, random batches
padded to their longest text. It is slow on purpose and no part of the package.

References:
    Xian, Ji & Zhao, ICLR 2022, section 3 and appendix C.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedModel, get_linear_schedule_with_warmup

IGNORED_LABEL = -100
NOT_DECAYED = ("bias", "LayerNorm.weight")

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class PublishedOptions:
    """The hyper-parameters of the paper's appendix C.2."""

    learning_rate: float = 1e-5
    weight_decay: float = 0.01
    warmup: float = 0.1
    critic_learning_rate: float = 5e-4
    critic_weight_decay: float = 0.01
    critic_width: int = 2048
    gradient_penalty: float = 10.0
    alignment_strength: float = 5e-3
    weight_learning_rate: float = 5e-4
    weight_decay_to_start: float = 2.0
    weight_average_rate: float = 5e-3


class ActiveRows(NamedTuple):
    """What a forward pass gives: features (n, d), logits (n, k) and labels (n,) of active rows."""

    features: torch.Tensor
    logits: torch.Tensor
    labels: torch.Tensor


class PublishedStep:
    """One optimisation step of importance-weighted domain alignment at a time.

    Args:
        model: a sequence or token classification model of the BERT kind, whose head is dropout
            and one linear layer; trained in place.
        source_prior: (k,) class shares of the source rows.
        start_weights: (k,) the class weights to start from.
        total_steps: steps of the whole run, which schedules and ramps refer to.
        options: hyper-parameters.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        source_prior: torch.Tensor,
        start_weights: torch.Tensor,
        total_steps: int,
        options: PublishedOptions,
    ) -> None:
        self.model = model.train()
        self.options = options
        self.total_steps = total_steps
        self.done = 0
        head = model.classifier
        assert isinstance(head, nn.Linear)
        self.critic = nn.Sequential(
            nn.Linear(head.in_features * head.out_features, options.critic_width),
            nn.ReLU(),
            nn.Linear(options.critic_width, 1),
        )
        self.weights = RunningWeights(source_prior, start_weights, options)
        self.optimizer = torch.optim.AdamW(parameter_groups(model, self.critic, options))
        warmup = int(options.warmup * total_steps)
        self.schedule = get_linear_schedule_with_warmup(self.optimizer, warmup, total_steps)

    def __call__(self, source: Batch, target: Batch) -> dict[str, float]:
        """Train on one batch of each side.

        Args:
            source: `input_ids`, `attention_mask` (b, L) and `labels`, either (b,) or, for tags,
                (b, L) with -100 away from the active tokens.
            target: the same with, for tags, a Boolean `active` (b, L) and no `labels`.

        Returns:
            The losses of the step.
        """
        losses = self.losses(source, target)
        loss = sum(losses.values(), start=torch.zeros(()))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.weights.step(self.done / self.total_steps)
        self.done += 1
        return {name: value.item() for name, value in losses.items()}

    def losses(self, source: Batch, target: Batch) -> dict[str, torch.Tensor]:
        """The three terms whose sum is minimised; the running statistics are updated."""
        left, right = self._rows(source), self._rows(target)
        self.weights.observe(left.logits.argmax(-1), left.labels, right.logits.argmax(-1))
        ramp = min(1.0, self.done / max(1.0, self.options.warmup * self.total_steps))
        strength = self.options.alignment_strength * ramp
        u, v = conditioned(left), conditioned(right)
        weights = ramp * self.weights.value[left.labels] + (1 - ramp)
        distance = self._scores(v, strength).mean() - (weights * self._scores(u, strength)).mean()
        return {
            "task": F.cross_entropy(left.logits, left.labels),
            "critic": -distance,
            "penalty": self.options.gradient_penalty * gradient_penalty(self.critic, u, v),
        }

    def _scores(self, features: torch.Tensor, strength: float) -> torch.Tensor:
        reversed_features: torch.Tensor = Reversal.apply(features, strength)
        return self.critic(reversed_features).squeeze(-1)

    def _rows(self, batch: Batch) -> ActiveRows:
        output = self.model.base_model(batch["input_ids"], attention_mask=batch["attention_mask"])
        tagging = output.get("pooler_output") is None
        features = output.last_hidden_state if tagging else output.pooler_output
        logits = self.model.classifier(self.model.dropout(features))
        labels = batch.get("labels", torch.full(features.shape[:-1], IGNORED_LABEL))
        if not tagging:
            return ActiveRows(features, logits, labels)
        active = batch.get("active", labels != IGNORED_LABEL)
        return ActiveRows(features[active], logits[active], labels[active])


class RunningWeights:
    """Class weights that follow the training batches, one small gradient step at a time.

    Args:
        prior: (k,) source class shares.
        start: (k,) weights to start from and be drawn back to.
        options: rates and decay.

    Attributes:
        value: (k,) the weights, >= 0 with `prior @ value == 1`.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 3 and appendix C.1.
    """

    def __init__(self, prior: torch.Tensor, start: torch.Tensor, options: PublishedOptions) -> None:
        self.prior, self.start, self.value = prior, start, start.clone()
        self.options = options
        self.confusion = torch.diag(prior)
        self.target = prior * start

    @torch.no_grad()
    def observe(self, source: torch.Tensor, labels: torch.Tensor, target: torch.Tensor) -> None:
        """Update the averages by predicted classes of source (n,), labels (n,), target (m,)."""
        k, rate = len(self.prior), self.options.weight_average_rate
        cells = torch.bincount(source * k + labels, minlength=k * k).view(k, k)
        self.confusion = torch.lerp(self.confusion, cells / cells.sum(), rate)
        counts = torch.bincount(target, minlength=k)
        self.target = torch.lerp(self.target, counts / counts.sum(), rate)

    @torch.no_grad()
    def step(self, progress: float) -> None:
        """One step on the squared residual of C w = mu at `progress` in [0, 1] of the run."""
        rate = self.options.weight_learning_rate * (1 - progress)
        confusion, target = self.confusion / self.confusion.sum(), self.target / self.target.sum()
        gradient = 2 * confusion.T @ (confusion @ self.value - target)
        pull = self.options.weight_decay_to_start * (self.value - self.start)
        moved = (self.value - rate * (gradient + pull)).clamp(min=0)
        self.value = moved / (self.prior @ moved)


class Reversal(torch.autograd.Function):
    """The identity whose gradient is turned round and scaled."""

    @staticmethod
    def forward(ctx: Any, features: torch.Tensor, strength: float) -> torch.Tensor:
        """Pass the features on."""
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Minus `strength` times the gradient."""
        return -ctx.strength * gradients[0], None


def conditioned(rows: ActiveRows) -> torch.Tensor:
    """(n, d k) outer products of features and predicted probabilities, as in CDAN."""
    probabilities = rows.logits.detach().softmax(-1)
    return (rows.features.unsqueeze(2) * probabilities.unsqueeze(1)).flatten(1)


def gradient_penalty(critic: nn.Module, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Mean squared gradient norm of the critic between the i-th rows of u (n, D) and v (m, D)."""
    size = min(len(u), len(v))
    share = torch.rand(size, 1)
    points = (share * u[:size].detach() + (1 - share) * v[:size].detach()).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradient.square().sum(1).mean()


def parameter_groups(
    model: nn.Module, critic: nn.Module, options: PublishedOptions
) -> list[dict[str, Any]]:
    """Optimizer groups of model and critic, without decay on biases and layer norms."""
    groups = []
    for module, rate, decay in (
        (model, options.learning_rate, options.weight_decay),
        (critic, options.critic_learning_rate, options.critic_weight_decay),
    ):
        named = list(module.named_parameters())
        kept = [p for n, p in named if n.endswith(NOT_DECAYED)]
        decayed = [p for n, p in named if not n.endswith(NOT_DECAYED)]
        groups.append({"params": decayed, "lr": rate, "weight_decay": decay})
        groups.append({"params": kept, "lr": rate, "weight_decay": 0.0})
    return groups


def random_batches(
    examples: Sequence[Mapping[str, Any]],
    *,
    tagging: bool,
    batch_size: int,
    pad_token_id: int,
    seed: int,
) -> Iterator[Batch]:
    """Endless shuffled passes over one side, each batch padded to its own longest text.

    Args:
        examples: encoded examples: `input_ids`, `active` positions and, on the source, `labels`.
        tagging: whether labels belong to tokens.
        batch_size: examples a batch; the last, smaller one of a pass is left out.
        pad_token_id: of the tokenizer.
        seed: of the order.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(examples), generator=generator).tolist()
        for start in range(0, len(order) - batch_size + 1, batch_size):
            chosen = [examples[i] for i in order[start : start + batch_size]]
            yield pad(chosen, tagging=tagging, pad_token_id=pad_token_id)


def pad(examples: Sequence[Mapping[str, Any]], *, tagging: bool, pad_token_id: int) -> Batch:
    """One batch (b, L) out of b encoded examples; what `PublishedStep` takes."""
    shape = len(examples), max(len(e["input_ids"]) for e in examples)
    ids = torch.full(shape, pad_token_id)
    mask = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED_LABEL)
    active = torch.zeros(shape, dtype=torch.bool)
    for i, example in enumerate(examples):
        length = len(example["input_ids"])
        ids[i, :length] = torch.as_tensor(example["input_ids"])
        mask[i, :length] = 1
        active[i, example["active"]] = True
        labels[i, example["active"]] = torch.as_tensor(example.get("labels", IGNORED_LABEL))
    batch = {"input_ids": ids, "attention_mask": mask}
    if tagging:
        batch["active"] = active
    if "labels" in examples[0]:
        batch["labels"] = labels if tagging else labels[:, 0]
    return batch
