"""What a run leaves behind when its stages are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datasets import Dataset

from isogloss.recipes.asking import ask_stages
from isogloss.recipes.choosing import choose, finished_stages
from isogloss.recipes.delivery import deliver
from isogloss.recipes.inputs import CanonicalData
from isogloss.recipes.labelled_report import labelled_report
from isogloss.recipes.labelled_rows import labelled_metrics
from isogloss.recipes.workshop import Workshop


def finish(
    shop: Workshop,
    data: CanonicalData,
    given: Mapping[str, Dataset],
    said: Sequence[str] = (),
) -> None:
    """Choose what the run serves, say what to expect of it, and deliver it.

    Args:
        shop: the run, its stages finished.
        data: for the facts about it.
        given: data sets by side, in place of the files that the configuration names.
        said: what has been warned of in this call; earlier calls' stages have their own record.
    """
    config, folder = shop.config, shop.folder
    results = finished_stages(folder, config)
    measured = {name: result["metrics"] for name, result in results.items()}
    if data.labelled is not None:
        ask_stages(shop, data.labelled, list(results))
        for name in results:
            measured[name] = measured[name] | {"labelled": labelled_metrics(folder, name)}
    chosen, choice, expected = choose(folder, config, list(results))
    earlier = [text for found in results.values() for text in found.get("warnings", ())]
    metrics = {
        "headline": shop.task.headline,
        "stages": measured,
        "steps": {name: result["steps"] for name, result in results.items()},
        "data": data.facts,
        "chosen": choice,
        "expected": expected,
        "warnings": list(dict.fromkeys([*said, *earlier])),
    }
    tagging = config.task == "token"
    report = labelled_report(folder, list(results), recipe=config.recipe, tagging=tagging)
    if report is not None:
        metrics["labelled"] = report
    deliver(folder, config, chosen, metrics, target=given.get("target"), progress=shop.progress)
