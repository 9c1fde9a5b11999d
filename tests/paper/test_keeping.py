"""Models stay while another cell needs them, and are made again where they are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from isogloss.paper.estimating import estimate
from isogloss.paper.grid import Choices, Wanted
from isogloss.paper.keeping import most_models, remove_models
from isogloss.paper.planning import Request, plan
from isogloss.paper.reproduce import reproduce
from isogloss.paper.steps import Cost
from isogloss.paper.work import carry_out
from isogloss.progress import Progress

METHODS = ("zero-shot", "iwda", "iwda+kd")


def asked(data: Path, encoder: Path, output: Path, **more: object) -> Request:
    wanted = {"languages": ("es",), "methods": METHODS, "seeds": 1} | more
    keep = bool(wanted.pop("keep_models", False))
    return Request(
        name="table1",
        data=str(data),
        output=output,
        choices=Choices(model=str(encoder), max_steps=2),
        wanted=Wanted(**wanted),  # type: ignore[arg-type]
        keep_models=keep,
    )


def with_models(root: Path) -> set[str]:
    """Language and method of the runs that have a model."""
    found = [path.parent.parts[-3:-1] for path in (root / "runs").rglob("seed-0/model")]
    assert not list((root / "runs").rglob("*.tmp"))
    return {"/".join(parts) for parts in found}


def test_models_go_when_nothing_needs_them(marc: Path, encoder: Path, tmp_path: Path) -> None:
    request = asked(marc, encoder, tmp_path / "out")
    jobs = plan(request, Progress()).jobs
    kept: list[set[str]] = []

    class Watching(Progress):
        def say(self, text: str) -> None:
            if " of 4: " in text:
                kept.append(with_models(request.output))

    first = reproduce(request, progress=Watching())
    assert first["failed"] == []
    # What was there as each cell ended, before anything of it went.
    assert kept == [{"en/zero-shot"}, {"en/zero-shot", "es/zero-shot"}, *kept[2:]]
    assert kept[2] == {"en/zero-shot", "es/iwda"}
    assert kept[3] == {"es/iwda", "es/iwda+kd"}
    assert with_models(request.output) == set()
    for job in jobs:
        assert not list(job.run_folder.glob("stages/*/model"))
        # Scores and predictions stay.
        assert (job.run_folder / "metrics.json").is_file()
        assert list(job.run_folder.glob("predictions.*"))
    # Nothing is trained again for the same table, and nothing would be.
    assert estimate(request)["steps"] == {}
    assert reproduce(request) == first


@pytest.mark.slow
def test_what_a_new_cell_starts_from_is_made_again(
    marc: Path, encoder: Path, tmp_path: Path
) -> None:
    narrow = asked(marc, encoder, tmp_path / "out", methods=("iwda",))
    before = reproduce(narrow)["scores"]["marc"]["iwda"]["es"]
    wide = asked(marc, encoder, tmp_path / "out")
    planned = estimate(wide)
    assert planned["steps"] == {"finetune": 2, "align": 2, "distill": 2}
    report = reproduce(wide)
    assert report["failed"] == []
    # The same seed, the same model.
    assert report["scores"]["marc"]["iwda"]["es"] == before


def test_all_models_stay_where_that_is_wanted(marc: Path, encoder: Path, tmp_path: Path) -> None:
    reproduce(asked(marc, encoder, tmp_path / "out", methods=("iwda",), keep_models=True))
    assert with_models(tmp_path / "out") == {"en/zero-shot", "es/iwda"}


def test_a_failed_cell_keeps_what_it_starts_from(
    marc: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isogloss.paper import work

    real = work.train

    def breaks(job: work.Job, *rest: object) -> work.Record:
        if job.cell.method == "iwda+kd":
            raise RuntimeError("no room")
        return real(job, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "train", breaks)
    reproduce(asked(marc, encoder, tmp_path / "out"))
    assert with_models(tmp_path / "out") == {"es/iwda"}


def test_removal_that_was_cut_short_is_finished(marc: Path, encoder: Path, tmp_path: Path) -> None:
    job = plan(asked(marc, encoder, tmp_path / "out"), Progress()).jobs[0]
    assert carry_out(job)["status"] == "done"
    half = job.run_folder / f".model.{32 * 'a'}.tmp"
    (job.run_folder / "model").rename(half)
    remove_models(job.run_folder)
    assert not half.exists()
    assert not job.has_models
    assert not list(job.run_folder.glob("stages/*/model"))


def test_room_on_disk(marc: Path, encoder: Path, tmp_path: Path) -> None:
    request = asked(marc, encoder, tmp_path / "out", languages=("de", "es"), methods=("iwda",))
    jobs = plan(request, Progress()).jobs
    costs = [Cost(cell=job.cell, steps={"any": 2}) for job in jobs]
    # A stage's nine copies of weights in checkpoints; the source's model and the run's own.
    assert most_models(jobs, costs, ()) == 2 + 9
    assert most_models(jobs, costs, {job.cell.key for job in jobs}) == 3 + 9
    found = estimate(request)
    weights = (encoder / "model.safetensors").stat().st_size
    assert found["bytes"] == pytest.approx(11 * weights, rel=0.1)


@pytest.mark.parametrize("finished", [False, True])
def test_only_a_finished_run_without_models_begins_anew(
    marc: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: bool
) -> None:
    from isogloss.paper import work

    job = plan(asked(marc, encoder, tmp_path / "out"), Progress()).jobs[0]
    assert job.needs_models
    checkpoint = job.run_folder / "stages" / "zero-shot" / "checkpoints" / "weights"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    if finished:
        (job.run_folder / "metrics.json").touch()
    there: list[bool] = []

    def train(*_: object) -> work.Record:
        there.append(checkpoint.exists())
        return {"scores": {}}

    monkeypatch.setattr(work, "train", train)
    assert carry_out(job)["status"] == "done"
    assert there == [not finished]
