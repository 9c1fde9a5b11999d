"""Balanced sampling by every trainer: the common checks, and whose balance stands for what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from isogloss.data.balancing import Shares
from isogloss.errors import IsoglossError
from isogloss.labelshift.interval import IntervalWeights
from isogloss.labelshift.online import OnlineWeights
from isogloss.trainers.balance import as_drawn
from isogloss.trainers.base import RowTrainer, last_complete_checkpoint
from isogloss.trainers.config import FinetuneConfig, IWDAConfig
from isogloss.trainers.distillation import DistillationTrainer
from isogloss.trainers.distillation_config import DistillationConfig
from isogloss.trainers.finetune import FinetuneTrainer
from isogloss.trainers.iwda import IWDATrainer
from isogloss.trainers.keung import KeungTrainer
from isogloss.trainers.keung_config import KeungConfig
from isogloss.trainers.pseudobalance import SAMPLING, TargetSampling, class_tilt
from isogloss.trainers.rows import collect_rows
from isogloss.trainers.selftraining import SelfTrainingTrainer
from isogloss.trainers.selftraining_config import SelfTrainingConfig
from tests.helpers.rows import PAD, encoded
from tests.trainers import test_distillation, test_iwda, test_keung, test_selftraining
from tests.trainers.common import (
    ARGUMENTS,
    FEW_KINDS,
    StopAt,
    TrainerTester,
    classifier,
    encoder_of,
    logged,
    same,
    state,
)

BALANCED = {"sampling": "balanced"}
SKEW = [0.1, 0.2, 0.7]
CONFIGS = (FinetuneConfig, IWDAConfig, KeungConfig, DistillationConfig, SelfTrainingConfig)


def finetune(
    folder: Path, *, token: bool = False, dropout: float = 0.1, **changes: Any
) -> FinetuneTrainer:
    return FinetuneTrainer(
        classifier(token=token, dropout=dropout),
        FinetuneConfig(**{**ARGUMENTS, "output_dir": str(folder), **changes}),
        train_dataset=encoded(40, seed=1, token_task=token, prior=SKEW),
        pad_token_id=PAD,
    )


class BalancedFinetune(TrainerTester):
    kinds = FEW_KINDS
    has_target = False

    def build(self, folder: Path, **options: Any) -> FinetuneTrainer:
        return finetune(folder, **{**BALANCED, **options})


class TestBalancedFinetune(BalancedFinetune):
    pass


class TestBalancedAlignment(test_iwda.AlignmentTester):
    """Under the interval's weights, which answer the critic."""

    kinds = FEW_KINDS

    def build(self, folder: Path, **options: Any) -> IWDATrainer:
        return test_iwda.build(folder, **{**BALANCED, "sampling_refreshes": 3, **options})

    @pytest.mark.parametrize("token", [False, True])
    def test_accumulation_equals_one_large_batch(self, tmp_path: Path, token: bool) -> None:
        build = self.build
        self.build = lambda folder, **o: build(folder, **{**o, "sampling_refreshes": 1})  # type: ignore[method-assign]
        super().test_accumulation_equals_one_large_batch(tmp_path, token)
