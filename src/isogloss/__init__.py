"""isogloss: take a classifier trained on one language to another that has no labels.

The public names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isogloss.data.loading import load
    from isogloss.errors import IsoglossError, IsoglossWarning
    from isogloss.labels import LabelMap
    from isogloss.labelshift.correction import correct
    from isogloss.labelshift.facts import KnownFacts
    from isogloss.labelshift.prior_estimation import PriorEstimator, estimate_prior
    from isogloss.models.bias import fold_into_bias
    from isogloss.models.features import FeatureClassifier
    from isogloss.progress import Progress
    from isogloss.recipes.adapt import AdaptResult, adapt
    from isogloss.recipes.analyze import analyze
    from isogloss.recipes.config import RunConfig
    from isogloss.recipes.evaluate import evaluate_file
    from isogloss.recipes.predict import predict_file
    from isogloss.recipes.predict_shards import predict_shards
    from isogloss.recipes.prior import estimate_file_prior
    from isogloss.recipes.resample import resample_file
    from isogloss.recipes.selecting import select
    from isogloss.recipes.study import StudySettings, study_files
    from isogloss.tasks import PairClassification, SequenceClassification, TokenClassification
    from isogloss.trainers import (
        DistillationConfig,
        DistillationTrainer,
        FinetuneConfig,
        FinetuneTrainer,
        IWDAConfig,
        IWDATrainer,
        KeungConfig,
        KeungTrainer,
        SelfTrainingConfig,
        SelfTrainingTrainer,
    )

__version__ = version("isogloss")

# Public name -> the module that defines it.
_PLACES = {
    "AdaptResult": "isogloss.recipes.adapt",
    "DistillationConfig": "isogloss.trainers.distillation_config",
    "DistillationTrainer": "isogloss.trainers.distillation",
    "FeatureClassifier": "isogloss.models.features",
    "FinetuneConfig": "isogloss.trainers.config",
    "FinetuneTrainer": "isogloss.trainers.finetune",
    "IWDAConfig": "isogloss.trainers.config",
    "IWDATrainer": "isogloss.trainers.iwda",
    "IsoglossError": "isogloss.errors",
    "IsoglossWarning": "isogloss.errors",
    "KeungConfig": "isogloss.trainers.keung_config",
    "KeungTrainer": "isogloss.trainers.keung",
    "KnownFacts": "isogloss.labelshift.facts",
    "LabelMap": "isogloss.labels",
    "PairClassification": "isogloss.tasks",
    "PriorEstimator": "isogloss.labelshift.prior_estimation",
    "Progress": "isogloss.progress",
    "RunConfig": "isogloss.recipes.config",
    "SelfTrainingConfig": "isogloss.trainers.selftraining_config",
    "SelfTrainingTrainer": "isogloss.trainers.selftraining",
    "SequenceClassification": "isogloss.tasks",
    "StudySettings": "isogloss.recipes.study",
    "TokenClassification": "isogloss.tasks",
    "adapt": "isogloss.recipes.adapt",
    "analyze": "isogloss.recipes.analyze",
    "correct": "isogloss.labelshift.correction",
    "estimate_file_prior": "isogloss.recipes.prior",
    "estimate_prior": "isogloss.labelshift.prior_estimation",
    "evaluate_file": "isogloss.recipes.evaluate",
    "fold_into_bias": "isogloss.models.bias",
    "load": "isogloss.data.loading",
    "predict_file": "isogloss.recipes.predict",
    "predict_shards": "isogloss.recipes.predict_shards",
    "resample_file": "isogloss.recipes.resample",
    "select": "isogloss.recipes.selecting",
    "study_files": "isogloss.recipes.study",
}

__all__ = [
    "AdaptResult",
    "DistillationConfig",
    "DistillationTrainer",
    "FeatureClassifier",
    "FinetuneConfig",
    "FinetuneTrainer",
    "IWDAConfig",
    "IWDATrainer",
    "IsoglossError",
    "IsoglossWarning",
    "KeungConfig",
    "KeungTrainer",
    "KnownFacts",
    "LabelMap",
    "PairClassification",
    "PriorEstimator",
    "Progress",
    "RunConfig",
    "SelfTrainingConfig",
    "SelfTrainingTrainer",
    "SequenceClassification",
    "StudySettings",
    "TokenClassification",
    "__version__",
    "adapt",
    "analyze",
    "correct",
    "estimate_file_prior",
    "estimate_prior",
    "evaluate_file",
    "fold_into_bias",
    "load",
    "predict_file",
    "predict_shards",
    "resample_file",
    "select",
    "study_files",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'isogloss' has no attribute '{name}'")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
