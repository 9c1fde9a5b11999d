"""The models of a study: found in folders, opened, run once over each target."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Dataset

from isogloss.data.columns import Kind
from isogloss.errors import IsoglossError, warn
from isogloss.labels import LabelMap
from isogloss.models.loading import load_backbone
from isogloss.models.precision import choose_precision
from isogloss.progress import Progress
from isogloss.recipes.candidates import CANDIDATE, read_candidate
from isogloss.recipes.folder import DONE
from isogloss.recipes.heldout import HELD_OUT, read_held_out
from isogloss.recipes.predict import Precision
from isogloss.recipes.serving import SETTINGS, ServedModel, model_folder, open_served
from isogloss.study.rows import ModelRows, SourceSide
from isogloss.tasks import make_task
from isogloss.tasks.encoding import Encoded
from isogloss.tasks.metrics import entity_counts
from isogloss.trainers.rows import CollectedRows, collect_rows

BASELINE = "zero-shot"
_HEADS: dict[str, Kind] = {
    "ForSequenceClassification": "sequence",
    "ForTokenClassification": "token",
}
# Word pieces a text is cut to by a model that isogloss did not train.
_MOST_PIECES = 512


@dataclass(frozen=True, kw_only=True)
class StudyModel:
    """A model to study.

    Attributes:
        name: how results call it; no other model of the study has it.
        folder: of a stage, or of the model alone.
        run: the run it is a stage of, or None.
    """

    name: str
    folder: Path
    run: Path | None = None


def find_models(folders: Sequence[str | Path]) -> list[StudyModel]:
    """The models in folders: of a run all its finished stages, else the one that is there.

    Args:
        folders: of runs, of single stages, or of models.

    Raises:
        IsoglossError: E524 where there is no such folder, E525 for a run without a finished stage.
    """
    found = [model for folder in folders for model in _models_in(Path(folder))]
    runs = {model.run for model in found if model.run}
    named = [
        f"{model.run.name}/{model.name}" if model.run and len(runs) > 1 else model.name
        for model in found
    ]
    return [
        StudyModel(
            name=name if named.count(name) == 1 else str(model.folder),
            folder=model.folder,
            run=model.run,
        )
        for model, name in zip(found, named, strict=True)
    ]


def baseline_of(model: StudyModel, models: Sequence[StudyModel], wanted: str | None) -> str | None:
    """The name of the model that another one's improvement is measured over.

    Args:
        model: the other one.
        models: all there are.
        wanted: the name that the user gave, or None for the zero-shot stage of the same run.

    Returns:
        The name; None where there is none, or for the baseline itself.

    Raises:
        IsoglossError: E728 where no model has the name.
    """
    if wanted is not None and all(other.name != wanted for other in models):
        names = ", ".join(other.name for other in models)
        raise IsoglossError("E728", name=wanted, names=names)
    if wanted is None:
        stages = [m for m in models if m.run and m.run == model.run and _stage_name(m) == BASELINE]
        wanted = stages[0].name if stages else None
    return None if wanted == model.name else wanted


def open_model(
    model: StudyModel, *, columns: Mapping[str, str | None], precision: Precision
) -> ServedModel:
    """Load a model, trained by isogloss or by anyone else.

    Args:
        model: where it is.
        columns: `text`, `text_pair`, `label`: other names than in training.
        precision: of the matrix products.

    Raises:
        IsoglossError: E731 for a model without a classification head, E3xx.
    """
    path = model_folder(model.folder)
    config = path / "config.json"
    facts = json.loads(config.read_text("utf-8")) if config.is_file() else {}
    if SETTINGS in facts or not facts:
        return open_served(path, columns=columns, precision=precision)
    architecture = ", ".join(facts.get("architectures") or ["model of no stated kind"])
    kinds = [kind for ending, kind in _HEADS.items() if architecture.endswith(ending)]
    if not kinds:
        raise IsoglossError("E731", folder=path, found=architecture)
    kind: Kind = kinds[0]
    if kind == "sequence" and columns.get("text_pair"):
        kind = "pair"
    labels = LabelMap.from_id2label(facts.get("id2label") or {0: "LABEL_0", 1: "LABEL_1"})
    named = {name: column for name, column in columns.items() if column is not None}
    task = make_task(kind, **named, labels=labels)
    backbone = load_backbone(path, kind=task.kind, labels=labels, seed=0)
    backbone.model.revise = task.revise
    return ServedModel(
        task=task,
        backbone=backbone,
        max_length=min(backbone.max_length, _MOST_PIECES),
        precision=choose_precision(precision),
    )


def check_same_labels(first: ServedModel, other: ServedModel, model: StudyModel) -> np.ndarray:
    """Where the labels of the first model are among those of another: (k,) class ids.

    Raises:
        IsoglossError: E729 for another kind of task, E726 for other labels.
    """
    if first.task.kind != other.task.kind:
        kinds = {"found": other.task.kind, "wanted": first.task.kind}
        raise IsoglossError("E729", folder=model.folder, **kinds)
    known, names = other.task.known_labels, first.task.known_labels.names
    if set(known.names) != set(names):
        found, wanted = ", ".join(known.names), ", ".join(names)
        raise IsoglossError("E726", name=model.name, found=found, wanted=wanted)
    return np.array([known.id(name) for name in names])


def kept_source(model: StudyModel, order: np.ndarray) -> SourceSide:
    """The source rows that a stage kept.

    Args:
        model: the stage.
        order: (k,) where the study's labels are among the model's.

    Raises:
        IsoglossError: E727 where it kept none, E532 where they cannot be read. Warning W523 where
            the model was trained on them.
    """
    folder = model_folder(model.folder).parent
    if not (folder / CANDIDATE).is_file():
        raise IsoglossError("E727", folder=model.folder)
    rows = read_candidate(folder, name=model.name)
    if (folder / HELD_OUT).is_file() and read_held_out(folder).trained_on:
        warn("W523", folder=model.folder)
    return SourceSide(
        logits=rows.source_logits[:, order],
        labels=np.argsort(order)[rows.source_labels],
        features=None if rows.source_features is None else rows.source_features.astype(np.float32),
        groups=rows.source_groups,
    )


def passed_source(
    served: ServedModel, rows: Dataset, order: np.ndarray, *, name: str, progress: Progress
) -> SourceSide:
    """What a model says of labelled source rows.

    Args:
        served: the model.
        rows: canonical, labelled.
        order: (k,) where the study's labels are among the model's.
        name: of the rows, for messages.
        progress: hears how far it is.
    """
    _, collected = _pass(served, rows, name=name, phase="source", progress=progress)
    return SourceSide(
        logits=collected.logits[:, order],
        labels=np.argsort(order)[collected.labels],
        features=collected.features,
        groups=collected.examples if served.task.kind == "token" else None,
    )


def passed_target(
    model: StudyModel,
    served: ServedModel,
    rows: Dataset,
    order: np.ndarray,
    source: SourceSide,
    *,
    name: str,
    progress: Progress,
) -> ModelRows:
    """What a model says of a labelled target, from one pass.

    Args:
        model: for its name.
        served: the model.
        rows: canonical, labelled.
        order: (k,) where the study's labels are among the model's.
        source: the model's source side.
        name: of the target, for messages.
        progress: hears how far it is.
    """
    phase = f"{model.name} on {name}"
    encoded, collected = _pass(served, rows, name=name, phase=phase, progress=progress)
    to_study = np.argsort(order)
    tagging = served.task.kind == "token"
    predicted = to_study[collected.predictions]
    entities = None
    if tagging:
        decoded = served.task.decode(collected.predictions, encoded.dataset)
        entities = entity_counts(served.task.references(rows), decoded)
        ids = served.task.known_labels.label2id
        # A model of somebody else's may know entities by their I tags alone.
        known = (ids[tag if tag in ids else f"I{tag[1:]}"] for tags in decoded for tag in tags)
        predicted = to_study[list(known)]
    return ModelRows(
        name=model.name,
        predicted=predicted,
        logits=collected.logits[:, order],
        labels=to_study[collected.labels],
        examples=collected.examples if tagging else None,
        features=collected.features,
        entities=entities,
        source=source,
    )


def _stage_name(model: StudyModel) -> str:
    folder = model.folder.resolve()
    return folder.parent.name if folder.name == "model" else folder.name


def _models_in(folder: Path) -> list[StudyModel]:
    if not folder.is_dir():
        raise IsoglossError("E524", folder=folder)
    if (folder / "stages").is_dir():
        stages = sorted(path.parent for path in folder.glob(f"stages/*/{DONE}"))
        if not stages:
            raise IsoglossError("E525", folder=folder)
        stages.sort(key=lambda stage: stage.name != BASELINE)
        run = folder.resolve()
        return [StudyModel(name=stage.name, folder=stage, run=run) for stage in stages]
    stage = folder.resolve()
    stage = stage.parent if stage.name == "model" else stage
    of_run = stage.parent.parent if stage.parent.name == "stages" else None
    return [StudyModel(name=stage.name, folder=folder, run=of_run)]


def _pass(
    served: ServedModel, rows: Dataset, *, name: str, phase: str, progress: Progress
) -> tuple[Encoded, CollectedRows]:
    encoded = served.task.encode(
        rows, served.backbone.tokenizer, max_length=served.max_length, with_labels=True
    )
    if encoded.truncated:
        warn("W522", name=name, count=encoded.truncated, of=len(rows), length=served.max_length)
    progress.start(phase, len(rows), "rows")
    collected = collect_rows(
        served.classifier,
        encoded.dataset,
        pad_token_id=served.backbone.tokenizer.pad_token_id,
        precision=served.precision,
        features=True,
        progress=progress.advance,
    )
    progress.finish()
    return encoded, collected
