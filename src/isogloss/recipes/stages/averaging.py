"""The mean of what a stage comes out as under several seeds, as a stage: `iwda-seeds`."""

from __future__ import annotations

from isogloss.models.averaging import WeightAverage
from isogloss.recipes.candidates import is_settled
from isogloss.recipes.methods import Stage
from isogloss.recipes.stages.training import finish_average, open_model
from isogloss.recipes.workshop import Workshop


def average_seeds(shop: Workshop, stage: Stage) -> bool:
    """Average the finished members of a stage and finish it.

    Args:
        shop: the run.
        stage: its members all started from the same weights.

    Returns:
        Whether it was finished: a budget may have left fewer than two members.
    """
    there = [name for name in stage.members if shop.folder.stage_result(name) is not None]
    if len(there) < 2:
        return False
    average = WeightAverage()
    for name in there:
        model = open_model(shop, str(shop.model_of(name)))
        average.add(model.classifier)
    # The rows of the embedding that no text of the run needs are the same in all of them.
    settled = any(is_settled(shop.folder.stage(name)) for name in there)
    finish_average(shop, average, model, stage=stage.name, settled=settled)
    return True
