"""What a run leaves for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import isogloss
from isogloss.errors import IsoglossError
from isogloss.recipes import settings


def scalars(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_every_stage_s_figures_are_events(files: dict[str, Any], tmp_path: Path) -> None:
    files["iwda"] = files["iwda"] | {"logging_steps": 1}
    run = isogloss.adapt(
        output=tmp_path / "run", tensorboard=True, **{**files, "recipe": "iwda"}
    ).folder
    assert {path.name for path in (run / "tensorboard").iterdir()} == {"zero-shot", "iwda"}
    events = scalars(run / "tensorboard" / "iwda")
    steps = [event.step for event in events.Scalars("train/task_loss")]
    assert steps == [1, 2, 3, 4]
    shares = [events.Scalars(f"train/prior/class-{i}")[-1].value for i in range(3)]
    assert sum(shares) == pytest.approx(1.0, abs=1e-6)


def test_events_are_left_out_where_they_are_not_wanted(
    files: dict[str, Any], tmp_path: Path
) -> None:
    run = isogloss.adapt(
        output=tmp_path / "run", tensorboard=False, **(files | {"recipe": "zero-shot"})
    )
    assert not (run.folder / "tensorboard").exists()


def test_events_change_nothing_about_a_run(files: dict[str, Any], tmp_path: Path) -> None:
    """A finished run is the same one whoever watched it."""
    run = tmp_path / "run"
    first = isogloss.adapt(output=run, tensorboard=False, **(files | {"recipe": "zero-shot"}))
    again = isogloss.adapt(output=run, tensorboard=True, **(files | {"recipe": "zero-shot"}))
    assert first.metrics == again.metrics


def test_without_tensorboard_only_a_wish_for_it_is_refused(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    assert not settings.writes_events(None)
    with pytest.raises(IsoglossError) as caught:
        isogloss.adapt(
            output=tmp_path / "run", tensorboard=True, **(files | {"recipe": "zero-shot"})
        )
    assert caught.value.code == "E760"
    assert not (tmp_path / "run").exists()
