"""Importance weights that are known only within an interval: the least favourable to a critic."""

from __future__ import annotations

import numpy.typing as npt
import torch

from isogloss.labelshift.checks import check_range
from isogloss.labelshift.holder import ClassWeights, check_weights


class IntervalWeights(ClassWeights):
    """Weights free within an interval of each class's target share.

    Alignment under fixed weights treats whatever they leave unexplained as a shift of the features,
    so that wrong weights move classes onto each other. These weights answer the critic instead: of
    all class balances within the interval they approach the one under which it tells source from
    target least. What is left, and what the features are moved by, is a difference that no such
    balance explains. An interval of one point gives fixed weights; one of 0 to 1 asks only that the
    target be some mixture of the source's classes, which is the label-shift assumption itself.

    A step averages what the source rows of each class cost the critic, finds the balance under
    which they cost it most (a linear program, solved greedily) and moves the current balance a
    little towards it (fictitious play: Brown 1951; Robinson, Ann. Math. 1951).

    Attributes:
        bounds: (k, 2) lowest and highest target share of each class.
        balance: (k,) the current target prior.
        costs: (k,) running mean of the costs by class.

    References:
        Proportions chosen by the distance that remains: Redko et al., AISTATS 2019 (JCPOT).
    """

    bounds: torch.Tensor
    balance: torch.Tensor
    costs: torch.Tensor
    seen: torch.Tensor
    sums: torch.Tensor
    counts: torch.Tensor

    def __init__(self, num_classes: int, *, rate: float = 0.05, cost_rate: float = 0.1) -> None:
        """Set the options; all weights are 1, and free, until `start`.

        Args:
            num_classes: k.
            rate: how far a step moves the balance towards the best one, in 0..1.
            cost_rate: share of the running costs that a step replaces, in 0..1.

        Raises:
            IsoglossError: E407 for a rate outside its range.
        """
        super().__init__(num_classes)
        check_range(rate, 0.0, 1.0, name="rate")
        check_range(cost_rate, 0.0, 1.0, name="cost_rate")
        self.rate = rate
        self.cost_rate = cost_rate
        zeros = torch.zeros(num_classes, dtype=torch.float64)
        self.register_buffer("bounds", torch.tensor([0.0, 1.0]).double().repeat(num_classes, 1))
        self.register_buffer("balance", self.prior.clone())
        self.register_buffer("costs", zeros.clone())
        self.register_buffer("seen", torch.zeros(num_classes, dtype=torch.bool))
        self.register_buffer("sums", zeros.clone())
        self.register_buffer("counts", zeros.clone())

    @property
    def weights(self) -> torch.Tensor:
        """(k,) float64 current weights; 1 for a class that the source lacks."""
        held = self.prior > 0
        return torch.where(held, self.balance / self.prior.where(held, 1.0), 1.0)

    def start(self, weights: npt.ArrayLike, prior: npt.ArrayLike, interval: npt.ArrayLike) -> None:
        """Set where the weights begin and how far they may go.

        Args:
            weights: (k,) nonnegative, with `prior·weights == 1` within 1e-4 (divided out); the
                balance that they stand for is moved into the interval.
            prior: (k,) source prior.
            interval: (k, 2) lowest and highest target share of each class, in 0..1. Bounds that no
                balance meets together are widened in proportion. A class that the source lacks
                gets no share, whatever its interval.

        Raises:
            IsoglossError: E400, E401, E402, E405 for unusable vectors, E408 off the constraint.
        """
        checked, shares = check_weights(weights, prior, num_classes=self.prior.numel())
        self.prior.copy_(torch.from_numpy(shares))
        bounds = torch.as_tensor(interval, dtype=torch.float64).to(self.prior.device)
        bounds = bounds.clamp(0.0, 1.0) * (self.prior > 0).unsqueeze(1)
        low, high = bounds.unbind(1)
        low = low / low.sum().clamp(min=1.0)
        high = torch.minimum(high / high.sum().clamp(max=1.0), torch.ones_like(high))
        self.bounds.copy_(torch.stack([low, high], dim=1))
        begin = torch.from_numpy(checked).to(self.prior.device) * self.prior
        self.balance.copy_(nearest_within(begin, self.bounds))
        self.seen.zero_()

    @torch.no_grad()
    def observe(self, costs: torch.Tensor, labels: torch.Tensor) -> None:
        """Take in what source rows cost the critic, until the next `step`.

        Args:
            costs: (n,) by how much each row, of weight 1, lowers what the critic maximises: for
                the Wasserstein distance its score, where a high one means target.
            labels: (n,) true classes, 0..k-1.
        """
        k = len(self.prior)
        self.sums += labels.bincount(costs.double(), minlength=k)
        self.counts += labels.bincount(minlength=k)

    @torch.no_grad()
    def step(self) -> None:
        """Move the balance towards the one that the critic tells from the target least."""
        found = self.counts > 0
        means = self.sums / self.counts.clamp(min=1.0)
        first = found & ~self.seen
        moved = torch.lerp(self.costs, means, self.cost_rate)
        self.costs.copy_(torch.where(first, means, torch.where(found, moved, self.costs)))
        self.seen |= found
        self.sums.zero_()
        self.counts.zero_()
        # A class that no batch had yet has no cost to be chosen by.
        if bool((self.seen | (self.prior == 0)).all()):
            best = greatest_within(self.costs, self.bounds)
            self.balance.lerp_(best, self.rate)


def greatest_within(values: torch.Tensor, bounds: torch.Tensor) -> torch.Tensor:
    """The balance within bounds whose mean of given values is greatest.

    Args:
        values: (k,).
        bounds: (k, 2) lowest and highest share of each class, the former summing to at most 1 and
            the latter to at least 1.

    Returns:
        (k,) shares: the lowest of all, and what is left given to the greatest values first.
    """
    low, high = bounds.unbind(1)
    order = values.argsort(descending=True, stable=True)
    room = (high - low)[order]
    before = room.cumsum(0) - room
    given = torch.minimum(room, (1.0 - low.sum() - before).clamp(min=0.0))
    return low.index_add(0, order, given)


def nearest_within(balance: torch.Tensor, bounds: torch.Tensor) -> torch.Tensor:
    """The shares nearest to given ones that bounds allow: moved alike, and cut to the bounds.

    Args:
        balance: (k,) shares that sum to 1.
        bounds: (k, 2) as for `greatest_within`.

    Returns:
        (k,) shares that sum to 1 up to rounding.
    """
    low, high = bounds.unbind(1)
    least, most = -1.0, 1.0
    for _ in range(60):
        middle = (least + most) / 2
        if float((balance + middle).clamp(low, high).sum()) < 1.0:
            least = middle
        else:
            most = middle
    return (balance + most).clamp(low, high)
