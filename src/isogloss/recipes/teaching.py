"""Who teaches the student of a run, and what it says of every row."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset

from isogloss.data.fingerprints import file_digest
from isogloss.errors import IsoglossError
from isogloss.models.features import FeatureClassifier
from isogloss.models.freezing import check_layers
from isogloss.models.loading import load_classifier
from isogloss.models.memory import release_freed_memory
from isogloss.models.reading import load_tokenizer
from isogloss.models.sources import locate, read_config
from isogloss.recipes.config import RunConfig
from isogloss.recipes.methods import AUTO, RECIPES, Stage
from isogloss.recipes.reencoding import seen_by
from isogloss.recipes.results import PRIOR_SAMPLE
from isogloss.recipes.serving import model_folder
from isogloss.recipes.workshop import Workshop, row_estimator
from isogloss.trainers.distillation_config import DistillationConfig
from isogloss.trainers.matching import rows_of_examples
from isogloss.trainers.teacher import (
    TeacherOutputs,
    gather,
    observe,
    open_outputs,
    store_outputs,
    under_weights,
)

# In the stage's folder; a resumed run finds it there.
OUTPUTS = "teacher.safetensors"
# Raised with every change of what is kept, so that old files are not used.
OUTPUTS_VERSION = 2


def check_teaching(config: RunConfig) -> None:
    """Refuse, before a run writes anything, a teacher or student that could not be used.

    Raises:
        IsoglossError: E538 where the recipe knows no teacher or student, E539 for a stage to take
            over where none is trained, E345 for more frozen layers than the student has, E3xx for
            a student that cannot be loaded.
    """
    starts = {name: _start_of(name) for name in RECIPES}
    for setting, usable in (
        ("teacher", [name for name, start in starts.items() if start == "zero-shot"]),
        # Candidates of one choice have the same rows.
        ("student", [name for name, start in starts.items() if start and name != AUTO]),
    ):
        if getattr(config, setting) is not None and config.recipe not in usable:
            known = " or ".join(usable)
            raise IsoglossError("E538", setting=setting, recipe=config.recipe, known=known)
    if config.teacher is not None and config.start is not None:
        raise IsoglossError("E539", setting="start")
    if starts[config.recipe] is not None:
        _check_student(config)


def _start_of(recipe: str) -> str | None:
    """The stage that teaches in a recipe, or None."""
    return next((s.start for s in RECIPES[recipe] if s.method == "distill"), None)


def _check_student(config: RunConfig) -> None:
    name, trusted = config.student or config.model, config.trust_remote_code
    there = getattr(read_config(locate(name, remote_code=trusted)), "num_hidden_layers", None)
    wanted = config.distill.get("frozen_layers", DistillationConfig.frozen_layers)
    if there is not None:
        check_layers(wanted, there, name=name)
    if config.student is not None:
        load_tokenizer(name, trust_remote_code=trusted)


def teacher_outputs(
    shop: Workshop, student: Workshop, stage: Stage, args: DistillationConfig
) -> TeacherOutputs:
    """What the teacher says of the student's rows, computed once and kept in the stage's folder.

    Args:
        shop: the run.
        student: the run as the student sees it.
        stage: that learns.
        args: of the distillation.

    Raises:
        IsoglossError: E524 or E525 for a folder without a model, E536 or E537 for a teacher of
            other labels or of another task, E3xx for one that cannot be loaded.
    """
    outside = shop.config.teacher
    place = str(shop.model_of(stage.start)) if outside is None else model_place(outside)
    # The teacher of a repeated stage is the same.
    path = shop.folder.stage(stage.repeats or stage.name) / OUTPUTS
    key = _key(place, args)
    kept = open_outputs(path, key=key)
    if kept is None:
        teacher = shop if outside is None else seen_by(shop, place)
        classifier = load_teacher(shop, place, name=outside or place)
        store_outputs(path, ask(classifier, teacher, student, stage, args), key=key)
        kept = open_outputs(path, key=key)
        assert kept is not None
    release_freed_memory()
    return kept


def ask(
    classifier: FeatureClassifier,
    teacher: Workshop,
    student: Workshop,
    stage: Stage,
    args: DistillationConfig,
) -> TeacherOutputs:
    """Run a teacher over the training rows of both sides.

    Args:
        classifier: the teacher.
        teacher: the run as the teacher sees it.
        student: the run as the student sees it.
        stage: named to whoever watches.
        args: of the distillation; where source texts are not mimicked, they are not looked at.
    """
    progress = teacher.progress
    asked = len(teacher.data.target) + (len(teacher.data.train) if args.domains == "both" else 0)
    progress.start(f"{stage.name}: teacher", asked, "rows")

    def said(own: Dataset, like: Dataset) -> np.ndarray:
        return observe(
            classifier,
            own,
            pad_token_id=teacher.pad_token_id,
            precision=teacher.precision,
            like=None if own is like else like,
            progress=progress.advance,
        )

    on_target = said(teacher.data.target, student.data.target)
    if args.domains == "both":
        on_source = said(teacher.data.train, student.data.train)
    else:
        rows = int(rows_of_examples(student.data.train).sum())
        on_source = np.full((rows, classifier.num_labels), np.nan, dtype=np.float32)
    progress.finish()
    weights = np.ones(classifier.num_labels)
    if args.correct_prior:
        weights = row_estimator(teacher, stage.name, PRIOR_SAMPLE)(classifier).weights
        on_target = under_weights(on_target, weights)
    sides = [(on_source, student.data.train), (on_target, student.data.target)]
    return gather(sides, weights=weights)


def load_teacher(shop: Workshop, place: str, *, name: str) -> FeatureClassifier:
    """Load a teacher, its classes in the order of the run's.

    Raises:
        IsoglossError: E536 or E537 for a teacher of other labels or of another task, E3xx.
    """
    trusted = shop.config.trust_remote_code
    config = read_config(locate(place, remote_code=trusted))
    kind = "Token" if shop.task.kind == "token" else "Sequence"
    found = ", ".join(config.architectures or ["model without a known head"])
    if f"For{kind}Classification" not in found:
        wanted = f"model for {kind.lower()} classification"
        raise IsoglossError("E537", name=name, found=found, wanted=wanted)
    labels = [str(label) for label in (config.id2label or {}).values()]
    if sorted(labels) != sorted(shop.labels.names):
        known = ", ".join(shop.labels.names)
        raise IsoglossError("E536", name=name, found=", ".join(labels), wanted=known)
    classifier = load_classifier(
        place, kind=shop.task.kind, labels=shop.labels, seed=0, trust_remote_code=trusted
    )
    classifier.revise = shop.task.revise
    return classifier.to("cuda" if torch.cuda.is_available() else "cpu")


def model_place(name: str) -> str:
    """The model of a run folder or of a stage's folder; another folder or a hub name as it is."""
    return str(model_folder(name)) if os.path.isdir(name) else name


def _key(place: str, args: DistillationConfig) -> str:
    """Names what outputs are made of; the rest of a run's settings and data never changes."""
    made_of = {
        "version": OUTPUTS_VERSION,
        "teacher": _files(place) or place,
        "domains": args.domains,
        "correct_prior": args.correct_prior,
    }
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()


def _files(place: str) -> dict[str, str]:
    """Digests of a local model's weights and configuration, by name; empty for a hub name."""
    paths = [*Path(place).glob("*.safetensors"), *Path(place).glob("*.json")]
    return {path.name: file_digest(path) for path in sorted(paths)}
