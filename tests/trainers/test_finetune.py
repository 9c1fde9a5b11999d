from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from isogloss.trainers.base import task_loss
from isogloss.trainers.config import FinetuneConfig
from isogloss.trainers.finetune import FinetuneTrainer
from isogloss.trainers.rows import collect_rows
from tests.helpers.rows import PAD, encoded
from tests.trainers.common import ARGUMENTS, TrainerTester, classifier


class TestFinetuneTrainer(TrainerTester):
    has_target = False

    def build(
        self, folder: Path, *, token: bool = False, dropout: float = 0.1, **changes: Any
    ) -> FinetuneTrainer:
        return FinetuneTrainer(
            classifier(token=token, dropout=dropout),
            FinetuneConfig(**{**ARGUMENTS, "output_dir": str(folder), **changes}),
            train_dataset=encoded(24, seed=1, token_task=token),
            pad_token_id=PAD,
        )

    def test_learns_what_a_word_betrays(self, tmp_path: Path) -> None:
        trainer = self.build(
            tmp_path, max_steps=100, num_train_epochs=99, learning_rate=3e-3, dropout=0.0
        )
        trainer.train()
        rows = collect_rows(trainer.model, encoded(60, seed=9), pad_token_id=PAD)
        assert (rows.predictions == rows.labels).mean() > 0.9


def test_one_process_trains_on_one_device(tmp_path: Path) -> None:
    """Cut by texts and by rows into two parts, a batch would no longer fit together."""
    args = FinetuneConfig(**{**ARGUMENTS, "output_dir": str(tmp_path)})
    args._n_gpu = 2
    FinetuneTrainer(classifier(), args, train_dataset=encoded(8, seed=0), pad_token_id=PAD).train()
    assert args.n_gpu == 1
    assert args.train_batch_size == ARGUMENTS["per_device_train_batch_size"]


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
