from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.data.pairing import rows_of
from isogloss.errors import IsoglossError
from isogloss.models.features import FeatureClassifier
from isogloss.models.freezing import embedding_module, encoder_layers
from isogloss.trainers.distillation import (
    DistillationTrainer,
    TaughtCollator,
    TaughtDataset,
    distillation_loss,
)
from isogloss.trainers.distillation_config import DistillationConfig
from isogloss.trainers.rows import collect_rows
from isogloss.trainers.teacher import TeacherOutputs, gather, observe
from tests.helpers.models import tiny_model
from tests.helpers.rows import PAD, encoded
from tests.trainers.common import (
    ARGUMENTS,
    STEPS,
    TrainerTester,
    accumulated,
    classifier,
    logged,
    same,
    state,
)

FROZEN = 1


def teacher(*, token: bool = False) -> FeatureClassifier:
    """Another random model, of another architecture than the student."""
    model = tiny_model("xlm-roberta", "token" if token else "sequence", seed=7)
    return FeatureClassifier(model)


def outputs_of(model: FeatureClassifier, *sides: Any) -> TeacherOutputs:
    return gather([(observe(model, s, pad_token_id=PAD), s) for s in sides], weights=np.ones(3))


def build(
    folder: Path,
    *,
    token: bool = False,
    dropout: float = 0.1,
    target: Any = None,
    outputs: TeacherOutputs | None = None,
    student: FeatureClassifier | None = None,
    **changes: Any,
) -> DistillationTrainer:
    source = encoded(24, seed=1, token_task=token)
    if target is None:
        target = encoded(24, seed=2, token_task=token, shift=1)
    settings = {**ARGUMENTS, "output_dir": str(folder), "frozen_layers": FROZEN, **changes}
    return DistillationTrainer(
        student or classifier(token=token, dropout=dropout),
        DistillationConfig(**settings),
        source=source,
        target=target,
        outputs=outputs or outputs_of(teacher(token=token), source, target),
        pad_token_id=PAD,
    )


class DistillationTester(TrainerTester):
    @pytest.mark.parametrize("token", [False, True])
    def test_what_is_frozen_neither_moves_nor_decays(self, tmp_path: Path, token: bool) -> None:
        trainer = self.build(tmp_path, token=token, weight_decay=0.5)
        encoder = trainer.model.encoder
        frozen = [embedding_module(encoder), *encoder_layers(encoder)[:FROZEN]]
        fixed = {p for module in frozen for p in module.parameters()}
        before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
        trainer.train()
        updated = {p for group in trainer.optimizer.param_groups for p in group["params"]}
        assert updated == set(trainer.model.parameters()) - fixed
        for name, parameter in trainer.model.named_parameters():
            still = torch.equal(before[name], parameter.detach())
            # Attention key biases have no gradient by symmetry.
            assert still == (parameter in fixed) or name.endswith("key.bias"), name

    def test_target_labels_change_nothing(self, tmp_path: Path) -> None:
        plain = encoded(24, seed=2, shift=1)
        garbage = plain.remove_columns(["labels"]).add_column("labels", [[2]] * 24)
        trainers = [
            self.build(tmp_path / name, target=target, outputs=outputs_of(teacher(), source, plain))
            for name, target in (("a", plain), ("b", garbage))
            for source in [encoded(24, seed=1)]
        ]
        for trainer in trainers:
            trainer.train()
        assert same(*map(state, trainers))


class TestBothSides(DistillationTester):
    def build(self, folder: Path, **options: Any) -> DistillationTrainer:
        return build(folder, **options)

    def test_logs_what_was_promised(self, tmp_path: Path) -> None:
        trainer = build(tmp_path, distillation_loss="kl")
        trainer.train()
        for entry in (e for e in trainer.state.log_history if "loss" in e):
            whole = entry["distillation_loss"] + 0.1 * entry["task_loss"]
            assert entry["loss"] == pytest.approx(whole, abs=1e-4)
            assert 0 <= entry["agreement"] <= 1


