from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset

from isogloss.data.collate import IGNORED_LABEL
from isogloss.errors import IsoglossError
from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.measures import total_variation
from isogloss.models.features import FeatureClassifier
from isogloss.trainers import selftraining_rounds
from isogloss.trainers.base import task_loss
from isogloss.trainers.checkpoints import last_complete_checkpoint
from isogloss.trainers.estimation import RowEstimator
from isogloss.trainers.rows import collect_rows
from isogloss.trainers.selftraining import (
    SelfTrainingTrainer,
    soft_loss,
    steps_a_round,
    total_steps,
)
from isogloss.trainers.selftraining_config import SelfTrainingConfig
from isogloss.trainers.selftraining_rounds import Labeller
from isogloss.trainers.selftraining_state import PSEUDO_LABELS
from tests.helpers.models import tiny_model
from tests.helpers.rows import PAD, encoded
from tests.trainers.common import (
    ARGUMENTS,
    FEW_KINDS,
    STEPS,
    StopAt,
    TrainerTester,
    classifier,
    cut,
    logged,
    same,
    state,
)

SKEW = [0.7, 0.2, 0.1]


def build(
    folder: Path,
    *,
    token: bool = False,
    dropout: float = 0.1,
    target: Dataset | None = None,
    model: FeatureClassifier | None = None,
    classes: Any = (0, 1, 2),
    **changes: Any,
) -> SelfTrainingTrainer:
    def mapped(dataset: Dataset) -> Dataset:
        if tuple(classes) == (0, 1, 2):
            return dataset
        return dataset.map(lambda e: {"labels": [classes[y] for y in e["labels"]]})

    if target is None:
        target = encoded(20, seed=2, token_task=token, prior=SKEW, shift=1)
    held_out = mapped(encoded(12, seed=3, token_task=token))
    return SelfTrainingTrainer(
        model or classifier(token=token, dropout=dropout),
        SelfTrainingConfig(
            **{**ARGUMENTS, "rounds": 3, "fraction": 0.2, "output_dir": str(folder), **changes}
        ),
        source=mapped(encoded(24, seed=1, token_task=token)),
        target=target,
        pad_token_id=PAD,
        estimate=RowEstimator(source=held_out, target=target, pad_token_id=PAD),
    )


