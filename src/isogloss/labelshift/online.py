"""Importance weights that follow training: running statistics and projected gradient steps."""

from __future__ import annotations

import numpy.typing as npt
import torch
from torch import nn

from isogloss.labelshift.checks import check_choice, check_range
from isogloss.labelshift.holder import ClassWeights, check_weights
from isogloss.labelshift.projection import clamp_and_rescale, project_weights

_PROJECTIONS = {"euclidean": project_weights, "rescale": clamp_and_rescale}


class OnlineWeights(ClassWeights):
    """The paper's online weights `w = initial + delta`.

    Every training batch updates running averages of the confusion matrix and of the target's
    predictions (`observe`); every step moves `delta` along the plain gradient of `|C w - mu|²`,
    decays it towards 0, and projects (`step`). The gradient is not normalised, so the balance of
    decay and evidence moves with the evidence, as an l2 penalty demands; an adaptive optimiser
    would stop near `1 / decay` whatever it saw.

    Attributes:
        initial: (k,) weights that training starts from and decays to.
        delta: (k,) learned deviation.
        confusion_average: (k, k) running average of the confusion matrix.
        target_average: (k,) running average of the target's predictions.

    References:
        Xian, Ji & Zhao, ICLR 2022, section 3 and appendix C.1.
    """

    initial: torch.Tensor
    delta: torch.Tensor
    confusion_average: torch.Tensor
    target_average: torch.Tensor

    def __init__(
        self,
        num_classes: int,
        *,
        rate: float = 5e-3,
        per_row: bool = False,
        learning_rate: float = 5e-4,
        decay: float = 2.0,
        projection: str = "euclidean",
    ) -> None:
        """Set the options; the weights are all 1 until `start`.

        Args:
            num_classes: k.
            rate: share of the running averages that each new batch replaces, in 0..1; with
                `per_row`, each new row.
            per_row: average over rows one after the other, so that the state depends on the
                sequence of rows alone and not on how it is cut into batches.
            learning_rate: of the weights, at progress 0.
            decay: strength of the decay towards the initial weights (the paper's xi), per unit of
                learning rate.
            projection: "euclidean" (exact) or "rescale" (the paper's clamp and rescale).

        Raises:
            IsoglossError: E407 for numbers outside their range, E409 for another projection.
        """
        super().__init__(num_classes)
        check_range(rate, 0.0, 1.0, name="rate")
        check_range(learning_rate, 0.0, float("inf"), name="learning_rate")
        check_range(decay, 0.0, float("inf"), name="decay")
        check_choice(projection, _PROJECTIONS, name="projection")
        self.rate = rate
        self.per_row = per_row
        self.learning_rate = learning_rate
        self.decay = decay
        self.projection = projection
        ones = torch.ones(num_classes, dtype=torch.float64)
        self.register_buffer("initial", ones)
        self.register_buffer("delta", torch.zeros_like(ones))
        self.register_buffer("confusion_average", torch.diag(self.prior))
        self.register_buffer("target_average", self.prior.clone())

    @property
    def weights(self) -> torch.Tensor:
        """(k,) float64 current weights."""
        return self.initial + self.delta

    @property
    def confusion(self) -> torch.Tensor:
        """C (k, k), the running confusion matrix, normalised."""
        return self.confusion_average / self.confusion_average.sum()

    @property
    def target_mean(self) -> torch.Tensor:
        """mu (k,), the running distribution of target predictions, normalised."""
        return self.target_average / self.target_average.sum()

    def start(self, initial: npt.ArrayLike, prior: npt.ArrayLike) -> None:
        """Begin at the initial weights, with statistics that make them optimal.

        Args:
            initial: (k,) initial weights, with `prior·initial == 1` within 1e-4.
            prior: (k,) source prior.

        Raises:
            IsoglossError: E400, E401, E402, E405 for unusable vectors, E408 off the constraint.
        """
        weights, shares = check_weights(initial, prior, num_classes=self.prior.numel())
        self.initial.copy_(torch.from_numpy(weights))
        self.prior.copy_(torch.from_numpy(shares))
        self.delta.zero_()
        self.confusion_average.copy_(torch.diag(self.prior))
        self.target_average.copy_(self.prior * self.initial)

    @torch.no_grad()
    def observe(
        self,
        source_predictions: torch.Tensor,
        source_labels: torch.Tensor,
        target_predictions: torch.Tensor,
    ) -> None:
        """Update the running averages from one batch; a side without rows leaves its own alone.

        Args:
            source_predictions: (n, k) one-hot or probabilities.
            source_labels: (n,) their classes; rows with a negative label count for nothing.
            target_predictions: (m, k) one-hot or probabilities.
        """
        labelled = source_labels >= 0
        predictions, share = self._weigh_rows(source_predictions[labelled])
        classes = nn.functional.one_hot(source_labels[labelled], self.prior.numel())
        self.confusion_average.mul_(1.0 - share).add_(predictions.T @ classes.to(predictions))

        predictions, share = self._weigh_rows(target_predictions)
        self.target_average.mul_(1.0 - share).add_(predictions.sum(dim=0))

    def _weigh_rows(self, predictions: torch.Tensor) -> tuple[torch.Tensor, float]:
        """Scale (n, k) rows to what each adds to an average; also their share in it."""
        rows = predictions.to(self.delta)
        count = rows.shape[0]
        if count == 0:
            return rows, 0.0
        if not self.per_row:
            return rows * (self.rate / count), self.rate
        ages = torch.arange(count - 1, -1, -1, dtype=rows.dtype, device=rows.device)
        kept = 1.0 - self.rate
        return rows * (self.rate * kept**ages)[:, None], 1.0 - kept**count

    def gradient(self) -> torch.Tensor:
        """(k,) gradient of `|C w - mu|²` at the current weights."""
        confusion = self.confusion
        return 2.0 * confusion.T @ (confusion @ self.weights - self.target_mean)

    @torch.no_grad()
    def step(self, progress: float) -> None:
        """Take one projected gradient step.

        Args:
            progress: share of training that is done, in 0..1; the learning rate falls linearly
                to 0 with it.

        Raises:
            IsoglossError: E407 for progress outside 0..1.
        """
        check_range(progress, 0.0, 1.0, name="progress")
        rate = self.learning_rate * (1.0 - progress)
        moved = self.initial + (1.0 - rate * self.decay) * self.delta - rate * self.gradient()
        self.delta.copy_(_PROJECTIONS[self.projection](moved, self.prior) - self.initial)


def rate_per_row(rate_per_batch: float, batch_rows: float) -> float:
    """Convert a rate per batch into the rate per row that forgets equally fast.

    Args:
        rate_per_batch: share that a batch replaces, in 0..1.
        batch_rows: mean number of rows of a batch, at least 1.

    Returns:
        The share that one row replaces, in 0..1.

    Raises:
        IsoglossError: E407 for numbers outside their range.
    """
    check_range(rate_per_batch, 0.0, 1.0, name="rate_per_batch")
    check_range(batch_rows, 1.0, float("inf"), name="batch_rows")
    return 1.0 - (1.0 - rate_per_batch) ** (1.0 / batch_rows)
