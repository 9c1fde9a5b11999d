"""Grids on Ray: a local cluster of two workers beside the engine of this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from isogloss.cluster import cluster
from isogloss.errors import IsoglossError
from isogloss.paper import distributed
from isogloss.paper.distributed import RayEngine, limits_of, needs_of
from isogloss.paper.engine import LocalEngine
from isogloss.paper.grid import Choices, Wanted
from isogloss.paper.planning import Request, plan
from isogloss.paper.reproduce import reproduce
from isogloss.paper.work import Job, carry_out
from isogloss.progress import Progress
from tests.paper import killed

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="Ray is not installed (the extra isogloss[ray])"
)
# Checkpoints at every second step, so that there is something to go on from.
SPECIFICATION = """
title: a small table
model: mbert
preset: paper
seeds: 1
claims: [iwda-above-zero-shot]
parts:
  - corpus: marc
    languages: [de, es]
    methods: [zero-shot, supervised, iwda, iwda+st]
    metric: accuracy
    settings:
      iwda: {save_steps: 2, save_strategy: steps}
"""


class Listener(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def two_workers() -> Iterator[None]:
    """A cluster that all tests here share; an engine uses the one that its program has joined."""
    with cluster(None, 2):
        yield


@pytest.fixture
def asked(marc: Path, encoder: Path, tmp_path: Path) -> Request:
    path = tmp_path / "small.yaml"
    path.write_text(SPECIFICATION, "utf-8")
    return request(path, marc, encoder, tmp_path / "out")


def request(path: Path, data: Path, encoder: Path, output: Path) -> Request:
    choices = Choices(model=str(encoder), max_steps=5)
    return Request(
        name=str(path), data=str(data), output=output, choices=choices, wanted=Wanted(seeds=1)
    )


def records(root: Path) -> dict[str, Any]:
    """What every cell's run came to, without how long it took."""
    found = {}
    for path in sorted((root / "cells").rglob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        del record["seconds"]
        found[record["key"]] = record
    return found


@pytest.mark.slow
@needs_ray
def test_two_workers_find_what_one_process_finds(
    asked: Request, marc: Path, encoder: Path, tmp_path: Path, two_workers: None
) -> None:
    there = reproduce(asked, engine=RayEngine())
    here = reproduce(request(Path(asked.name), marc, encoder, tmp_path / "here"))
    assert there["failed"] == here["failed"] == []
    assert there["scores"] == here["scores"]
    assert records(asked.output) == records(tmp_path / "here")
    assert len(records(asked.output)) == 1 + 2 * 4


@pytest.mark.slow
@needs_ray
def test_a_killed_worker_s_cell_goes_on_from_its_checkpoint(
    asked: Request, tmp_path: Path, two_workers: None, capfd: pytest.CaptureFixture[str]
) -> None:
    listener = Listener()
    jobs = plan(asked, Progress()).jobs
    ended = {
        job.cell.key: record
        for job, record in RayEngine(progress=listener).run(jobs, killed.killed_once)
    }
    # Standard output is for results; Ray would say there that a worker died.
    assert capfd.readouterr().out == ""
    assert {record["status"] for record in ended.values()} == {"done"}
    assert len(listener.lines) == 1
    assert "its worker died" in listener.lines[0]
    assert "iwda: going on at step 2" in (asked.output / "said").read_text("utf-8")
    undisturbed = [
        Job(cell=job.cell, plan=job.plan, root=tmp_path / "calm", max_steps=job.max_steps)
        for job in jobs
    ]
    list(LocalEngine().run(undisturbed, carry_out))
    assert records(asked.output) == records(tmp_path / "calm")


@needs_ray
def test_e819_a_worker_that_dies_each_time_and_the_rest_goes_on(
    asked: Request, two_workers: None
) -> None:
    jobs = plan(asked, Progress()).jobs
    listener = Listener()
    ended = {
        job.cell.key: record
        for job, record in RayEngine(progress=listener).run(jobs, killed.always_killed)
    }
    assert len(ended) == len(jobs)
    for job in jobs:
        record = ended[job.cell.key]
        assert record == job.record_of(job.cell)
        assert record["status"] == ("failed" if job.cell.language == "de" else "done")
        assert record.get("error", "E819").startswith("E819")
    assert len(listener.lines) == 4 * (distributed.TRIES - 1)


@needs_ray
def test_a_fault_that_is_not_the_run_s_is_recorded(asked: Request, two_workers: None) -> None:
    jobs = plan(asked, Progress()).jobs[:1]
    ((_, record),) = RayEngine().run(jobs, killed.unable)
    assert record["error"] == "ModuleNotFoundError: No module named 'isogloss'"


@needs_ray
def test_e820_storage_that_is_not_shared(asked: Request, two_workers: None) -> None:
    jobs = plan(asked, Progress()).jobs[:1]
    with pytest.raises(IsoglossError, match=r"^E820"):
        list(RayEngine().run(jobs, killed.elsewhere))


def test_a_cell_asks_for_what_its_model_needs(asked: Request) -> None:
    job = plan(asked, Progress()).jobs[0]
    plenty = {"CPU": 8.0, "memory": 1e12}
    needs = needs_of(job, plenty)
    assert (needs["num_cpus"], needs["num_gpus"]) == (1, 0)
    assert needs["memory"] > 2 * 1024**3
    assert needs_of(job, plenty | {"GPU": 4.0})["num_gpus"] == 1
    # More than the largest machine has would never be given.
    assert needs_of(job, {"CPU": 8.0, "memory": 1e9})["memory"] == 1e9


def test_limits_are_of_one_machine() -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 2.0, "memory": 5.0}},
        {"Alive": True, "Resources": {"CPU": 4.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    assert limits_of(nodes) == {"CPU": 4.0, "memory": 5.0}
