"""The checks that every trainer must pass, written once; a test class per trainer inherits them."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    TrainerCallback,
)

from isogloss.data.balanced_batches import BalancedBatchSampler
from isogloss.data.pairing import PairedBatchSampler, PairedDataset
from isogloss.errors import IsoglossError
from isogloss.models.export import export
from isogloss.models.features import FeatureClassifier
from isogloss.trainers import recomputation
from isogloss.trainers.base import RowTrainer
from isogloss.trainers.checkpoints import last_complete_checkpoint
from isogloss.trainers.paired import PairedTrainer
from isogloss.trainers.rows import collect_rows
from tests.helpers.models import random_batch, tiny_model, tiny_tokenizer
from tests.helpers.rows import PAD, encoded
from tests.helpers.variations import Variation, variation, varied

STEPS = 6
ARGUMENTS: dict[str, Any] = {
    "use_cpu": True,
    "max_steps": STEPS,
    "per_device_train_batch_size": 4,
    "learning_rate": 1e-3,
    "save_steps": 2,
    "logging_steps": 1,
    "seed": 3,
    "average_snapshots": 3,
    "average_share": 1.0,
}

DROPOUTS = {
    "modernbert": (
        "embedding_dropout",
        "attention_dropout",
        "mlp_dropout",
        "classifier_dropout",
    )
}

# One architecture with token types, biases and post-norm layers, and one without any of these.
KINDS = tuple(f"{a} {k}" for a in ("bert", "modernbert") for k in ("sequence", "pair", "token"))
# For a variant of a trainer that is tried on all.
FEW_KINDS = ("bert token", "modernbert pair")
# What is class i becomes class ORDER[i]; not its own inverse, so that a mix-up of the two shows.
ORDER = (2, 0, 1)


def classifier(*, token: bool = False, dropout: float = 0.1) -> FeatureClassifier:
    architecture = variation().architecture
    names = DROPOUTS.get(architecture, ("hidden_dropout_prob", "attention_probs_dropout_prob"))
    kind = "token" if token else "sequence"
    return FeatureClassifier(tiny_model(architecture, kind, **dict.fromkeys(names, dropout)))


@contextmanager
def of_kind(kind: str, **changes: Any) -> Iterator[tuple[bool, Variation]]:
    """Builds one of `KINDS` in this block: whether its rows are words, and what is varied."""
    architecture, _, rows = kind.partition(" ")
    with varied(architecture=architecture, pair=rows == "pair", **changes) as now:
        yield rows == "token", now


def state(trainer: RowTrainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def states_by_step(trainer: RowTrainer) -> list[dict[str, torch.Tensor]]:
    """Fills while the trainer trains: its state at the start, and after each step."""
    states: list[dict[str, torch.Tensor]] = []

    class Recorder(TrainerCallback):
        def on_train_begin(self, *args: Any, **options: Any) -> None:
            states.append(state(trainer))

        def on_step_end(self, *args: Any, **options: Any) -> None:
            states.append(state(trainer))

    trainer.add_callback(Recorder())
    return states


# Their gradients are zero but for rounding errors, of which Adam makes steps: by symmetry a key's
# bias, and those of a critic's units that are active on all rows.
WITHOUT_GRADIENT = ("key.bias", "critic.hidden.bias", "critic.output.bias")


def assert_close_states(
    one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], atol: float
) -> None:
    """Every tensor within `atol`, but for those without a gradient."""
    assert one.keys() == other.keys()
    for name in one:
        if not name.endswith(WITHOUT_GRADIENT):
            torch.testing.assert_close(one[name], other[name], atol=atol, rtol=0)


def assert_export_agrees(trainer: RowTrainer, folder: Path) -> None:
    """Plain transformers and the next stage read the logits of the trained classifier."""
    model = encoder_of(trainer).eval()
    architecture = model.model.config.model_type
    export(model, tiny_tokenizer(architecture), folder, card=None, full_embedding=None)
    auto = AutoModelForTokenClassification if model.is_token else AutoModelForSequenceClassification
    batch = random_batch(seed=5)
    rows = torch.arange(len(batch["input_ids"]))
    with torch.no_grad():
        ours = model(**batch, active_rows=rows, active_positions=torch.ones_like(rows)).logits
        plain = auto.from_pretrained(folder).eval()(**batch).logits
    torch.testing.assert_close(plain[:, 1] if model.is_token else plain, ours, atol=1e-5, rtol=0)


def encoder_of(trainer: RowTrainer) -> FeatureClassifier:
    """The classifier that is trained, without critic and class weights."""
    model = trainer.model
    return model if isinstance(model, FeatureClassifier) else model.classifier


def logged(trainer: RowTrainer, name: str) -> list[float]:
    """A figure of every log entry of training."""
    return [entry[name] for entry in trainer.state.log_history if name in entry]


class BatchList(list[list[int]]):
    """Given batches, in the form that a loader takes for a batch sampler."""

    batch_size, drop_last = 1, False


def cut(trainer: RowTrainer, parts: int) -> BatchList:
    """The trainer's batches, each in `parts` equal parts that have as much of either side."""
    sampler = trainer.row_sampler()
    drawn = isinstance(sampler, BalancedBatchSampler) and len(sampler.sides) == 2
    paired = drawn or isinstance(sampler, PairedBatchSampler)
    batches = BatchList()
    for batch in trainer.row_sampler():
        half = len(batch) // 2
        sides = [batch[:half], batch[half:]] if paired else [batch]
        batches += [[i for side in sides for i in side[k::parts]] for k in range(parts)]
    return batches