@contextmanager
def sure_of_all() -> Iterator[None]:
    """A classifier of random weights is sure of no row, and then there are no labels to test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selftraining_rounds, "named_alike", lambda rows, _: rows[:, 0] >= 0.0)
        yield


@pytest.fixture(autouse=True, scope="module")
def sure() -> Iterator[None]:
    with sure_of_all():
        yield


class SelfTrainingTester(TrainerTester):
    """The common checks; a batch holds pseudo-labels, but never a true label of the target."""

    settings: dict[str, Any]

    def build(self, folder: Path, **options: Any) -> SelfTrainingTrainer:
        return build(folder, **{**self.settings, **options})

    def check_accumulation(self, tmp_path: Path, token: bool) -> None:
        """Batch 1 x accumulation 8 has both losses of batch 8, words counted over all of it."""
        options = {"token": token, "dropout": 0.0, "max_steps": 3, "rounds": 1, "fraction": 0.9}
        large = self.build(tmp_path / "a", per_device_train_batch_size=8, **options)
        small = self.build(
            tmp_path / "b", per_device_train_batch_size=1, gradient_accumulation_steps=8, **options
        )
        large._begin_round(0)
        batches = cut(large, 8)
        assert all(len(batch) == 2 for batch in batches)
        small.row_sampler = lambda: batches
        for trainer in (large, small):
            trainer.train()
        for name in ("loss", "task_loss", "pseudo_loss"):
            np.testing.assert_allclose(logged(large, name), logged(small, name), atol=2e-4)
        assert min(logged(large, "pseudo_loss")) > 0
        for name, whole in state(large).items():
            if not name.endswith("key.bias"):
                torch.testing.assert_close(whole, state(small)[name], atol=2e-4, rtol=0)

    def test_no_target_label_reaches_a_batch(self, tmp_path: Path) -> None:
        """All that a batch says of the target's classes are the pseudo-labels."""
        trainer = self.build(tmp_path)
        assert "labels" not in trainer.train_dataset.target.column_names
        trainer._begin_round(0)
        given = trainer._pseudo.labels
        seen = [
            batch["labels"][batch["is_target"]].numpy() for batch in trainer.get_train_dataloader()
        ]
        assert len(np.concatenate(seen)) > 0
        for batch in trainer.row_sampler():
            for i in batch:
                example = trainer.train_dataset[i]
                if i >= 24:
                    np.testing.assert_array_equal(example["labels"], given[i - 24 : i - 23])

    @pytest.mark.parametrize("token", [False, True])
    def test_garbage_for_target_labels_changes_nothing(self, tmp_path: Path, token: bool) -> None:
        target = encoded(20, seed=2, token_task=token, prior=SKEW, shift=1)
        garbage = target.map(lambda e: {"labels": [99 for _ in e["labels"]]})
        states = []
        for i, each in enumerate((target, garbage, target.remove_columns("labels"))):
            trainer = self.build(tmp_path / str(i), token=token, target=each)
            trainer.train()
            states.append(state(trainer))
        assert same(states[0], states[1])
        assert same(states[0], states[2])

    def test_permuted_label_map_gives_permuted_results(self, tmp_path: Path) -> None:
        order = np.array([2, 0, 1])
        plain = self.build(tmp_path / "a", dropout=0.0)
        model = classifier(dropout=0.0)
        with torch.no_grad():
            for parameter in model.final_linear.parameters():
                parameter[torch.from_numpy(order)] = parameter.clone()
        permuted = self.build(tmp_path / "b", model=model, classes=order)
        for trainer in (plain, permuted):
            trainer.train()
        free = plain._pseudo.free
        np.testing.assert_array_equal(permuted._pseudo.free, free)
        np.testing.assert_array_equal(
            permuted._pseudo.labels[~free], order[plain._pseudo.labels[~free]]
        )
        test = encoded(10, seed=5)
        ours, theirs = (collect_rows(t.model, test, pad_token_id=PAD) for t in (plain, permuted))
        np.testing.assert_allclose(theirs.logits[:, order], ours.logits, atol=1e-3)

    def test_resumed_knows_the_earlier_rounds(self, tmp_path: Path) -> None:
        unbroken, broken = self.build(tmp_path / "a"), self.build(tmp_path / "b")
        unbroken.train()
        StopAt(broken, 5)
        with pytest.raises(KeyboardInterrupt):
            broken.train()
        resumed = self.build(tmp_path / "b")
        resumed.train(resume_from_checkpoint=str(last_complete_checkpoint(tmp_path / "b")))
        assert [found["step"] for found in resumed.rounds] == [0, 2, 4]
        assert resumed.rounds == unbroken.rounds
        assert json.loads(json.dumps(resumed.rounds)) == resumed.rounds

    def test_logs_what_was_promised(self, tmp_path: Path) -> None:
        trainer = self.build(tmp_path)
        trainer.train()
        entries = [e for e in trainer.state.log_history if "loss" in e]
        for entry in entries:
            total = entry["task_loss"] + entry["pseudo_loss"]
            assert entry["loss"] == pytest.approx(total, rel=1e-3)
        shares = [found["share"] for found in trainer.rounds for _ in range(2)]
        np.testing.assert_allclose(logged(trainer, "pseudo_labelled"), shares)
        assert all(0 < share <= 0.2 * (i // 2 + 1) + 0.05 for i, share in enumerate(shares))


class TestPriorAware(SelfTrainingTester):
    settings: dict[str, Any] = {}  # noqa: RUF012

    def check_permutation(self, tmp_path: Path, kind: str) -> None:
        """Without the rows left over, of which the first of two classes of equal shares gets one.

        Among so few rows there are such classes, and which of them comes first is what varies.
        """
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                selftraining_rounds,
                "class_quotas",
                lambda shares, total: np.floor(shares * total + 1e-9).astype(np.int64),
            )
            super().check_permutation(tmp_path, kind)

    def test_class_shares_are_the_aim_s(self, tmp_path: Path) -> None:
        """As far as there are rows of a class; never more than its quota."""
        trainer = self.build(tmp_path, token=True, keep_labels=False)
        trainer.train()
        total = len(trainer._pseudo.labels)
        for i, found in enumerate(trainer.rounds):
            quotas = np.array(found["aim"]) * round(0.2 * total * (i + 1))
            counts = np.array(found["classes"]) * found["labelled"]
            assert (counts < quotas + 1).all()
            assert sum(found["estimate"]) == pytest.approx(1.0)

    def test_an_estimate_that_says_little_leaves_what_is_predicted(self, tmp_path: Path) -> None:
        """No significant shift: not the source's balance is forced on the target's rows."""
        trainer = self.build(tmp_path, target=encoded(20, seed=2), learning_rate=0.0)
        trainer.train()
        held_out = np.concatenate(trainer._label.estimate.source["labels"])
        rows = collect_rows(trainer.model, trainer.train_dataset.target, pad_token_id=PAD)
        estimator = trainer._label.estimate.prepare(trainer.model)
        probabilities = estimator.calibrated(rows.probabilities)
        for found in trainer.rounds:
            assert found["shift_is_significant"] is False
            np.testing.assert_allclose(found["estimate"], np.bincount(held_out) / len(held_out))
            predicted = np.bincount(probabilities.argmax(axis=1), minlength=3) / 20
            far = total_variation(found["estimate"], predicted)
            assert total_variation(found["aim"], predicted) < 0.2 < far


class TestSoftTargets(SelfTrainingTester):
    kinds = FEW_KINDS
    settings: dict[str, Any] = {"targets": "soft", "keep_labels": False}  # noqa: RUF012

    @pytest.mark.parametrize("cut", [3])
    def test_resumed_equals_unbroken(self, tmp_path: Path, finished: Any, cut: int) -> None:
        super().test_resumed_equals_unbroken(tmp_path, finished, cut)


class TestPublished(SelfTrainingTester):
    kinds = FEW_KINDS
    settings: dict[str, Any] = {  # noqa: RUF012
        "selection": "confident",
        "bucket_by_length": False,
        "max_grad_norm": 0.0,
    }

    @pytest.mark.parametrize("token", [False, True])
    def test_whole_examples_as_many_as_the_fraction_says(self, tmp_path: Path, token: bool) -> None:
        trainer = self.build(tmp_path, token=token)
        trainer.train()
        assert [found["examples"] for found in trainer.rounds] == [4, 8, 12]
        for example in trainer._pseudo.labelled_examples():
            assert (trainer._pseudo.of(example)[0] != IGNORED_LABEL).all()

    def test_labels_stay_as_they_were_given(self, tmp_path: Path) -> None:
        trainer = self.build(tmp_path, learning_rate=0.1)
        seen = []
        inner = trainer._begin_round

        def spy(step: int) -> None:
            inner(step)
            seen.append(trainer._pseudo.labels)

        trainer.callback_handler.callbacks[-1]._begin = spy
        trainer.train()
        for before, after in itertools.pairwise(seen):
            np.testing.assert_array_equal(after[before >= 0], before[before >= 0])
        assert len(seen) == 3


def test_everything_is_labelled_in_the_end(tmp_path: Path) -> None:
    trainer = build(tmp_path, selection="confident", fraction=1.0)
    trainer.train()
    assert [found["share"] for found in trainer.rounds] == [1.0, 1.0, 1.0]


def test_a_small_fraction_labels_one_a_round(tmp_path: Path) -> None:
    trainer = build(tmp_path, selection="confident", fraction=0.0005)
    trainer.train()
    assert [found["labelled"] for found in trainer.rounds] == [1, 2, 3]


def test_labels_come_from_a_pass_without_dropout(tmp_path: Path) -> None:
    trainer = build(tmp_path, dropout=0.5, selection="confident")
    trainer._begin_round(0)
    first, trainer._pseudo = trainer._pseudo, None
    trainer._begin_round(0)
    np.testing.assert_array_equal(first.beliefs, trainer._pseudo.beliefs)


def test_training_anew_forgets_the_labels(tmp_path: Path) -> None:
    trainer = build(tmp_path, save_strategy="no")
    trainer.train()
    trainer.train()
    assert len(trainer.rounds) == 3


@pytest.mark.parametrize(("rounds", "begin"), [(1, [0]), (4, [0, 2, 4]), (99, [*range(STEPS)])])
def test_rounds_are_spread_by_the_settings_alone(
    tmp_path: Path, rounds: int, begin: list[int]
) -> None:
    trainer = build(tmp_path, rounds=rounds, fraction=0.05)
    trainer.train()
    assert [found["step"] for found in trainer.rounds] == begin
    assert trainer.state.global_step == STEPS


def test_steps_follow_from_the_passes_over_the_source() -> None:
    args = SelfTrainingConfig(
        per_device_train_batch_size=4, gradient_accumulation_steps=2, num_train_epochs=2.5
    )
    assert total_steps(args, 33 // 4) == 10
    assert total_steps(args, 1) == 3
    args.max_steps = 7
    assert total_steps(args, 33 // 4) == 7
    args.rounds = 3
    assert steps_a_round(args) == 3


def test_soft_loss_of_certainty_is_the_hard_loss() -> None:
    logits, labels = torch.randn(5, 3), torch.tensor([0, -100, 2, 1, -100])
    beliefs = torch.eye(3)[labels.clamp(min=0)] * (labels >= 0)[:, None]
    for rows in (None, torch.tensor(8)):
        soft = soft_loss(logits, beliefs, labels >= 0, rows)
        torch.testing.assert_close(soft, task_loss(logits, labels, rows))


def test_soft_loss_is_least_at_the_beliefs() -> None:
    beliefs = torch.from_numpy(softmax(np.random.default_rng(0).normal(size=(4, 3)))).float()
    counted = torch.tensor([True, True, False, True])
    logits = beliefs.log().requires_grad_()
    soft_loss(logits, beliefs, counted, None).backward()
    torch.testing.assert_close(logits.grad, torch.zeros(4, 3), atol=1e-6, rtol=0)


def test_the_weight_of_the_pseudo_labels(tmp_path: Path) -> None:
    """At weight 0 the target moves nothing, however it is labelled."""
    states = []
    for i, share in enumerate((0.2, 0.9)):
        trainer = build(
            tmp_path / str(i), pseudo_weight=0.0, fraction=share, dropout=0.0, max_grad_norm=0.0
        )
        trainer.train()
        states.append(state(trainer))
    for name in states[0]:
        if not name.endswith("key.bias"):
            torch.testing.assert_close(states[0][name], states[1][name], atol=2e-4, rtol=0)


@pytest.mark.parametrize("coverage", [1.0, 0.25])
def test_few_labels_count_for_few(tmp_path: Path, coverage: float) -> None:
    """The loss is what all rows that were to have a label would add, those without nothing."""
    trainer = build(tmp_path, rounds=1, max_steps=3, pseudo_weight=0.8)
    label = trainer._label

    def labelled(*args: Any, **options: Any) -> Any:
        found = Labeller.__call__(label, *args, **options)
        return found.with_round(found.rounds[-1] | {"coverage": coverage})

    trainer._label = labelled
    trainer.train()
    pseudo, source = logged(trainer, "pseudo_loss"), logged(trainer, "task_loss")
    assert min(pseudo) > 0
    wanted = np.array(source) + 0.8 * coverage * np.array(pseudo)
    np.testing.assert_allclose(logged(trainer, "loss"), wanted, rtol=1e-3)


@pytest.mark.parametrize("sampling", ["natural", "balanced"])
def test_where_nothing_is_sure_the_source_alone_is_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampling: str
) -> None:
    nothing = np.zeros(20, dtype=bool)
    monkeypatch.setattr(selftraining_rounds, "named_alike", lambda *_: nothing)
    trainer = build(tmp_path, sampling=sampling, rounds=1)
    trainer._label = replace(
        trainer._label, estimate=replace(trainer._label.estimate, p_value_before=0.0)
    )
    before = state(trainer)
    trainer.train()
    assert trainer.rounds[0]["labelled"] == trainer.rounds[0]["sure"] == 0
    assert trainer.rounds[0]["assumption_p_value"] == 0.0
    assert set(logged(trainer, "pseudo_loss")) == {0.0}
    assert min(logged(trainer, "task_loss")) > 0
    assert not same(state(trainer), before)


@pytest.mark.parametrize("architecture", ["modernbert", "xlm-roberta"])
def test_other_architectures_train(tmp_path: Path, architecture: str) -> None:
    model = FeatureClassifier(tiny_model(architecture))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trainer = build(tmp_path, model=model)
    trainer.train()
    assert not same(before, state(trainer))


def test_a_checkpoint_without_its_labels_is_refused(tmp_path: Path) -> None:
    build(tmp_path).train()
    newest = last_complete_checkpoint(tmp_path)
    assert newest is not None
    (newest / PSEUDO_LABELS).unlink()
    with pytest.raises(IsoglossError) as caught:
        build(tmp_path).train(resume_from_checkpoint=str(newest))
    assert caught.value.code == "E518"


def test_prior_selection_without_estimate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsoglossError) as caught:
        SelfTrainingTrainer(
            classifier(),
            SelfTrainingConfig(**{**ARGUMENTS, "output_dir": str(tmp_path)}),
            source=encoded(8, seed=0),
            target=encoded(8, seed=1),
            pad_token_id=PAD,
        )
    assert caught.value.code == "E519"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("selection", "surest", "E510"),
        ("targets", "firm", "E510"),
        ("rounds", 0, "E511"),
        ("pseudo_weight", -1.0, "E511"),
        ("estimate_sample", 0, "E511"),
        ("fraction", 0.0, "E407"),
        ("fraction", 1.5, "E407"),
    ],
)
def test_wrong_settings_are_named(name: str, value: Any, code: str) -> None:
    with pytest.raises(IsoglossError) as caught:
        SelfTrainingConfig(**{name: value})
    assert caught.value.code == code
    assert name in str(caught.value)
