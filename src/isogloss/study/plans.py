"""Which priors a study's sets are drawn at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.errors import IsoglossError, warn
from isogloss.labelshift.checks import Floats, Integers, check_range
from isogloss.study.priors import (
    complete_prior,
    dirichlet_priors,
    grid_priors,
    largest_size,
    row_counts,
)
from isogloss.study.rows import TargetLabels

# How often as many priors as wanted are drawn before it is given up.
_ROUNDS = 200


@dataclass(frozen=True, kw_only=True)
class PriorPlan:
    """Which priors the sets are drawn at.

    Attributes:
        concentration: of a Dirichlet distribution, symmetric over the classes; for tagging its
            mean is the prior of the words, because tags come in proportions that hardly move.
        grid: all priors in steps of `1 / grid` instead, in random order, again and again; 0: none.
        given: these priors instead, in turn; each label -> share, where labels that are left out
            share the rest as in the data.
    """

    concentration: float = 1.0
    grid: int = 0
    given: Sequence[Mapping[str, float]] = ()


def wanted_priors(
    target: TargetLabels, count: int, plan: PriorPlan, rng: np.random.Generator
) -> Floats:
    """The priors of a plan, whether the target has the rows or not; absent classes have none.

    Args:
        target: the labelled set.
        count: m, how many.
        plan: which.
        rng: where the randomness comes from.

    Returns:
        (m, k).

    Raises:
        IsoglossError: E407 for a concentration or grid that cannot be, E721, E722 for a given
            prior, E732 for too fine a grid.
    """
    listed = _listed_priors(target, plan)
    if listed is not None:
        return listed[_in_turn(len(listed), count, None if plan.given else rng)]
    return _random_priors(target, count, plan, rng)


def possible_priors(
    target: TargetLabels, count: int, size: int, plan: PriorPlan, rng: np.random.Generator
) -> Floats:
    """The priors of a plan that sets of single rows can have.

    Args:
        target: the labelled set, one row an example.
        count: m, how many.
        size: rows of a set.
        plan: which; a Dirichlet distribution is drawn from until enough are possible.
        rng: where the randomness comes from.

    Returns:
        (m, k).

    Raises:
        IsoglossError: as `wanted_priors`; E723 for a given prior that is not possible, E725 where
            none of the others is. Warning W704 where some are not.
    """
    available = np.bincount(target.labels, minlength=len(target.names))
    listed = _listed_priors(target, plan)
    if listed is None:
        return _drawn_until_possible(target, count, size, plan, rng, available)
    if plan.given:
        for prior in listed:
            check_available(prior, available, size, names=target.names, where=target.name)
        return listed[_in_turn(len(listed), count, None)]
    kept = listed[_possible(listed, size, available)]
    _tell(len(kept), len(listed), size, target, available)
    return kept[_in_turn(len(kept), count, rng)]


def check_available(
    prior: Floats, available: Integers, size: int, *, names: Sequence[str], where: str
) -> None:
    """Refuse a prior and size that need more rows of a class than there are.

    Raises:
        IsoglossError: E723 with the class that lacks most.
    """
    # A share however small is one of some row.
    needed = np.maximum(row_counts(prior[None], size)[0], prior > 0)
    lacking = int(np.argmax(needed - available))
    if needed[lacking] > available[lacking]:
        raise IsoglossError(
            "E723",
            where=where,
            label=names[lacking],
            available=int(available[lacking]),
            needed=int(needed[lacking]),
            size=size,
            most=largest_size(prior, available),
        )


def _listed_priors(target: TargetLabels, plan: PriorPlan) -> Floats | None:
    """All priors of a plan that lists them, (l, k), or None where they are drawn."""
    if plan.given:
        return np.array(
            [
                complete_prior(shares, target.names, target.prior, where=target.name)
                for shares in plan.given
            ]
        )
    if not plan.grid:
        return None
    there = target.prior > 0
    grid = grid_priors(int(there.sum()), steps=plan.grid)
    priors = np.zeros((len(grid), len(there)))
    priors[:, there] = grid
    return priors


def _random_priors(
    target: TargetLabels, count: int, plan: PriorPlan, rng: np.random.Generator
) -> Floats:
    there = target.prior > 0
    mean = np.full(int(there.sum()), 1.0 / there.sum())
    if target.examples is not None:
        mean = target.prior[there]
    priors = np.zeros((count, len(there)))
    check_range(plan.concentration, 1e-3, 1e6, name="concentration")
    priors[:, there] = dirichlet_priors(count, plan.concentration * len(mean) * mean, rng=rng)
    return priors


def _drawn_until_possible(
    target: TargetLabels,
    count: int,
    size: int,
    plan: PriorPlan,
    rng: np.random.Generator,
    available: Integers,
) -> Floats:
    found: list[Floats] = []
    missing, drawn = count, 0
    for _ in range(_ROUNDS):
        priors = _random_priors(target, count, plan, rng)
        # Up to the last one that is taken, so that what is told is what was looked at.
        places = np.flatnonzero(_possible(priors, size, available))[:missing]
        missing -= len(places)
        found.append(priors[places])
        drawn += count if missing else int(places[-1]) + 1
        if not missing:
            break
    _tell(0 if missing else count, drawn, size, target, available)
    return np.concatenate(found)


def _possible(priors: Floats, size: int, available: Integers) -> np.ndarray:
    """(m,) whether there are the rows for each prior."""
    return np.asarray((row_counts(priors, size) <= available).all(axis=1))


def _tell(kept: int, of: int, size: int, target: TargetLabels, available: Integers) -> None:
    """Say what was passed over.

    Raises:
        IsoglossError: E725 where nothing is left.
    """
    most = int(available[available > 0].min())
    if not kept:
        raise IsoglossError("E725", where=target.name, size=size, tries=of, most=most)
    if kept < of:
        warn("W704", count=of - kept, of=of, where=target.name, most=most, stacklevel=5)


def _in_turn(length: int, count: int, rng: np.random.Generator | None) -> Integers:
    """(count,) places in a list of `length`, all of it before any again; shuffled by `rng`."""
    rounds = -(-count // length)
    order = [np.arange(length) if rng is None else rng.permutation(length) for _ in range(rounds)]
    return np.concatenate(order)[:count]
