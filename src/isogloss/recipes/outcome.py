"""What a run leaves behind when its stages are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset

from isogloss.recipes.asking import ask_stages
from isogloss.recipes.choosing import choose, finished_stages, serve_refitted
from isogloss.recipes.delivery import deliver
from isogloss.recipes.folder import RunFolder
from isogloss.recipes.inputs import CanonicalData
from isogloss.recipes.labelled_report import labelled_report
from isogloss.recipes.labelled_rows import labelled_metrics
from isogloss.recipes.refitting import refit_served
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
    if data.labelled is not None:
        ask_stages(shop, data.labelled, list(results))
    chosen, choice, expected = choose(folder, config, list(results))
    report = None
    if data.labelled is not None:
        refit = refit_served(shop, data.labelled, chosen)
        report = labelled_report(
            folder,
            list(results),
            recipe=config.recipe,
            tagging=config.task == "token",
            refit=refit,
        )
        if refit.refused is None:
            kept = folder.stage_result(refit.name)
            assert kept is not None
            results[refit.name] = kept
            chosen, choice, expected = serve_refitted(folder, config, list(results), choice, refit)
    earlier = [text for found in results.values() for text in found.get("warnings", ())]
    metrics = {
        "headline": shop.task.headline,
        "stages": {name: _metrics_of(folder, name, result) for name, result in results.items()},
        "steps": {name: result["steps"] for name, result in results.items()},
        "data": data.facts,
        "chosen": choice,
        "expected": expected,
        "warnings": list(dict.fromkeys([*said, *earlier])),
    }
    if report is not None:
        metrics["labelled"] = report
    deliver(
        folder,
        config,
        chosen,
        metrics,
        target=given.get("target"),
        test=data.test,
        progress=shop.progress,
    )


def _metrics_of(folder: RunFolder, stage: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """A stage's scores by set; those on labelled target rows among them where there are some."""
    told = labelled_metrics(folder, stage)
    return {**result["metrics"], **({} if told is None else {"labelled": told})}