class TestTargetOnly(DistillationTester):
    """`wu2020`: no source text in any batch, so no task loss either."""

    def build(self, folder: Path, **options: Any) -> DistillationTrainer:
        return build(folder, **{"domains": "target", "source_loss_weight": 0.0, **options})

    def test_figures_are_logged(self, tmp_path: Path) -> None:
        trainer = self.build(tmp_path)
        trainer.train()
        entries = [e for e in trainer.state.log_history if "loss" in e]
        assert len(entries) == STEPS
        for entry in entries:
            assert entry["loss"] == pytest.approx(entry["distillation_loss"], abs=1e-4)
            assert "task_loss" not in entry

    def check_accumulation(self, tmp_path: Path, token: bool) -> None:
        large, small = accumulated(self.build, tmp_path, 8, token=token)
        for name in ("distillation_loss", "agreement"):
            np.testing.assert_allclose(logged(large, name), logged(small, name), atol=2e-4)

    @pytest.mark.parametrize("cut", [3])
    def test_resumed_equals_unbroken(self, tmp_path: Path, finished: Any, cut: int) -> None:
        super().test_resumed_equals_unbroken(tmp_path, finished, cut)

    def test_every_row_is_of_the_target(self, tmp_path: Path) -> None:
        trainer = self.build(tmp_path)
        batches = list(trainer.get_train_dataloader())
        assert all(bool(batch["is_target"].all()) for batch in batches)
        assert sum(len(batch["labels"]) for batch in batches) == 24


def test_target_texts_only_with_source_labels(tmp_path: Path) -> None:
    """The teacher's word on source texts is not listened to, their labels are."""
    source, target = encoded(24, seed=1), encoded(24, seed=2)
    said = outputs_of(teacher(), source, target)
    garbage = TeacherOutputs(said.logits.clone(), said.starts, said.weights)
    garbage.logits[:24] = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
    runs = {
        (name, weight): build(
            tmp_path / f"{name}{weight}",
            domains="target",
            source_loss_weight=weight,
            target=target,
            outputs=given,
        )
        for name, given in (("said", said), ("garbage", garbage))
        for weight in (0.1, 0.2)
    }
    for trainer in runs.values():
        trainer.train()
    states = {name: state(trainer) for name, trainer in runs.items()}
    assert same(states["said", 0.1], states["garbage", 0.1])
    assert not same(states["said", 0.1], states["said", 0.2])


@pytest.mark.parametrize("kind", ["mse", "kl"])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_losses_agree_with_a_naive_reference(kind: str, temperature: float) -> None:
    rng = np.random.default_rng(0)
    student, taught = rng.normal(size=(2, 7, 4)) * 3
    total = 0.0
    for ours, theirs in zip(student, taught, strict=True):
        p = np.exp(ours / temperature) / np.exp(ours / temperature).sum()
        q = np.exp(theirs / temperature) / np.exp(theirs / temperature).sum()
        if kind == "mse":
            total += sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) / 4
        else:
            total += temperature**2 * sum(b * np.log(b / a) for a, b in zip(p, q, strict=True))
    given = torch.from_numpy(student), torch.from_numpy(taught)
    loss = distillation_loss(*given, kind=kind, temperature=temperature)
    assert loss.item() == pytest.approx(total / 7, rel=1e-5)
    parts = [
        distillation_loss(
            *(t[part] for t in given), kind=kind, temperature=temperature, rows=torch.tensor(7)
        )
        for part in (slice(0, 3), slice(3, 7))
    ]
    assert sum(part.item() for part in parts) == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["mse", "kl"])
def test_loss_gradient_agrees_with_finite_differences(kind: str) -> None:
    rng = np.random.default_rng(1)
    student, taught = (torch.from_numpy(a) for a in rng.normal(size=(2, 5, 3)))
    student = student.float().requires_grad_()

    def loss(logits: torch.Tensor) -> torch.Tensor:
        return distillation_loss(logits, taught, kind=kind, temperature=3.0)

    loss(student).backward()
    for i, j in np.ndindex(5, 3):
        step = torch.zeros(5, 3)
        step[i, j] = 0.05
        with torch.no_grad():
            slope = (loss(student + step) - loss(student - step)) / 0.1
        assert student.grad is not None
        assert float(student.grad[i, j]) == pytest.approx(float(slope), abs=2e-4)


@pytest.mark.parametrize("kind", ["mse", "kl"])
def test_no_rows_cost_nothing_and_the_same_rows_cost_nothing(kind: str) -> None:
    nothing = torch.zeros(0, 3, requires_grad=True)
    loss = distillation_loss(nothing, nothing.detach(), kind=kind, temperature=3.0)
    loss.backward()
    assert loss.item() == 0.0
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert distillation_loss(logits, logits + 5, kind=kind, temperature=2.0).item() < 1e-6


def ideal(*sides: Any) -> TeacherOutputs:
    """A teacher that knows the class of every row and is rather sure of it."""
    said = [(np.eye(3, dtype=np.float32)[np.concatenate(s["labels"])] * 3, s) for s in sides]
    return gather(said, weights=np.ones(3))


