"""What a budget of minutes still has room for."""

from __future__ import annotations

from isogloss.recipes.methods import Stage
from isogloss.recipes.planning import about, pace_of, pieces
from isogloss.recipes.starting import TAKEN_OVER, can_take_over
from isogloss.recipes.workshop import Workshop


def why_left_out(shop: Workshop, stage: Stage) -> str | None:
    """Why a stage that trains is not begun, or None where it is.

    The first stage is always trained. Of each other one it is foretold how long it may take, by the
    pace of the first that was trained in this run (in word pieces a second, which see `pieces`); it
    is left out where it would not end in time. The pace of one stage only is asked, so that a run
    which is taken up again decides as before.

    Args:
        shop: the run.
        stage: one that is not finished.
    """
    if shop.config.budget is None or stage == shop.config.stages()[0]:
        return None
    if stage.start is not None and shop.folder.stage_result(stage.start) is None:
        return f"left out, it would go on from {stage.start}"
    left = 60 * shop.config.budget - seconds_spent(shop)
    if left <= 0:
        return "left out, the budget is used up"
    if can_take_over(shop, stage.name):
        return None
    needed = foretold(shop, stage)
    if needed is None or needed <= left:
        return None
    return f"left out, it would take about {about(needed)}, the budget has {about(left)} left"


def is_spent(shop: Workshop) -> bool:
    """Whether the budget has no time left for any further stage."""
    return shop.config.budget is not None and seconds_spent(shop) >= 60 * shop.config.budget


def seconds_spent(shop: Workshop) -> float:
    """What the stages took that this run trained.

    What another run took for a stage that was taken over is no time of this one.
    """
    return sum(seconds for _, seconds in _trained_here(shop))


def foretold(shop: Workshop, stage: Stage) -> float | None:
    """How many seconds a stage may take; None where nothing was trained here that tells."""
    trained = _trained_here(shop)
    pace = pace_of(shop, trained[0][0]) if trained else None
    return None if pace is None else pace * pieces(shop, stage)


def _trained_here(shop: Workshop) -> list[tuple[Stage, float]]:
    """Finished stages of this run that trained, in order, with their seconds."""
    found = []
    for stage in shop.config.stages():
        result = shop.folder.stage_result(stage.name)
        if result is not None and TAKEN_OVER not in result and not stage.members:
            found.append((stage, float(result["seconds"])))
    return found