def accumulated(build: Callable[..., Any], folder: Path, parts: int, **options: Any) -> list[Any]:
    """Two trained trainers: with batches of 8, and with as many parts of them accumulated."""
    options = {"dropout": 0.0, "max_steps": 3, **options}
    large = build(folder / "large", per_device_train_batch_size=8, **options)
    small = build(
        folder / "small",
        per_device_train_batch_size=8 // parts,
        gradient_accumulation_steps=parts,
        **options,
    )
    if isinstance(large, PairedTrainer) and large.args.sampling == "balanced":
        # The batches follow from the pseudo-labels.
        large._begin_round(0)
    batches = cut(large, parts)
    small.row_sampler = lambda: batches
    for trainer in (large, small):
        trainer.train()
    return [large, small]


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

    # What must be off for the classifier to see nothing but the task's loss.
    task_only: ClassVar[dict[str, Any]] = {}

    # The kinds of encoders and rows that it is tried on; a variant of another may take fewer.
    kinds: ClassVar[tuple[str, ...]] = KINDS
    # Prefixes of what is part of a checkpoint and changes, though no parameter.
    moving_state: ClassVar[tuple[str, ...]] = ()
    # Whether it looks at the target's texts.
    has_target: ClassVar[bool] = True
    # Under which what depends on the classes shows in the weights after a few steps.
    loud: ClassVar[dict[str, Any]] = {}

    @abstractmethod
    def build(
        self, folder: Path, *, token: bool = False, dropout: float = 0.1, **changes: Any
    ) -> Any:
        """A trainer whose checkpoints go to `folder`."""

    def test_what_should_move_moves_and_nothing_else(self, tmp_path: Path, kind: str) -> None:
        """On every kind of rows and type of encoder; afterwards the export agrees."""
        with of_kind(kind) as (token, _):
            trainer = self.build(tmp_path, token=token, save_strategy="no")
        trained = {n for n, p in trainer.model.named_parameters() if p.requires_grad}
        before = state(trainer)
        trainer.train()
        after = state(trainer)
        moved = {name for name in after if not torch.equal(before[name], after[name])}
        # Attention key biases have no gradient by symmetry.
        assert not [name for name in trained - moved if not name.endswith("key.bias")]
        assert all(name.startswith(self.moving_state) for name in moved - trained)
        assert_export_agrees(trainer, tmp_path / "export")

    def test_same_seed_same_weights(self, tmp_path: Path, finished: Any) -> None:
        second = self.build(tmp_path)
        second.train()
        assert same(state(finished), state(second))

    def test_other_seed_other_weights(self, tmp_path: Path, finished: Any) -> None:
        second = self.build(tmp_path, seed=4)
        second.train()
        assert not same(state(finished), state(second))

    # In the middle between two checkpoints, and right behind one.
    @pytest.mark.parametrize("cut", [3, 4])
    def test_resumed_equals_unbroken(self, tmp_path: Path, finished: Any, cut: int) -> None:
        broken = self.build(tmp_path)
        StopAt(broken, cut)
        with pytest.raises(KeyboardInterrupt):
            broken.train()
        resumed = self.build(tmp_path)
        checkpoint = last_complete_checkpoint(tmp_path)
        assert checkpoint == tmp_path / f"checkpoint-{cut // 2 * 2}"
        resumed.train(resume_from_checkpoint=str(checkpoint))
        assert same(state(finished), state(resumed))
        assert resumed.average.count == finished.average.count == 3
        assert same(finished.average.mean, resumed.average.mean)

    @pytest.mark.slow
    def test_every_kind_repeats_and_resumes(self, tmp_path: Path, kind: str) -> None:
        with of_kind(kind) as (token, _):
            plain, again, broken, resumed = (
                self.build(tmp_path / name, token=token) for name in ("a", "b", "c", "c")
            )
            plain.train()
            again.train()
            StopAt(broken, 3)
            with pytest.raises(KeyboardInterrupt):
                broken.train()
            checkpoint = last_complete_checkpoint(tmp_path / "c")
            resumed.train(resume_from_checkpoint=str(checkpoint))
        assert same(state(plain), state(again))
        assert same(state(plain), state(resumed))

    def test_average_is_the_mean_of_the_snapshots(self, tmp_path: Path) -> None:
        trainer = self.build(tmp_path, save_strategy="no")
        states = states_by_step(trainer)
        trainer.train()
        prefix = "" if encoder_of(trainer) is trainer.model else "classifier."
        trained = {n for n, p in encoder_of(trainer).named_parameters() if p.requires_grad}
        assert trainer.average.mean.keys() == trained
        for name, mean in trainer.average.mean.items():
            naive = torch.stack([states[step][prefix + name].double() for step in (2, 4, 6)])
            torch.testing.assert_close(mean.double(), naive.mean(0), atol=1e-6, rtol=0)
        last = state(trainer)
        trainer.average.put_into(trainer.classifier)
        moved = {name for name, now in state(trainer).items() if not torch.equal(now, last[name])}
        assert moved
        assert moved <= {prefix + name for name in trained}

    def test_averaging_changes_no_weight(self, tmp_path: Path, finished: Any) -> None:
        plain = self.build(tmp_path, average_snapshots=0)
        plain.train()
        assert plain.average is None
        assert same(state(finished), state(plain))

    @pytest.mark.parametrize("token", [False, True])
    def test_accumulation_equals_one_large_batch(self, tmp_path: Path, token: bool) -> None:
        """Batch 1 x accumulation 8 has the task loss of batch 8, words counted over all of it."""
        self.check_accumulation(tmp_path, token)

    @pytest.mark.slow
    def test_every_kind_accumulates(self, tmp_path: Path, kind: str) -> None:
        with of_kind(kind) as (token, _):
            self.check_accumulation(tmp_path, token)

    def check_accumulation(self, tmp_path: Path, token: bool) -> None:
        large, small = accumulated(self.build, tmp_path, 8, token=token, **self.task_only)
        losses = logged(large, "task_loss")
        assert len(losses) == 3
        np.testing.assert_allclose(losses, logged(small, "task_loss"), atol=2e-4)
        whole, parts = (encoder_of(trainer).state_dict() for trainer in (large, small))
        assert_close_states(whole, parts, atol=2e-4)

    def test_gradient_checkpointing_changes_no_weight(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With dropout; every layer is recomputed once a batch, not twice."""
        changes = {"gradient_accumulation_steps": 2, "max_steps": 3}
        plain = self.build(tmp_path / "a", **changes)
        plain.train()
        calls: list[bool] = []
        inner = recomputation.checkpoint

        def spy(function: Any, *args: Any, **options: Any) -> Any:
            calls.append(torch.is_grad_enabled())
            return inner(function, *args, **options)

        monkeypatch.setattr(recomputation, "checkpoint", spy)
        recomputing = self.build(tmp_path / "b", gradient_checkpointing=True, **changes)
        recomputing.train()
        layers = encoder_of(recomputing).model.config.num_hidden_layers
        assert len(calls) == layers * 2 * 3
        assert same(state(plain), state(recomputing))

    def test_garbage_for_target_labels_changes_nothing(self, tmp_path: Path) -> None:
        self.check_garbage(tmp_path, "bert token")

    @pytest.mark.slow
    def test_on_every_kind_garbage_for_target_labels_changes_nothing(
        self, tmp_path: Path, kind: str
    ) -> None:
        self.check_garbage(tmp_path, kind)

    def check_garbage(self, tmp_path: Path, kind: str) -> None:
        states = []
        for garbage in (False, True):
            with of_kind(kind, garbage=garbage) as (token, now):
                trainer = self.build(tmp_path, token=token, save_strategy="no")
                trainer.train()
            assert (now.garbled > 0) == (garbage and self.has_target)
            states.append(state(trainer))
        assert same(*states)

    def test_permuted_label_map_gives_permuted_results(self, tmp_path: Path) -> None:
        """Up to rounding, of which a few steps of Adam make no more than this."""
        self.check_permutation(tmp_path, "bert sequence")

    @pytest.mark.slow
    def test_every_kind_permutes(self, tmp_path: Path, kind: str) -> None:
        self.check_permutation(tmp_path, kind)

    def check_permutation(self, tmp_path: Path, kind: str) -> None:
        found = []
        for order in (None, ORDER):
            with of_kind(kind, order=order) as (token, _):
                options = {"token": token, "dropout": 0.0, "save_strategy": "no", **self.loud}
                trainer = self.build(tmp_path, **options)
                if order is not None:
                    self.permute(trainer, torch.tensor(order))
                trainer.train()
                asked = encoded(16, seed=8, token_task=token)
            rows = collect_rows(encoder_of(trainer), asked, pad_token_id=PAD)
            found.append(rows.logits)
        np.testing.assert_allclose(found[1][:, list(ORDER)], found[0], atol=5e-4)
        assert np.abs(found[1] - found[0]).max() > 0.1

    def permute(self, trainer: Any, order: torch.Tensor) -> None:  # noqa: B027
        """Give a fresh trainer's other parts the classes of another order than they were made for.

        Args:
            trainer: its classifier has the other order already.
            order: what is class i otherwise is class `order[i]`.
        """

    def test_half_written_checkpoint_is_passed_over(self, tmp_path: Path, finished: Any) -> None:
        shutil.copytree(finished.args.output_dir, tmp_path, dirs_exist_ok=True)
        newest = tmp_path / f"checkpoint-{STEPS}"
        (newest / "complete.json").unlink()
        found = last_complete_checkpoint(tmp_path)
        assert found == tmp_path / f"checkpoint-{STEPS - 2}"
        assert not newest.exists()

    def test_checkpoint_that_lost_something_is_passed_over(
        self, tmp_path: Path, finished: Any
    ) -> None:
        names = [
            path.name for path in (Path(finished.args.output_dir) / f"checkpoint-{STEPS}").iterdir()
        ]
        for number, name in enumerate(sorted(set(names) - {"complete.json"})):
            folder = tmp_path / str(number)
            shutil.copytree(finished.args.output_dir, folder)
            newest = folder / f"checkpoint-{STEPS}"
            content = (newest / name).read_bytes()
            (newest / name).write_bytes(content[:-1])
            assert last_complete_checkpoint(folder) == folder / f"checkpoint-{STEPS - 2}"
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

    def test_figures_are_logged(self, finished: Any) -> None:
        entries = [e for e in finished.state.log_history if "loss" in e]
        assert len(entries) == STEPS
        assert all("task_loss" in entry for entry in entries)

    def test_no_target_label_reaches_a_batch(self, tmp_path: Path) -> None:
        trainer = self.build(tmp_path)
        for batch in trainer.get_train_dataloader():
            assert bool((batch["labels"][batch["is_target"]] == -100).all())
        if isinstance(trainer.train_dataset, PairedDataset):
            assert "labels" not in trainer.train_dataset.target.column_names
