"""A run that is stopped anywhere goes on and ends with the very files of an unbroken one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import crashes
from benchmarks.crashbench.cases import Case, write_data
from benchmarks.crashbench.kills import Moment, contents, run_through, stop

SAVE_STEPS = 4


@pytest.mark.parametrize(
    "moments",
    [
        ((0.4, signal.SIGKILL), (0.7, signal.SIGTERM)),
        pytest.param(
            ((0.3, signal.SIGKILL), (0.6, signal.SIGTERM), (0.9, signal.SIGKILL)),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_stopped_runs_end_as_unbroken_ones(
    tmp_path: Path, moments: tuple[tuple[float, signal.Signals], ...]
) -> None:
    write_data(tmp_path / "data", rows=60)
    case = Case("iwda", tmp_path / "data", tmp_path / "unbroken")
    unbroken = run_through(case)
    kept = [name for name in unbroken.files if name.endswith("model.safetensors")]
    # Served, of two stages, and of their averages.
    assert len(kept) == 5
    for share, number in moments:
        case = Case("iwda", tmp_path / "data", tmp_path / f"stopped-{share}")
        moment = Moment(operation=int(share * unbroken.operations), number=number)
        found = stop(case, moment, unbroken)
        assert found.code in (-number, 128 + number), found
        assert not found.differing
        assert not found.leftovers
        assert found.lost is None or found.lost <= SAVE_STEPS


def test_sigterm_while_training_is_143_and_one_line(tmp_path: Path) -> None:
    write_data(tmp_path / "data", rows=60)
    case = Case("zero-shot", tmp_path / "data", tmp_path)
    command = [sys.executable, "-m", "isogloss", *case.arguments(), "--epochs", "500"]
    environment = {**os.environ, "ISOGLOSS_CACHE": str(tmp_path / "cache")}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("run/stages/*/checkpoints/*/complete.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 143, errors
    last = errors.strip().splitlines()[-1]
    step = max(
        int(path.parent.name.rpartition("-")[2])
        for path in tmp_path.glob("run/stages/zero-shot/checkpoints/*/complete.json")
    )
    assert last == f"Stopped after step {step} of zero-shot; run the same command to go on."
    assert not (tmp_path / "run" / "lock.json").exists()


@pytest.mark.slow
def test_twenty_random_kills(tmp_path: Path) -> None:
    # By itself: libraries read the hub's address when they are imported, as they are here.
    command = [sys.executable, crashes.__file__, "--kills", "20", "--folder", str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "20 of 20 reruns equal" in found.stdout


def test_times_are_no_difference(tmp_path: Path) -> None:
    for name, seconds in (("a", 1.0), ("b", 2.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.json").write_text(f'{{"log": [{{"seconds": {seconds}, "loss": 1}}]}}')
        (tmp_path / name / ".x.json.tmp").write_text(name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    (tmp_path / "b" / "x.json").write_text('{"log": [{"seconds": 1.0, "loss": 2}]}')
    assert contents(tmp_path / "a") != contents(tmp_path / "b")
