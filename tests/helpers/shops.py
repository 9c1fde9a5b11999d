"""A stand-in of a run's workshop: rows of known lengths, and stages that took known times."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from datasets import Dataset

from isogloss.recipes.config import RunConfig

MINIMUM: dict[str, Any] = {"source": "a", "target": "b", "preset": "default"}


class Folder:
    """Of a run whose first stage took `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.results: dict[str, dict[str, Any]] = {"zero-shot": {"seconds": seconds}}

    def stage(self, name: str) -> Path:
        return Path("unused") / name

    def stage_result(self, name: str) -> dict[str, Any] | None:
        return self.results.get(name)


def shop_of(*, seconds: float = 60.0, kind: str = "sequence", **settings: Any) -> Any:
    """10 source texts of 20 pieces and 30 target texts of 40; as sentences of 2 and of 4 words."""
    config = RunConfig(**MINIMUM, **{"recipe": "auto", **settings}).resolved()
    sides = []
    for size, count in ((20, 10), (40, 30)):
        rows = size // 10 if kind == "token" else 1
        sides.append(Dataset.from_dict({"length": [size] * count, "active": [[0] * rows] * count}))
    return SimpleNamespace(
        config=config,
        folder=Folder(seconds),
        task=SimpleNamespace(kind=kind),
        precision="fp32",
        source_rows=sides[0],
        data=SimpleNamespace(train=sides[0], target=sides[1]),
    )
