from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from isogloss.errors import IsoglossError
from isogloss.trainers.averaging import AVERAGE, SnapshotAveraging, snapshot_steps
from isogloss.trainers.config import FinetuneConfig


@pytest.mark.parametrize(
    ("total", "snapshots", "share", "wanted"),
    [
        (100, 5, 0.5, {60, 70, 80, 90, 100}),
        (100, 1, 0.5, {100}),
        (7, 3, 1.0, {3, 5, 7}),
        (4, 5, 0.5, {3, 4}),
        (1, 5, 1.0, {1}),
        (9, 4, 0.0, {9}),
    ],
)
def test_steps(total: int, snapshots: int, share: float, wanted: set[int]) -> None:
    assert snapshot_steps(total, snapshots=snapshots, share=share) == wanted


@pytest.mark.parametrize("total", [1, 2, 3, 10, 997])
@pytest.mark.parametrize("snapshots", [1, 2, 5, 2000])
@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_steps_lie_in_the_last_part(total: int, snapshots: int, share: float) -> None:
    steps = snapshot_steps(total, snapshots=snapshots, share=share)
    assert max(steps) == total
    assert all(total * (1 - share) < step for step in steps)
    assert len(steps) <= snapshots
    if total * share >= snapshots:
        assert len(steps) == snapshots


def averaging(layer: nn.Module, folder: Path | None = None) -> SnapshotAveraging:
    found = SnapshotAveraging(layer, snapshots=4, share=1.0)
    if folder is not None:
        found.load(folder)
    return found


def step(found: SnapshotAveraging, number: int) -> None:
    found.on_step_end(None, SimpleNamespace(global_step=number, max_steps=4), None)


def test_gone_on_from_a_folder_that_is_removed(tmp_path: Path) -> None:
    layer = nn.Linear(3, 2)
    unbroken = averaging(layer)
    for number in (1, 2):
        step(unbroken, number)
        layer.weight.data += 0.1
    unbroken.save(tmp_path)
    broken = averaging(layer, tmp_path)
    (tmp_path / AVERAGE).unlink()
    for found in (unbroken, broken):
        step(found, 3)
    assert broken.average.count == 3
    for name, mean in unbroken.average.mean.items():
        assert torch.equal(mean, broken.average.mean[name])


def test_a_mean_of_nothing_comes_back(tmp_path: Path) -> None:
    averaging(nn.Linear(3, 2)).save(tmp_path)
    assert averaging(nn.Linear(3, 2), tmp_path).average.count == 0


@pytest.mark.parametrize("damage", ["missing", "cut", "other", "frozen"])
def test_a_mean_that_cannot_be_gone_on_from(tmp_path: Path, damage: str) -> None:
    layer = nn.Linear(3, 2)
    kept = averaging(layer)
    step(kept, 1)
    kept.save(tmp_path)
    path = tmp_path / AVERAGE
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:20])
    elif damage == "other":
        layer = nn.Linear(4, 2)
    else:
        layer.bias.requires_grad_(False)
    with pytest.raises(IsoglossError) as caught:
        averaging(layer, tmp_path)
    assert caught.value.code == "E651"
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "code"), [({"average_snapshots": -1}, "E511"), ({"average_share": 1.5}, "E407")]
)
def test_settings_outside_their_range(settings: dict[str, Any], code: str) -> None:
    with pytest.raises(IsoglossError) as caught:
        FinetuneConfig(output_dir="unused", use_cpu=True, **settings)
    assert caught.value.code == code
