"""What is known of a target's class shares beforehand, and the prior that fits it best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import (
    Floats,
    check_labels,
    check_range,
    check_shape,
    finite_array,
)
from isogloss.labelshift.interior import Program, solve_programs
from isogloss.labelshift.limits import Limits, resolve_limits
from isogloss.labelshift.priors import check_prior

# No share is taken to be known better than to a hundredth of a percent.
_SMALLEST_DEVIATION = 1e-4
# Beyond this an estimate says nothing: shares differ by at most 1.
_LARGEST_DEVIATION = 3.0
# Draws of the facts behind an interval; each is one more program to solve.
_REDRAWN = 64
# A share below this for which no fact speaks is the solver's distance to 0.
_NOTHING = 1e-9


@dataclass(frozen=True, kw_only=True)
class KnownFacts:
    """What is known of the target's class shares beforehand.

    Attributes:
        bounds: class id -> lowest and highest share; equal ones fix it.
        order: pairs (a, b) of class ids: the share of a is at least that of b.
        belief: (k,) the prior thought likely, the mean of a Dirichlet distribution.
        strength: how many rows the belief counts for, above 0 with a belief.
        labelled: (r,) class ids of a random handful of target rows.

    Raises:
        IsoglossError: E407 for a negative or infinite strength, E425 for a belief without strength
            or a strength without belief.
    """

    bounds: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    order: tuple[tuple[int, int], ...] = ()
    belief: npt.ArrayLike | None = None
    strength: float = 0.0
    labelled: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        check_range(self.strength, 0.0, np.finfo(float).max, name="the strength of the belief")
        if (self.belief is None) != (self.strength == 0):
            raise IsoglossError("E425")

    @property
    def empty(self) -> bool:
        """Whether nothing is known."""
        given = self.belief is not None or self.labelled is not None
        return not (self.bounds or self.order or given)

    def check(self, num_classes: int) -> None:
        """Refuse facts about other classes, and facts that no prior meets.

        Args:
            num_classes: k.

        Raises:
            IsoglossError: E400, E401, E402, E405 for a belief that is no prior; E403, E404, E405
                for unusable labels; E420 for a class that does not exist, E421 for bounds that are
                no part of 0..1, E422 for bounds that cannot sum to 1, E423 for an order against the
                bounds, E424 for a belief or labelled rows in a class that is left no share.
        """
        self._resolve(num_classes)

    def apply(self, prior: npt.ArrayLike, covariance: npt.ArrayLike) -> Floats:
        """The prior p that best fits an estimate and the facts.

        It minimises `1/2 (p - prior)' Σ⁺ (p - prior) - Σ_j α_j log p_j` under the bounds and the
        order, with `α = strength belief + counts of the labelled rows`: the estimate's normal
        likelihood times the Dirichlet and multinomial likelihood of the facts. An estimate that
        meets the bounds and the order is its own best fit where nothing is believed or labelled.

        A direction without variance is one that the estimate is sure of, to a standard deviation
        of 1e-4; a class of which it knows nothing needs a large variance.

        Args:
            prior: (k,) the estimate.
            covariance: Σ (k, k) of the estimate, symmetric and positive semidefinite.

        Returns:
            (k,) on the simplex, within the facts up to rounding.

        Raises:
            IsoglossError: as `check`; E400, E401, E402, E405 for an unusable estimate.

        References:
            Gelman et al., Bayesian Data Analysis, 3rd ed., sections 3.4 and 4.1.
        """
        estimate = check_prior(prior)
        return self.apply_many(estimate[None], covariance)[0]

    def apply_many(
        self, priors: npt.ArrayLike, covariance: npt.ArrayLike, *, redraw: int | None = None
    ) -> Floats:
        """Apply the facts to several estimates of one covariance.

        Args:
            priors: (B, k) estimates.
            covariance: (k, k) of each, as for `apply`.
            redraw: seed of other labelled rows and beliefs, as many on average as there are, for
                every so many of the estimates (`α_j` gamma-distributed, with that mean and
                variance); None: all meet the facts as they are. Where the estimates are draws,
                their spread is then that of the result.

        Returns:
            (B, k), each on the simplex.

        Raises:
            IsoglossError: as `apply`; E404 without estimates.
        """
        estimates = np.stack([check_prior(row) for row in _rows(priors)])
        num_classes = estimates.shape[1]
        spread = finite_array(covariance, name="the covariance")
        check_shape(spread, (num_classes, num_classes), name="the covariance")
        limits, evidence = self._resolve(num_classes)
        open_ = np.full(len(estimates), True) if evidence.any() else ~limits.contain(estimates)
        for places, seen in _shares_of(np.flatnonzero(open_), evidence, redraw):
            estimates[places] = _fit(estimates[places], spread, limits=limits, evidence=seen)
        return estimates

    def _resolve(self, num_classes: int) -> tuple[Limits, Floats]:
        """The limits, and α (k,)."""
        limits = resolve_limits(self.bounds, self.order, num_classes=num_classes)
        evidence = np.zeros(num_classes)
        if self.belief is not None:
            belief = check_prior(self.belief, name="the belief", num_classes=num_classes)
            evidence += self.strength * belief
        if self.labelled is not None:
            ids = check_labels(self.labelled, num_classes, name="the labelled rows")
            evidence += np.bincount(ids, minlength=num_classes)
        barred = (evidence > 0) & (limits.high <= 0)
        if barred.any():
            raise IsoglossError("E424", class_id=int(np.argmax(barred)))
        return limits, evidence


def _shares_of(
    places: npt.NDArray[np.intp], evidence: Floats, redraw: int | None
) -> Iterator[tuple[npt.NDArray[np.intp], Floats]]:
    """The places in parts, each with the evidence (k,) that it meets."""
    if not len(places):
        return
    if redraw is None or not evidence.any():
        yield places, evidence
        return
    rng = np.random.default_rng(redraw)
    for part in np.array_split(places, min(_REDRAWN, len(places))):
        yield part, rng.gamma(evidence)


def _rows(priors: npt.ArrayLike) -> Floats:
    array = finite_array(priors, name="the priors")
    check_shape(array, (-1, -1), name="the priors")
    if len(array) == 0:
        raise IsoglossError("E404", name="the priors")
    return array


def _fit(estimates: Floats, covariance: Floats, *, limits: Limits, evidence: Floats) -> Floats:
    """Solve for every estimate (B, k): fixed shares are left out, equal ones are one variable."""
    precision, scale = _scaled_precision(covariance)
    fixed = limits.fixed()
    settled = np.where(fixed, 0.5 * (limits.low + limits.high), 0.0)
    if fixed.all():
        return np.tile(settled / settled.sum(), (len(estimates), 1))
    names, group = np.unique(limits.groups()[~fixed], return_inverse=True)
    members = np.zeros((fixed.size, names.size))
    members[np.flatnonzero(~fixed), group] = 1.0
    one_of_each = members.argmax(axis=0)
    pairs = np.array([pair for pair in limits.order if not fixed[list(pair)].any()], dtype=int)
    order = members[pairs[:, 0]] - members[pairs[:, 1]] if len(pairs) else np.zeros((0, names.size))
    program = Program(
        curvature=members.T @ precision @ members,
        rows=scale * evidence @ members,
        low=limits.low[one_of_each],
        high=limits.high[one_of_each],
        order=order[order.any(axis=1)],
        sizes=members.sum(axis=0),
        total=1.0 - float(settled.sum()),
    )
    shares = solve_programs(program, (estimates - settled) @ precision @ members)
    priors = settled + np.clip(shares, program.low, program.high) @ members.T
    priors[(priors < _NOTHING) & (evidence == 0)] = 0.0
    return priors / priors.sum(axis=1, keepdims=True)


def _scaled_precision(covariance: Floats) -> tuple[Floats, float]:
    """`scale Σ⁺` among shares that sum to 1, and the scale that makes its least curvature 1."""
    size = len(covariance)
    centring = np.eye(size) - 1.0 / size
    variances, directions = np.linalg.eigh(centring @ covariance @ centring)
    variances = np.clip(variances, _SMALLEST_DEVIATION**2, _LARGEST_DEVIATION**2)
    scale = float(variances.max())
    # Along the constant direction nothing can move, so its curvature is free to be any.
    return directions * (scale / variances) @ directions.T, scale
