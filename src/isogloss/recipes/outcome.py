"""What a run leaves behind when its stages are done."""

from __future__ import annotations

from collections.abc import Mapping

from datasets import Dataset

from isogloss.recipes.choosing import choose, finished_stages
from isogloss.recipes.delivery import deliver
from isogloss.recipes.inputs import CanonicalData
from isogloss.recipes.workshop import Workshop


def finish(shop: Workshop, data: CanonicalData, given: Mapping[str, Dataset]) -> None:
    """Choose what the run serves, say what to expect of it, and deliver it.

    Args:
        shop: the run, its stages finished.
        data: for the facts about it.
        given: data sets by side, in place of the files that the configuration names.
    """
    config, folder = shop.config, shop.folder
    results = finished_stages(folder, config)
    chosen, choice, expected = choose(folder, config, list(results))
    metrics = {
        "headline": shop.task.headline,
        "stages": {name: result["metrics"] for name, result in results.items()},
        "steps": {name: result["steps"] for name, result in results.items()},
        "data": data.facts,
        "chosen": choice,
        "expected": expected,
    }
    deliver(folder, config, chosen, metrics, target=given.get("target"), progress=shop.progress)
