"""One configuration and one trainer for each method, all on flat rows."""

from isogloss.trainers.config import FinetuneConfig, IWDAConfig, RowTrainingArguments
from isogloss.trainers.finetune import FinetuneTrainer
from isogloss.trainers.iwda import IWDATrainer
from isogloss.trainers.rows import CollectedRows, collect_rows

__all__ = [
    "CollectedRows",
    "FinetuneConfig",
    "FinetuneTrainer",
    "IWDAConfig",
    "IWDATrainer",
    "RowTrainingArguments",
    "collect_rows",
]
