"""The checks that every trainer must pass, written once; a test class per trainer inherits them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import pytest
import torch

from isogloss.data.pairing import PairedDataset
from isogloss.errors import IsoglossError
from isogloss.models.features import FeatureClassifier
from isogloss.trainers.base import RowTrainer, last_complete_checkpoint
from tests.helpers.models import tiny_model

STEPS = 6
ARGUMENTS: dict[str, Any] = {
    "use_cpu": True,
    "max_steps": STEPS,
    "per_device_train_batch_size": 4,
    "learning_rate": 1e-3,
    "save_steps": 2,
    "logging_steps": 1,
    "seed": 3,
}


def classifier(*, token: bool = False, dropout: float = 0.1) -> FeatureClassifier:
    model = tiny_model(
        "bert",
        "token" if token else "sequence",
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    return FeatureClassifier(model)


def state(trainer: RowTrainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


class StopAt:
    """Raises in the middle of step `step`, as a power cut would."""

    def __init__(self, trainer: RowTrainer, step: int) -> None:
        self.trainer, self.step, self.inner = trainer, step, trainer.batch_loss
        trainer.batch_loss = self  # type: ignore[method-assign, assignment]

    def __call__(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        if self.trainer.state.global_step == self.step:
            raise KeyboardInterrupt
        return self.inner(*args, **kwargs)


class TrainerTester(ABC):
    """A subclass says how its trainer is built; `token` chooses the kind of rows."""

    @abstractmethod
    def build(
        self, folder: Path, *, token: bool = False, dropout: float = 0.1, **changes: Any
    ) -> Any:
        """A trainer whose checkpoints go to `folder`."""

    @pytest.mark.parametrize("token", [False, True])
    def test_every_trainable_parameter_moves(self, tmp_path: Path, token: bool) -> None:
        trainer = self.build(tmp_path, token=token)
        before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
        trainer.train()
        still = [
            n
            for n, p in trainer.model.named_parameters()
            if p.requires_grad and torch.equal(before[n], p.detach())
        ]
        # A [CLS] head leaves nothing else out; attention key biases have no gradient by symmetry.
        assert not [n for n in still if not n.endswith("key.bias")]

    def test_same_seed_same_weights(self, tmp_path: Path) -> None:
        first, second = self.build(tmp_path / "a"), self.build(tmp_path / "b")
        first.train()
        second.train()
        assert same(state(first), state(second))

    def test_other_seed_other_weights(self, tmp_path: Path) -> None:
        first, second = self.build(tmp_path / "a"), self.build(tmp_path / "b", seed=4)
        first.train()
        second.train()
        assert not same(state(first), state(second))

    @pytest.mark.parametrize("cut", [1, 3, 4, 5])
    def test_resumed_equals_unbroken(self, tmp_path: Path, cut: int) -> None:
        unbroken = self.build(tmp_path / "a")
        unbroken.train()
        broken = self.build(tmp_path / "b")
        StopAt(broken, cut)
        with pytest.raises(KeyboardInterrupt):
            broken.train()
        resumed = self.build(tmp_path / "b")
        checkpoint = last_complete_checkpoint(tmp_path / "b")
        assert (checkpoint is None) == (cut < 2)
        resumed.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        assert same(state(unbroken), state(resumed))

    def test_half_written_checkpoint_is_passed_over(self, tmp_path: Path) -> None:
        self.build(tmp_path).train()
        newest = tmp_path / f"checkpoint-{STEPS}"
        (newest / "complete.json").unlink()
        found = last_complete_checkpoint(tmp_path)
        assert found == tmp_path / f"checkpoint-{STEPS - 2}"
        assert not newest.exists()

    def test_loss_that_is_not_finite_stops_with_a_code(self, tmp_path: Path) -> None:
        trainer = self.build(tmp_path)
        inner = trainer.batch_loss
        trainer.batch_loss = lambda *a, **k: (
            inner(*a, **k) * float("nan" if trainer.state.global_step == 3 else 1)
        )
        with pytest.raises(IsoglossError) as caught:
            trainer.train()
        assert caught.value.code == "E501"
        assert "step 4" in str(caught.value)
        assert last_complete_checkpoint(tmp_path) == tmp_path / "checkpoint-2"

    def test_figures_are_logged(self, tmp_path: Path) -> None:
        trainer = self.build(tmp_path)
        trainer.train()
        entries = [e for e in trainer.state.log_history if "loss" in e]
        assert len(entries) == STEPS
        assert all("task_loss" in entry for entry in entries)

    def test_no_target_label_reaches_a_batch(self, tmp_path: Path) -> None:
        trainer = self.build(tmp_path)
        for batch in trainer.get_train_dataloader():
            assert bool((batch["labels"][batch["is_target"]] == -100).all())
        if isinstance(trainer.train_dataset, PairedDataset):
            assert "labels" not in trainer.train_dataset.target.column_names
