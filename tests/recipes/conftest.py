from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.models import WORDS, save_tiny

SETTINGS: dict[str, Any] = {
    "recipe": "iwda",
    "epochs": 1.0,
    "max_steps": 4,
    "precision": "fp32",
    "tensorboard": False,
    "iwda": {"critic_width": 16, "per_device_train_batch_size": 4},
    "finetune": {"per_device_train_batch_size": 4},
    "distill": {"per_device_train_batch_size": 8, "frozen_layers": 1},
}


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("encoder"), "bert")


def write_csv(path: Path, *, rows: int, labels: bool, seed: int, header: str = "text") -> Path:
    rng = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([header, "label"] if labels else [header])
        for i in range(rows):
            text = " ".join([WORDS[i % 3], *rng.choices(WORDS[10:60], k=rng.randint(3, 8))])
            writer.writerow([text, f"class-{i % 3}"] if labels else [text])
    return path


@pytest.fixture
def files(tmp_path: Path, encoder: Path) -> dict[str, Any]:
    """Source with labels, target without, test with; and the tiny encoder."""
    return {
        "source": str(write_csv(tmp_path / "en.csv", rows=40, labels=True, seed=0)),
        "target": str(write_csv(tmp_path / "de.csv", rows=30, labels=False, seed=1)),
        "test": str(write_csv(tmp_path / "de.test.csv", rows=21, labels=True, seed=2)),
        "model": str(encoder),
        **SETTINGS,
    }


@pytest.fixture(autouse=True)
def _reports_without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports have tests of their own; here their pictures would take longer than the training."""
    from isogloss.report import page

    monkeypatch.setattr(page, "draw", lambda *_: {name: [] for name in page.SECTIONS})


@pytest.fixture
def conll(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, *, rows: int, tags: bool, seed: int) -> Path:
        rng = random.Random(seed)
        lines = []
        for i in range(rows):
            for word in rng.choices(WORDS[10:60], k=rng.randint(2, 6)):
                lines.append(f"{word}\tO" if tags else word)
            lines.append(("anna\tB-PER" if i % 2 else "berlin\tB-LOC") if tags else "anna")
            lines.append("")
        path = tmp_path / name
        path.write_text("\n".join(lines), "utf-8")
        return path

    return write


@pytest.fixture
def tagged(files: dict[str, Any], conll: Callable[..., Path]) -> dict[str, Any]:
    """The same for a tagging task, without a test file."""
    return files | {
        "task": "token",
        "source": str(conll("en.conll", rows=30, tags=True, seed=0)),
        "target": str(conll("de.conll", rows=20, tags=False, seed=1)),
        "test": None,
    }
