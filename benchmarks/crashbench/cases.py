"""What is killed: small runs of every recipe, from data to report."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from pathlib import Path

from benchmarks.crashbench import hub
from tests.helpers.models import WORDS, save_tiny

# Each trainer once, a choice among several, the conversion of the offline encoder, and a run whose
# model comes from a hub.
RECIPES = ("zero-shot", "iwda", "kd", "st", "keung2019", "auto")
CONVERSION = "conversion"
DOWNLOAD = "download"
# Where a recipe's trainers read their settings.
_GROUPS = ("finetune", "iwda", "distill", "selftrain", "keung")
_SETTINGS = ("save_steps=4", "per_device_train_batch_size=8", "logging_steps=3")
_MORE = {
    "kd": ("distill.frozen_layers=1",),
    "auto": ("distill.frozen_layers=1", "averages=3"),
    "iwda": ("iwda.critic_width=16", "averages=4"),
}


@dataclass(frozen=True)
class Case:
    """A command and a folder of its own to run it in.

    Attributes:
        recipe: one of `RECIPES`, `CONVERSION`, or `DOWNLOAD`.
        data: folder that `write_data` filled.
        place: working folder; the run is in `run` below it, the cache in `cache`.
    """

    recipe: str
    data: Path
    place: Path

    @property
    def made(self) -> Path:
        """The folder that the command fills."""
        return self.place / ("cache" if self.recipe == CONVERSION else "run")

    @property
    def downloads(self) -> Path:
        """The hub's cache, one for all: the library reads its place when it is imported."""
        return self.data.parent / "hub"

    @property
    def watched(self) -> list[Path]:
        """The folders below which operations count."""
        if self.recipe == DOWNLOAD:
            return [self.downloads]
        return [self.place / "run", self.place / "cache"]

    @property
    def log(self) -> Path:
        """The file that the process writes its steps to."""
        return self.place / "steps.log"

    def arguments(self) -> list[str]:
        """The command line, the same in every folder."""
        if self.recipe == CONVERSION:
            return ["convert"]
        files = ["--source", str(self.data / "en.csv"), "--target", str(self.data / "de.csv")]
        downloaded = self.recipe == DOWNLOAD
        model = hub.NAME if downloaded else str(self.data / "encoder")
        options = ["--model", model, "--recipe", "zero-shot" if downloaded else self.recipe]
        settings = [f"{group}.{one}" for group in _GROUPS for one in _SETTINGS]
        settings += ["precision=fp32", "tensorboard=false", *_MORE.get(self.recipe, ())]
        pairs = [part for one in settings for part in ("--set", one)]
        return ["adapt", *files, *options, "--epochs", "2", "--output", "run", *pairs]


def write_data(folder: Path, *, rows: int = 80) -> None:
    """Write labelled source rows, a target and a tiny encoder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tiny(folder / "encoder", "bert")
    rng = random.Random(0)
    for name, labelled, offset in (("en", True, 0), ("de", False, 12)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"] if labelled else ["text"])
            for i in range(rows):
                words = rng.choices(WORDS[10:60], k=rng.randint(3, 10))
                text = " ".join([WORDS[offset + i % 3], *words])
                writer.writerow([text, f"class-{i % 3}"] if labelled else [text])