@pytest.mark.parametrize("kind", ["mse", "kl"])
@pytest.mark.parametrize("token", [False, True])
def test_student_learns_the_teacher(tmp_path: Path, token: bool, kind: str) -> None:
    """It comes to agree with its teacher, on target rows that it has not seen as well."""
    source, target, unseen = (
        encoded(96, seed=seed, token_task=token, shift=shift)
        for seed, shift in enumerate((0, 1, 1))
    )
    student = classifier(token=token, dropout=0.0)
    settings = {
        **ARGUMENTS,
        "output_dir": str(tmp_path),
        "max_steps": 60,
        "per_device_train_batch_size": 16,
        "learning_rate": 5e-3,
        "frozen_layers": FROZEN,
        "source_loss_weight": 0.0,
        "distillation_loss": kind,
        "save_strategy": "no",
    }
    trainer = DistillationTrainer(
        student,
        DistillationConfig(**settings),
        source=source,
        target=target,
        outputs=ideal(source, target),
        pad_token_id=PAD,
    )
    trainer.train()
    log = [entry["agreement"] for entry in trainer.state.log_history if "agreement" in entry]
    assert np.mean(log[:5]) < 0.6
    assert np.mean(log[-5:]) > 0.9
    predicted = collect_rows(student, unseen, pad_token_id=PAD).predictions
    assert float((predicted == np.concatenate(unseen["labels"])).mean()) > 0.85


def test_rows_the_teacher_did_not_see_are_left_out(tmp_path: Path) -> None:
    source, target = (encoded(24, seed=s, token_task=True) for s in (1, 2))
    said = outputs_of(teacher(token=True), source, target)
    lost = torch.arange(len(said.logits)) % 3 == 0
    said.logits[lost] = float("nan")
    trainer = build(tmp_path, token=True, target=target, outputs=said, dropout=0.0)
    batch = next(iter(trainer.get_train_dataloader()))
    taught = ~batch["teacher_logits"][:, 0].isnan()
    assert 0 < int(taught.sum()) < len(taught)
    trainer.train()
    assert all(np.isfinite(e["loss"]) for e in trainer.state.log_history if "loss" in e)


def test_every_row_meets_its_own_logits(tmp_path: Path) -> None:
    """Whatever the order in which a batch asks for its examples."""
    source, target = (encoded(size, seed=size, token_task=True) for size in (5, 4))
    said = outputs_of(teacher(token=True), source, target)
    for with_source in (True, False):
        examples = TaughtDataset(source, target, said, with_source=with_source)
        order = np.random.default_rng(0).permutation(len(examples)).tolist()
        for example in examples.__getitems__(order):
            side, first = (target, 5) if example.get("is_target") else (source, 0)
            ids = [row["input_ids"] for row in rows_of(side, range(len(side)))]
            place = ids.index(example["input_ids"])
            torch.testing.assert_close(example["teacher_logits"], said.of(first + place))
    batch = TaughtCollator(pad_token_id=PAD)(examples.__getitems__([2, 0]))
    torch.testing.assert_close(batch["teacher_logits"], torch.cat([said.of(7), said.of(5)]))


def test_permuted_classes_give_permuted_logits(tmp_path: Path) -> None:
    """No class is treated otherwise than another: only their order differs."""
    order = [2, 0, 1]
    logits = []
    for permuted in (False, True):
        source, target = encoded(24, seed=1), encoded(24, seed=2)
        said = outputs_of(teacher(), source, target)
        student = classifier(dropout=0.0)
        if permuted:
            said = TeacherOutputs(said.logits[:, order], said.starts, said.weights)
            renamed = [[order.index(label) for label in row] for row in source["labels"]]
            source = source.remove_columns(["labels"]).add_column("labels", renamed)
            linear = student.final_linear
            linear.weight.data, linear.bias.data = (
                linear.weight[order].data,
                linear.bias[order].data,
            )
        trainer = DistillationTrainer(
            student,
            DistillationConfig(
                **{**ARGUMENTS, "output_dir": str(tmp_path / str(permuted)), "frozen_layers": 1}
            ),
            source=source,
            target=target,
            outputs=said,
            pad_token_id=PAD,
        )
        trainer.train()
        logits.append(collect_rows(student, target, pad_token_id=PAD).logits)
    np.testing.assert_allclose(logits[0][:, order], logits[1], atol=1e-3)


def test_outputs_of_other_examples_are_refused(tmp_path: Path) -> None:
    source, target = encoded(24, seed=1), encoded(20, seed=2)
    with pytest.raises(IsoglossError) as caught:
        build(tmp_path, outputs=outputs_of(teacher(), source, target))
    assert caught.value.code == "E405"
    assert "(44,)" in str(caught.value)
    assert "(48,)" in str(caught.value)


def test_more_frozen_layers_than_there_are_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IsoglossError) as caught:
        build(tmp_path, frozen_layers=3)
    assert caught.value.code == "E345"
