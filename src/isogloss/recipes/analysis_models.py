"""The models whose layers are compared: the stages of a run, or one model from anywhere."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isogloss.errors import IsoglossError
from isogloss.models.loading import load_backbone
from isogloss.models.precision import Precision, choose_precision
from isogloss.models.sources import locate, read_config
from isogloss.recipes.choosing import finished_stages
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import CONFIG, RunFolder, read_json
from isogloss.recipes.labelled_rows import prior_in
from isogloss.recipes.serving import SETTINGS, ServedModel, model_folder, open_served, read_settings
from isogloss.tasks import Task, make_task

Columns = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class ModelToAnalyze:
    """One model that is not loaded yet.

    Attributes:
        name: in tables and pictures.
        where: its folder, or its name on the hub.
        weights: (k,) importance weights that its run estimated, or None.
        is_ours: whether isogloss made it, so that it says itself what it was trained for.
    """

    name: str
    where: str
    weights: np.ndarray | None
    is_ours: bool

    def task(self, kind: str, columns: Columns) -> Task:
        """What it classifies; without labels where only the data can tell them.

        Args:
            kind: of task, for a model that does not say it.
            columns: `text`, `text_pair`, `label`: other names than in training.

        Raises:
            IsoglossError: E208, E209.
        """
        if not self.is_ours:
            return make_task(kind, **columns)
        settings = read_settings(Path(self.where))
        names = {n: columns.get(n) or settings[n] for n in ("text", "text_pair", "label")}
        return make_task(settings["task"], **names, labels=settings["labels"])

    def opened(self, task: Task, *, precision: Precision | str) -> ServedModel:
        """Load it.

        Args:
            task: that knows its labels.
            precision: of the matrix products.

        Raises:
            IsoglossError: E3xx.
        """
        chosen = choose_precision(precision)
        if self.is_ours:
            served = open_served(self.where, precision=chosen)
            return ServedModel(
                task=task, backbone=served.backbone, max_length=served.max_length, precision=chosen
            )
        with warnings.catch_warnings():
            # A head for other labels is not used.
            warnings.filterwarnings("ignore", message="W311")
            backbone = load_backbone(self.where, kind=task.kind, labels=task.known_labels, seed=0)
        return ServedModel(
            task=task, backbone=backbone, max_length=backbone.max_length, precision=chosen
        )

    def has_head(self, task: Task) -> bool:
        """Whether it was trained to tell just these labels apart."""
        if self.is_ours:
            return True
        config = read_config(locate(self.where))
        kind = "ForTokenClassification" if task.kind == "token" else "ForSequenceClassification"
        trained = any(name.endswith(kind) for name in config.architectures or ())
        return trained and sorted((config.id2label or {}).values()) == sorted(
            task.known_labels.names
        )


def models_of(where: str | Path, stages: Sequence[str]) -> list[ModelToAnalyze]:
    """The models to compare, in the order of their stages.

    Args:
        where: folder of a run, of one of its stages or of a model; or a model's name on the hub.
        stages: which of a run's; none for all that are finished.

    Raises:
        IsoglossError: E702 for a folder that is none of these, E525 for a run without a finished
            stage, E540 for a stage that it does not have.
    """
    folder = Path(where)
    if (folder / CONFIG).is_file():
        return _of_run(RunFolder(folder), stages)
    if folder.is_dir() and not any(
        (p / "config.json").is_file() for p in (folder, folder / "model")
    ):
        raise IsoglossError("E702", folder=folder)
    name = folder.name if folder.is_dir() else str(where)
    if stages:
        raise IsoglossError("E540", folder=where, name=stages[0], names="no stages, but one model")
    if not folder.is_dir():
        return [ModelToAnalyze(name=name, where=str(where), weights=None, is_ours=False)]
    return [_of_folder(folder, name)]


def _of_run(run: RunFolder, stages: Sequence[str]) -> list[ModelToAnalyze]:
    finished = list(finished_stages(run, RunConfig.load(run.root / CONFIG)))
    if not finished:
        raise IsoglossError("E525", folder=run.root)
    for name in stages:
        if name not in finished:
            raise IsoglossError("E540", folder=run.root, name=name, names=", ".join(finished))
    return [_of_folder(run.stage(n), n) for n in finished if not stages or n in stages]


def _of_folder(folder: Path, name: str) -> ModelToAnalyze:
    model = model_folder(folder)
    prior = prior_in(folder)
    weights = None if prior is None else prior["weights"]
    return ModelToAnalyze(
        name=name,
        where=str(model),
        weights=None if weights is None else np.asarray(weights),
        is_ours=SETTINGS in read_json(model / "config.json"),
    )
