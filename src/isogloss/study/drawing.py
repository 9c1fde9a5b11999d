"""Draw a study's sets from a labelled target, without replacement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from isogloss.errors import IsoglossError, warn
from isogloss.study.chosen import ChosenSets
from isogloss.study.evaluation import Sets
from isogloss.study.measures import prior_shifts
from isogloss.study.plans import PriorPlan, possible_priors, wanted_priors
from isogloss.study.priors import row_counts
from isogloss.study.rows import TargetLabels
from isogloss.study.sentences import Tagged, choose_sentences
from isogloss.study.windows import draw_windows

# The paper's sets; a file with fewer rows gives smaller ones.
USUAL_SIZE = 2_500
# Nearer to its prior than this no set of sentences need come, and farther it is worth a word.
_NEAR, _FAR = 0.002, 0.02


def usual_size(target: TargetLabels) -> int:
    """Examples of a set where nobody says: 2,500, or as many as most priors can be met with.

    That is a k-th of the rows: of an even file every prior can be drawn then. For tagging it is a
    quarter.
    """
    parts = len(target.names) if target.examples is None else 4
    return max(1, min(USUAL_SIZE, target.num_examples // parts))


def draw_sets(
    target: TargetLabels,
    count: int,
    *,
    plan: PriorPlan,
    size: int | None = None,
    seed: int = 0,
    advance: Callable[[int], None] | None = None,
) -> Sets:
    """Draw sets from a labelled target.

    Args:
        target: the labelled set.
        count: m, sets to draw, at least 1.
        plan: at which priors.
        size: examples of each set; None for `usual_size`.
        seed: of every random choice.
        advance: told the number of sets done; for tagging, where each is sought by itself.

    Returns:
        The sets. With one label an example each has its prior to within a row; for tagging each
        comes as near as its sentences can, and `priors` says what was reached.

    Raises:
        IsoglossError: E407, E721 to E723, E725, E732 for the plan, E730 for a size that cannot be.
            Warnings W704 where priors were passed over, W705 where sentences stay away from a
            given prior.
    """
    size = usual_size(target) if size is None else size
    if not 1 <= size <= target.num_examples:
        raise IsoglossError("E730", size=size, rows=target.num_examples, where=target.name)
    rng = np.random.default_rng((seed, 11))
    if target.examples is None:
        priors = possible_priors(target, count, size, plan, rng)
        sets: Sets = draw_windows(target.labels, row_counts(priors, size), rng=rng)
        if advance is not None:
            advance(count)
        return sets
    return _draw_sentences(target, count, plan, size, rng, advance)


def _draw_sentences(
    target: TargetLabels,
    count: int,
    plan: PriorPlan,
    size: int,
    rng: np.random.Generator,
    advance: Callable[[int], None] | None,
) -> ChosenSets:
    goals = wanted_priors(target, count, plan, rng)
    tagged = Tagged.of(target.totals)
    # A random prior is as good as another one near it.
    near = _NEAR if plan.given else 1.0
    chosen = np.zeros((count, target.num_examples), dtype=bool)
    for index, goal in enumerate(goals):
        chosen[index] = choose_sentences(tagged, goal, size, rng=rng, near=near)
        if advance is not None:
            advance(1)
    sets = ChosenSets(chosen=chosen, totals=tagged.counts)
    away = prior_shifts(sets.priors, goals)
    if plan.given and (away > _FAR).any():
        far = int((away > _FAR).sum())
        warn("W705", count=far, of=count, distance=round(float(away.max()), 3), limit=_FAR)
    return sets
