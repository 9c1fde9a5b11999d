"""What a grid would cost, before it is carried out: steps, time, room on disk."""

from __future__ import annotations

from typing import Any

from isogloss.data.locking import locked
from isogloss.errors import IsoglossError
from isogloss.paper.keeping import most_models
from isogloss.paper.planning import Request, open_folder, plan
from isogloss.paper.sizes import model_bytes
from isogloss.paper.steps import Cost, cost_of
from isogloss.paper.timing import time_steps
from isogloss.progress import Progress


def estimate(request: Request, *, progress: Progress | None = None) -> dict[str, Any]:
    """What a grid would cost; trains a handful of steps, in a folder that goes away.

    The rows of the corpora are prepared in the output folder, where the runs will read them.

    Args:
        request: what to reproduce.
        progress: hears how it goes.

    Returns:
        `name`, `cells` (each `key` and `steps` by how its stages train, empty where it is done),
        `missing`, `steps` (totals by how stages train), `seconds_per_step`, `seconds` in all (None
        where nothing was timed), `why` not; `models` and `bytes`, the most that lie on disk at
        once on top of what is there (None where the model is not known).

    Raises:
        IsoglossError: as `reproduce`.
    """
    progress = progress or Progress()
    grid = plan(request, progress)
    jobs, costs = [], []
    with locked(request.output):
        open_folder(request)
        for job in grid.jobs:
            if job.cell.sides()["target"].place not in grid.missing:
                jobs.append(job)
                costs.append(cost_of(job, progress))
    totals: dict[str, int] = {}
    for cost in costs:
        for method, steps in cost.steps.items():
            totals[method] = totals.get(method, 0) + steps
    paces, why = time_steps(jobs, costs, progress)
    stay = {job.cell.key for job in jobs} if request.keep_models else grid.drawn
    models = most_models(jobs, costs, stay)
    return {
        "name": grid.spec.name,
        "cells": [_described(cost) for cost in costs],
        "missing": grid.missing,
        "steps": totals,
        "seconds_per_step": paces,
        "seconds": None if why else sum(paces[one] * steps for one, steps in totals.items()),
        "why": why,
        "models": models,
        "bytes": _bytes_of(models, jobs[0].cell.encoder if jobs else None),
    }


def _bytes_of(models: int, encoder: str | None) -> int | None:
    """The room that models take; None where the encoder cannot be had."""
    try:
        return models * model_bytes(encoder) if encoder and models else 0
    except IsoglossError:
        return None


def _described(cost: Cost) -> dict[str, Any]:
    return {"key": cost.cell.key, "steps": cost.steps}
