"""A run killed at random moments goes on and ends with the very weights of an unbroken one."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.models import WORDS, save_tiny

KILLS = 3
GRACE = 240.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    save_tiny(folder / "encoder", "bert")
    rng = random.Random(0)
    for name, labelled, offset in (("en", True, 0), ("de", False, 12)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"] if labelled else ["text"])
            for i in range(160):
                words = rng.choices(WORDS[10:60], k=rng.randint(3, 10))
                text = " ".join([WORDS[offset + i % 3], *words])
                writer.writerow([text, f"class-{i % 3}"] if labelled else [text])
    return folder


def start(place: Path, output: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "isogloss", "adapt"]
    command += ["--source", str(place / "en.csv"), "--target", str(place / "de.csv")]
    command += ["--model", str(place / "encoder"), "--output", str(output), "--epochs", "3"]
    command += ["--recipe", "iwda", "--set", "precision=fp32", "--set", "averages=4"]
    for setting in ("save_steps=3", "per_device_train_batch_size=8"):
        command += ["--set", f"finetune.{setting}", "--set", f"iwda.{setting}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=GRACE)
    assert process.returncode == 0, errors.decode()


def wait_for(pattern: str, folder: Path, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a file of the run appears; False where the run ended first."""
    deadline = time.monotonic() + GRACE
    while not any(folder.glob(pattern)):
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return True


def test_killed_run_ends_bit_identical(place: Path) -> None:
    unbroken, killed = place / "unbroken", place / "killed"
    finish(start(place, unbroken))
    rng = random.Random(1)
    kills = 0
    # One kill while each stage trains, and one at whatever comes after a moment.
    for pattern in (
        "stages/zero-shot/checkpoints/*",
        "stages/iwda/checkpoints/*",
        "stages/iwda/model/*",
    ):
        process = start(place, killed)
        if wait_for(pattern, killed, process):
            time.sleep(rng.uniform(0.0, 0.6))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
    assert kills == KILLS
    finish(start(place, killed))
    files = ("model/model.safetensors", "held-out.safetensors", "predictions.csv", "prior.json")
    files += tuple(
        f"stages/{name}-average/model/model.safetensors" for name in ("zero-shot", "iwda")
    )
    for name in files:
        assert (unbroken / name).read_bytes() == (killed / name).read_bytes(), name
    leftovers = [p for p in killed.rglob("*") if p.name.startswith(".") or "checkpoint" in p.name]
    assert not leftovers
