"""A trained model in use: loaded from its folder, run over files of any size."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from datasets import Dataset

from isogloss.errors import IsoglossError
from isogloss.labels import LabelMap
from isogloss.models.features import FeatureClassifier
from isogloss.models.loading import Backbone, load_backbone
from isogloss.models.precision import choose_precision
from isogloss.tasks import Task, make_task
from isogloss.tasks.encoding import Encoded
from isogloss.trainers.rows import CollectedRows, collect_rows

# The part of a model's config.json that is ours: the task, its columns, the longest text.
SETTINGS = "isogloss"
NEEDED = {"task", "text", "text_pair", "label", "labels", "pooling", "max_length"}


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A classifier with its task, ready for rows of text.

    Attributes:
        task: knows its labels and columns.
        backbone: the classifier and its tokenizer.
        max_length: tokens a text is cut to.
        precision: of the matrix products.
    """

    task: Task
    backbone: Backbone
    max_length: int
    precision: Literal["bf16", "fp32"]

    @property
    def classifier(self) -> FeatureClassifier:
        """The classifier."""
        return self.backbone.model

    def rows(
        self, dataset: Dataset, *, progress: Callable[[int], None] | None = None
    ) -> tuple[Encoded, CollectedRows]:
        """Encode canonical rows and classify them.

        Args:
            dataset: in canonical columns.
            progress: called with the number of rows behind each batch.

        Returns:
            The encoded rows, and what the classifier says of them.
        """
        encoded = self.task.encode(
            dataset, self.backbone.tokenizer, max_length=self.max_length, with_labels=False
        )
        collected = collect_rows(
            self.classifier,
            encoded.dataset,
            pad_token_id=self.backbone.tokenizer.pad_token_id,
            precision=self.precision,
            progress=progress,
        )
        return encoded, collected


def model_folder(folder: str | Path) -> Path:
    """The model folder of a run folder, or the folder itself.

    Raises:
        IsoglossError: E524 where there is no such folder, E525 for a run that has not finished.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise IsoglossError("E524", folder=folder)
    if (folder / "model").is_dir():
        return folder / "model"
    if (folder / "stages").is_dir():
        raise IsoglossError("E525", folder=folder)
    return folder


def open_served(
    folder: str | Path,
    *,
    columns: Mapping[str, str | None] | None = None,
    precision: Literal["auto", "bf16", "fp32"] = "auto",
    trust_remote_code: bool = False,
) -> ServedModel:
    """Load a model that `adapt` made.

    Args:
        folder: the run folder or its model folder.
        columns: `text`, `text_pair`, `label`: other names than in training.
        precision: of the matrix products; auto takes bf16 where the processor has it.
        trust_remote_code: run code that comes with the model, as the run was told to. Nothing in
            the folder decides it, since a folder may come from anybody.

    Raises:
        IsoglossError: E524, E525; E526 for a model that isogloss did not make; E3xx.
    """
    path = model_folder(folder)
    settings = read_settings(path)
    names = {n: (columns or {}).get(n) or settings[n] for n in ("text", "text_pair", "label")}
    labels = LabelMap(tuple(settings["labels"]))
    # A model of an earlier version was scored without such beginnings, and goes on tagging so.
    orphans = settings.get("orphan_tags", "outside")
    task = make_task(settings["task"], **names, labels=labels, orphan_tags=orphans)
    backbone = load_backbone(
        str(path),
        kind=task.kind,
        labels=labels,
        pooling=settings["pooling"],
        seed=0,
        trust_remote_code=trust_remote_code,
    )
    backbone.model.revise = task.revise
    return ServedModel(
        task=task,
        backbone=backbone,
        max_length=settings["max_length"],
        precision=choose_precision(precision),
    )


def read_settings(path: Path) -> dict[str, Any]:
    """Our part of a model's configuration.

    Raises:
        IsoglossError: E321 for a configuration that is no JSON object, E526 where there is none,
            or our part of it is not whole.
    """
    config = path / "config.json"
    try:
        values = json.loads(config.read_text("utf-8")) if config.is_file() else {}
    except (ValueError, RecursionError, OSError) as error:
        reason = " ".join(str(error).split())
        raise IsoglossError("E321", name=path, reason=reason) from error
    settings = values.get(SETTINGS) if isinstance(values, dict) else None
    if not isinstance(settings, dict) or not set(settings) >= NEEDED:
        raise IsoglossError("E526", folder=path)
    return settings
