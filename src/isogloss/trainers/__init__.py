"""One configuration and one trainer for each method, all on flat rows."""

from isogloss.trainers.config import FinetuneConfig, IWDAConfig, RowTrainingArguments
from isogloss.trainers.distillation import DistillationTrainer
from isogloss.trainers.distillation_config import DistillationConfig
from isogloss.trainers.finetune import FinetuneTrainer
from isogloss.trainers.iwda import IWDATrainer
from isogloss.trainers.keung import KeungTrainer
from isogloss.trainers.keung_config import KeungConfig
from isogloss.trainers.rows import CollectedRows, collect_rows
from isogloss.trainers.selftraining import SelfTrainingTrainer
from isogloss.trainers.selftraining_config import SelfTrainingConfig

__all__ = [
    "CollectedRows",
    "DistillationConfig",
    "DistillationTrainer",
    "FinetuneConfig",
    "FinetuneTrainer",
    "IWDAConfig",
    "IWDATrainer",
    "KeungConfig",
    "KeungTrainer",
    "RowTrainingArguments",
    "SelfTrainingConfig",
    "SelfTrainingTrainer",
    "collect_rows",
]
