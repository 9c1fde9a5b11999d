from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from isogloss.errors import IsoglossError
from isogloss.stopping import Stopped, heeding_signals
from isogloss.trainers.checkpoints import (
    COMPLETE_MARKER,
    last_complete_checkpoint,
    read_marker,
    writing_checkpoint,
)
from tests.trainers.common import same, state
from tests.trainers.test_finetune import TestFinetuneTrainer
from tests.trainers.test_iwda import build as build_iwda

pytestmark = pytest.mark.usefixtures("hears_ctrl_c")
build_finetune = TestFinetuneTrainer().build


class AtStep(TrainerCallback):
    """Does something at the end of a step."""

    def __init__(self, step: int, action: Callable[[], Any]) -> None:
        self.step, self.action = step, action

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            self.action()


def stop_at(trainer: Any, step: int, number: int) -> Stopped:
    trainer.callback_handler.callbacks.insert(0, AtStep(step, lambda: os.kill(os.getpid(), number)))
    with pytest.raises(Stopped) as caught, heeding_signals():
        trainer.train()
    return caught.value


@pytest.mark.parametrize("build", [build_finetune, build_iwda])
@pytest.mark.parametrize(("step", "number"), [(3, signal.SIGTERM), (6, signal.SIGINT)])
def test_a_stopped_training_goes_on_to_the_same_weights_and_log(
    build: Any, step: int, number: int, tmp_path: Path
) -> None:
    unbroken = build(tmp_path / "a", logging_steps=2, save_steps=50)
    unbroken.train()
    broken = build(tmp_path / "b", logging_steps=2, save_steps=50)
    stopped = stop_at(broken, step, number)
    assert (stopped.number, stopped.step) == (number, step)
    checkpoint = last_complete_checkpoint(tmp_path / "b")
    assert checkpoint == tmp_path / "b" / f"checkpoint-{step}"
    resumed = build(tmp_path / "b", logging_steps=2, save_steps=50)
    resumed.train(resume_from_checkpoint=str(checkpoint))
    assert same(state(unbroken), state(resumed))
    logs = [
        [entry for entry in one.state.log_history if "loss" in entry] for one in (unbroken, resumed)
    ]
    assert logs[0] == logs[1]
    assert resumed.seconds >= read_marker(checkpoint)["seconds"]


def test_a_second_signal_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    trainer = build_finetune(tmp_path)
    inner = trainer.batch_loss

    def twice(*args: Any, **options: Any) -> torch.Tensor:
        if trainer.state.global_step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
        return inner(*args, **options)

    trainer.batch_loss = twice
    with pytest.raises(Stopped) as caught, heeding_signals():
        trainer.train()
    assert caught.value.step is None
    assert last_complete_checkpoint(tmp_path) == tmp_path / "checkpoint-2"


@pytest.mark.parametrize("limit", [1, 2])
def test_a_clock_that_is_set_back_costs_no_checkpoint(limit: int, tmp_path: Path) -> None:
    trainer = build_finetune(tmp_path, save_total_limit=limit)

    def set_back() -> None:
        """As if what is there had been written tomorrow."""
        for folder in tmp_path.glob("checkpoint-*"):
            os.utime(folder, (time.time() + 86_400,) * 2)

    for step in (4, 6):
        trainer.add_callback(AtStep(step, set_back))
    trainer.train()
    kept = sorted(path.name for path in tmp_path.glob("checkpoint-*"))
    assert kept == ["checkpoint-4", "checkpoint-6"][-limit:]
    assert last_complete_checkpoint(tmp_path) == tmp_path / "checkpoint-6"


def full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def full_in_torch() -> None:
    raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 153 vs 12")


@pytest.mark.parametrize("fail", [full, full_in_torch])
def test_a_checkpoint_that_finds_no_room_is_removed(
    fail: Callable[[], None], tmp_path: Path
) -> None:
    trainer = build_finetune(tmp_path)
    inner = trainer._save_rng_state

    def save(folder: str) -> None:
        if trainer.state.global_step == 4:
            fail()
        inner(folder)

    trainer._save_rng_state = save
    with pytest.raises(IsoglossError, match="checkpoint of step 4 cannot be written") as caught:
        trainer.train()
    assert caught.value.code == "E548"
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-2"]
    resumed = build_finetune(tmp_path)
    resumed.train(resume_from_checkpoint=str(last_complete_checkpoint(tmp_path)))
    assert resumed.state.global_step == 6


def test_other_errors_while_a_checkpoint_is_written_stay_what_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint-2"
    folder.mkdir()
    with pytest.raises(RuntimeError, match="out of memory"), writing_checkpoint(folder, 2):
        raise RuntimeError("out of memory")
    assert not folder.exists()


@pytest.mark.parametrize("text", ["", "{", "[1]", None])
def test_a_broken_mark_says_nothing(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / COMPLETE_MARKER).write_text(text)
    assert read_marker(tmp_path) == {}
