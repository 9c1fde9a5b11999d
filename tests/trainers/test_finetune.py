from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.trainers.base import task_loss
from isogloss.trainers.config import FinetuneConfig
from isogloss.trainers.finetune import FinetuneTrainer
from isogloss.trainers.rows import collect_rows
from tests.helpers.rows import PAD, encoded
from tests.trainers.common import ARGUMENTS, TrainerTester, classifier


class BatchList(list[list[int]]):
    """Given batches, in the form that a loader takes for a batch sampler."""

    batch_size, drop_last = 1, False


class TestFinetuneTrainer(TrainerTester):
    def build(
        self, folder: Path, *, token: bool = False, dropout: float = 0.1, **changes: Any
    ) -> FinetuneTrainer:
        return FinetuneTrainer(
            classifier(token=token, dropout=dropout),
            FinetuneConfig(**{**ARGUMENTS, "output_dir": str(folder), **changes}),
            train_dataset=encoded(24, seed=1, token_task=token),
            pad_token_id=PAD,
        )

    @pytest.mark.parametrize("token", [False, True])
    def test_accumulation_equals_one_large_batch(self, tmp_path: Path, token: bool) -> None:
        """Batch 1 x accumulation 8 has the losses of batch 8, words counted over all of it."""
        common: dict[str, Any] = {"dropout": 0.0, "max_steps": 3, "token": token}
        large = self.build(tmp_path / "a", per_device_train_batch_size=8, **common)
        small = self.build(
            tmp_path / "b", per_device_train_batch_size=1, gradient_accumulation_steps=8, **common
        )
        one_by_one = [[i] for batch in large.row_sampler() for i in batch]
        small.row_sampler = lambda: BatchList(one_by_one)
        losses = []
        for trainer in (large, small):
            trainer.train()
            losses.append([e["loss"] for e in trainer.state.log_history if "loss" in e])
        np.testing.assert_allclose(losses[0], losses[1], atol=2e-4)
        for one, other in zip(large.model.parameters(), small.model.parameters(), strict=True):
            torch.testing.assert_close(one, other, atol=2e-4, rtol=0)

    def test_learns_what_a_word_betrays(self, tmp_path: Path) -> None:
        trainer = self.build(
            tmp_path, max_steps=100, num_train_epochs=99, learning_rate=3e-3, dropout=0.0
        )
        trainer.train()
        rows = collect_rows(trainer.model, encoded(60, seed=9), pad_token_id=PAD)
        assert (rows.predictions == rows.labels).mean() > 0.9


def test_task_loss_counts_labelled_rows_only() -> None:
    logits = torch.randn(4, 3)
    labels = torch.tensor([0, -100, 2, -100])
    expected = torch.nn.functional.cross_entropy(logits[[0, 2]], labels[[0, 2]])
    torch.testing.assert_close(task_loss(logits, labels, None), expected)
    torch.testing.assert_close(task_loss(logits, labels, torch.tensor(8)), expected * 2 / 8)


def test_task_loss_of_no_labels_is_zero() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    loss = task_loss(logits, torch.tensor([-100, -100]), None)
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None
    assert not logits.grad.any()
