"""Balanced sampling by every trainer: the common checks, and whose balance stands for what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from isogloss.data.balancing import Shares
from isogloss.errors import IsoglossError
from isogloss.labelshift.interval import IntervalWeights
from isogloss.labelshift.measures import total_variation
from isogloss.labelshift.online import OnlineWeights
from isogloss.trainers.balance import as_drawn
from isogloss.trainers.base import AtEpochBegin, RowTrainer, total_steps
from isogloss.trainers.checkpoints import last_complete_checkpoint
from isogloss.trainers.config import FinetuneConfig, IWDAConfig
from isogloss.trainers.distillation import DistillationTrainer
from isogloss.trainers.distillation_config import DistillationConfig
from isogloss.trainers.finetune import FinetuneTrainer
from isogloss.trainers.iwda import IWDATrainer
from isogloss.trainers.keung import KeungTrainer
from isogloss.trainers.keung_config import KeungConfig
from isogloss.trainers.pseudobalance import SAMPLING, TargetSampling, class_tilt
from isogloss.trainers.rows import collect_rows
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
    same,
    state,
)

BALANCED = {"sampling": "balanced"}
SKEW = [0.1, 0.2, 0.7]
CONFIGS = (FinetuneConfig, IWDAConfig, KeungConfig, DistillationConfig, SelfTrainingConfig)


def undecided(trainer: Any) -> Any:
    """With a head that predicts no class of nearly all of the target."""
    model = encoder_of(trainer)
    rows = collect_rows(model, trainer.train_dataset.target, pad_token_id=PAD)
    usual = rows.logits.mean(axis=0) + np.log(trainer._balance.shares.ratio)
    with torch.no_grad():
        model.final_linear.bias -= torch.from_numpy(usual).float()
    return trainer


def finetune(
    folder: Path, *, token: bool = False, dropout: float = 0.1, **changes: Any
) -> FinetuneTrainer:
    return FinetuneTrainer(
        classifier(token=token, dropout=dropout),
        FinetuneConfig(**{**ARGUMENTS, "output_dir": str(folder), **changes}),
        train_dataset=encoded(40, seed=1, token_task=token, prior=SKEW),
        pad_token_id=PAD,
    )


class TestBalancedFinetune(TrainerTester):
    kinds = FEW_KINDS
    has_target = False

    def build(self, folder: Path, **options: Any) -> FinetuneTrainer:
        return finetune(folder, **{**BALANCED, **options})


class TestBalancedAlignment(test_iwda.AlignmentTester):
    """Under the interval's weights, which answer the critic."""

    kinds = FEW_KINDS

    def build(self, folder: Path, **options: Any) -> IWDATrainer:
        return undecided(
            test_iwda.build(folder, **{**BALANCED, "sampling_refreshes": 3, **options})
        )

    def check_accumulation(self, tmp_path: Path, token: bool) -> None:
        with one_round(self):
            super().check_accumulation(tmp_path, token)


class TestBalancedKeung(TrainerTester):
    kinds = FEW_KINDS

    def build(self, folder: Path, **options: Any) -> KeungTrainer:
        return undecided(
            test_keung.build(folder, **{**BALANCED, "sampling_refreshes": 3, **options})
        )

    def check_accumulation(self, tmp_path: Path, token: bool) -> None:
        with one_round(self):
            super().check_accumulation(tmp_path, token)


class TestBalancedDistillation(test_distillation.DistillationTester):
    kinds = FEW_KINDS

    def build(self, folder: Path, **options: Any) -> DistillationTrainer:
        return test_distillation.build(folder, **{**BALANCED, **options})


class TestBalancedSelfTraining(test_selftraining.SelfTrainingTester):
    kinds = FEW_KINDS
    settings: ClassVar[dict[str, Any]] = {**BALANCED, "selection": "prior"}


@pytest.fixture(autouse=True, scope="module")
def sure() -> Iterator[None]:
    with test_selftraining.sure_of_all():
        yield


@contextmanager
def one_round(tester: TrainerTester) -> Iterator[None]:
    """The tester's trainers draw all batches of a run at once."""
    build = tester.build
    tester.build = lambda folder, **o: build(folder, **{**o, "sampling_refreshes": 1})  # type: ignore[method-assign]
    yield


@pytest.mark.parametrize("config", CONFIGS)
def test_an_unknown_sampling_is_named(config: Any) -> None:
    with pytest.raises(IsoglossError, match=r"E510: sampling is 'even', .*natural, balanced"):
        config(output_dir="unused", sampling="even")


@pytest.mark.parametrize("config", CONFIGS)
def test_batches_of_tokens_are_not_balanced(config: Any) -> None:
    with pytest.raises(IsoglossError, match="E544: tokens_per_batch is 512"):
        config(output_dir="unused", sampling="balanced", tokens_per_batch=512)


@pytest.mark.parametrize("config", [IWDAConfig, KeungConfig])
def test_pseudo_labels_are_given_at_least_once(config: Any) -> None:
    with pytest.raises(IsoglossError, match="E511: sampling_refreshes is 0"):
        config(output_dir="unused", sampling_refreshes=0)


def test_classes_come_equally_often_in_a_pass(tmp_path: Path) -> None:
    trainer = finetune(tmp_path, **BALANCED)
    labels = np.concatenate(encoded(40, seed=1, prior=SKEW)["labels"])
    assert np.bincount(labels).max() > 20
    drawn = np.concatenate(list(trainer.row_sampler()))
    assert len(drawn) == 40
    counts = np.bincount(labels[drawn], minlength=3)
    assert counts.max() - counts.min() <= 1


def test_the_loss_is_that_of_the_drawn_balance() -> None:
    """A classifier that says the natural balance predicts evenly among what was drawn."""
    natural, drawn = np.array([0.1, 0.2, 0.7]), np.full(3, 1 / 3)
    none = np.zeros(0)
    shares = Shares(examples=none, groups=none, natural=natural, drawn=drawn)
    seen = as_drawn(torch.from_numpy(np.log(natural)).float(), shares)
    torch.testing.assert_close(seen.softmax(-1), torch.full((3,), 1 / 3))


def test_the_classifier_goes_on_standing_for_the_natural_balance(tmp_path: Path) -> None:
    """Of texts that tell nothing it learns the shares as they are, not as they were drawn."""
    rng = np.random.default_rng(0)
    labels = [[int(y)] for y in rng.permutation([0] * 6 + [1] * 12 + [2] * 42)]
    told = encoded(60, seed=1).remove_columns("labels").add_column("labels", labels)
    trainer = FinetuneTrainer(
        classifier(dropout=0.5),
        FinetuneConfig(
            **{**ARGUMENTS, **BALANCED, "output_dir": str(tmp_path)}
            | {"max_steps": 60, "per_device_train_batch_size": 12, "save_strategy": "no"}
        ),
        train_dataset=told,
        pad_token_id=PAD,
    )
    before = trainer._balance
    assert before is not None
    np.testing.assert_allclose(before.shares.drawn, 1 / 3)
    trainer.train()
    rows = collect_rows(trainer.model, encoded(60, seed=9), pad_token_id=PAD)
    # The even balance is 0.37 off.
    assert total_variation(rows.probabilities.mean(axis=0), SKEW) < 0.18


def align(folder: Path, **changes: Any) -> IWDATrainer:
    options = {**BALANCED, "save_strategy": "no", "max_steps": 2, **changes}
    return undecided(test_iwda.build(folder, **options))


def natural_prior(trainer: IWDATrainer) -> np.ndarray:
    return trainer._natural_prior


@pytest.mark.parametrize("weighting", ["held-out", "interval", "online"])
def test_weights_stand_for_the_target_over_the_source_as_drawn(
    tmp_path: Path, weighting: str
) -> None:
    solved = np.array([1.5, 0.8, 0.6])
    still = {"weight_learning_rate": 0.0, "weight_mix": 0.0, "weight_play_rate": 0.0}
    trainer = align(
        tmp_path, weighting=weighting, estimate=test_iwda.known(solved), **still, max_steps=1
    )
    natural = natural_prior(trainer)
    assert np.abs(natural - 1 / 3).max() > 0.05
    target = natural * solved / (natural @ solved)
    trainer.train()
    holder = trainer.model.weights
    np.testing.assert_allclose(holder.prior.numpy(), 1 / 3, rtol=1e-9)
    np.testing.assert_allclose(holder.weights.numpy(), 3 * target, rtol=1e-9)
    np.testing.assert_allclose(trainer.prior_estimate, target, rtol=1e-9)


def test_true_weights_too_and_no_weights_stay_none(tmp_path: Path) -> None:
    true = np.array([1.5, 0.8, 0.6])
    oracle = align(tmp_path / "a", weighting="fixed", weights=true)
    natural = natural_prior(oracle)
    np.testing.assert_allclose(oracle.prior_estimate, natural * true / (natural @ true))
    oracle.train()
    tilt = oracle._tilt()
    assert tilt is not None
    assert not np.allclose(tilt.numpy(), 1.0)
    unweighted = align(tmp_path / "b", weighting="fixed")
    unweighted.train()
    assert unweighted._tilt() is None
    np.testing.assert_array_equal(unweighted.model.weights.weights.numpy(), 1.0)


def test_the_tilt_gives_the_balance_that_is_drawn() -> None:
    """Of true classes that are known: their shares, counted row by row."""
    rng = np.random.default_rng(0)
    classes, times = rng.choice(3, size=200, p=SKEW), rng.uniform(0.1, 4.0, 200)
    tilt = class_tilt(np.eye(3)[classes], times)
    natural = np.bincount(classes) / 200
    drawn = [times[classes == j].sum() / times.sum() for j in range(3)]
    np.testing.assert_allclose(natural * tilt, drawn)
    unsure = class_tilt(np.tile(SKEW, (200, 1)), times)
    np.testing.assert_allclose(unsure, 1.0)
    np.testing.assert_array_equal(class_tilt(np.tile([1.0, 0.0], (3, 1)), times[:3])[1], 1.0)


def test_online_statistics_are_of_the_target_as_it_is(tmp_path: Path) -> None:
    trainer = align(tmp_path, weighting="online", hard_statistics=True)
    seen: list[torch.Tensor] = []
    holder = trainer.model.weights
    assert isinstance(holder, OnlineWeights)
    inner = holder.observe
    holder.observe = lambda a, b, c: (seen.append(c), inner(a, b, c))[1]  # type: ignore[method-assign]
    times: list[torch.Tensor] = []
    loss = trainer.batch_loss

    def spy(model: Any, inputs: Any, rows: Any) -> Any:
        times.append(inputs["times"][inputs["is_target"]])
        return loss(model, inputs, rows)

    trainer.batch_loss = spy  # type: ignore[method-assign]
    trainer.train()
    assert len(seen) == 2
    for rows, often in zip(seen, times, strict=True):
        np.testing.assert_allclose(rows.sum(1).numpy(), 1 / often.numpy(), rtol=1e-6)
    assert np.ptp(torch.cat(times).numpy()) > 0.1


@pytest.mark.parametrize("normalize", [True, False])
def test_interval_weights_climb_the_weighted_cost_of_what_is_drawn(
    tmp_path: Path, normalize: bool
) -> None:
    """Against differences of the mean cost under the tilt, which, normalised, no constant moves."""
    trainer = align(tmp_path, weighting="interval", normalize_weights=normalize)
    trainer._begin_round(0)
    holder, tilt = trainer.model.weights, trainer._tilt()
    assert isinstance(holder, IntervalWeights)
    assert tilt is not None
    labels, costs = torch.arange(3), torch.tensor([0.3, -1.0, 2.0]).double()
    slopes = trainer._slopes(costs + 5.0 * normalize, labels)

    def cost(weights: torch.Tensor) -> float:
        rows = weights * tilt
        return float(rows @ costs / (rows.sum() if normalize else 3))

    weights = holder.weights
    step = 1e-6 * torch.eye(3).double()
    expected = torch.tensor([(cost(weights + d) - cost(weights - d)) / 2e-6 for d in step])
    ratio = slopes / expected
    torch.testing.assert_close(ratio, ratio[:1].expand(3), rtol=1e-4, atol=0.0)


def rounds_seen(trainer: Any) -> list[tuple[int, np.ndarray]]:
    """Fills while the trainer trains: the step of each new sampling, and its shares."""
    seen: list[tuple[int, np.ndarray]] = []
    inner = trainer._begin_round

    def spy(step: int) -> None:
        inner(step)
        seen.append((step, trainer._sampling.shares.examples))

    callback = next(c for c in trainer.callback_handler.callbacks if isinstance(c, AtEpochBegin))
    callback._begin = spy
    return seen


def test_pseudo_labels_are_given_anew_at_even_distances(tmp_path: Path) -> None:
    trainer = undecided(test_iwda.build(tmp_path, **BALANCED, sampling_refreshes=3))
    seen = rounds_seen(trainer)
    trainer.train()
    assert [step for step, _ in seen] == [0, 2, 4]
    assert not np.allclose(seen[0][1], seen[2][1])
    rows = collect_rows(encoder_of(trainer), trainer.train_dataset.target, pad_token_id=PAD)
    assert len(rows.logits) == len(seen[0][1])


@pytest.mark.parametrize("build", [test_iwda.build, test_keung.build])
@pytest.mark.parametrize("parts", [1, 4])
def test_a_run_has_as_many_steps_as_under_natural_sampling(
    tmp_path: Path, build: Any, parts: int
) -> None:
    passes = {"max_steps": -1, "num_train_epochs": 1.5, "gradient_accumulation_steps": parts}
    natural, drawn = build(tmp_path, **passes), build(tmp_path, **passes, **BALANCED)
    assert drawn.args.max_steps == total_steps(natural.args, len(natural.row_sampler()))
    assert len(drawn.row_sampler()) == -(-drawn.args.max_steps // 4) * parts
    # What was given is left as it was, so that the next trainer counts anew.
    assert natural.args.max_steps == -1


def test_a_fresh_head_gives_no_pseudo_labels(tmp_path: Path) -> None:
    trainer = undecided(test_keung.build(tmp_path, **BALANCED, sampling_refreshes=2))
    seen = rounds_seen(trainer)
    trainer.train()
    assert [step for step, _ in seen] == [0, 3]
    np.testing.assert_array_equal(seen[0][1], 1 / 20)
    assert np.ptp(seen[1][1]) > 0


def test_targets_are_drawn_by_what_the_teacher_says(tmp_path: Path) -> None:
    trainer = test_distillation.build(tmp_path, **BALANCED)
    examples = trainer.train_dataset
    shares = trainer._shares
    assert shares is not None
    said = examples._outputs.logits[24:].numpy().argmax(1)
    mass = np.bincount(said, weights=shares.examples[24:], minlength=3)
    there = np.bincount(said, minlength=3)
    np.testing.assert_allclose(mass.sum(), 0.5)
    most = np.minimum(0.5 / (there > 0).sum(), 10 * there / 48)
    assert (mass[there > 0] >= most[there > 0] - 1e-9).all()


def test_pseudo_labels_are_drawn_evenly_and_nothing_else(tmp_path: Path) -> None:
    trainer = test_selftraining.build(tmp_path, **BALANCED, selection="confident", fraction=0.5)
    assert not trainer._pseudo_shares().examples.any()
    trainer._begin_round(0)
    pseudo = trainer._pseudo
    assert pseudo is not None
    chosen = set(pseudo.labelled_examples().tolist())
    assert len(chosen) == 10
    drawn = [i - 24 for batch in trainer.row_sampler() for i in batch if i >= 24]
    assert drawn
    assert set(drawn) <= chosen


def test_resuming_needs_the_sampling(tmp_path: Path) -> None:
    trainer = test_iwda.build(tmp_path, **BALANCED)
    StopAt(trainer, 3)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    checkpoint = last_complete_checkpoint(tmp_path)
    assert checkpoint is not None
    with pytest.raises(IsoglossError, match=r"E545: .*it is of 20 examples, not 21"):
        TargetSampling.load(checkpoint, examples=21)
    (checkpoint / SAMPLING).write_text("broken")
    with pytest.raises(IsoglossError, match="E545"):
        TargetSampling.load(checkpoint, examples=20)
    (checkpoint / SAMPLING).unlink()
    with pytest.raises(IsoglossError) as caught:
        test_iwda.build(tmp_path, **BALANCED).train(resume_from_checkpoint=str(checkpoint))
    assert caught.value.code == "E545"


def test_online_weights_resume_with_what_was_drawn(tmp_path: Path) -> None:
    options = {**BALANCED, "weighting": "online", "weight_learning_rate": 1.0}
    options["sampling_refreshes"] = 2
    unbroken, broken, resumed = (
        undecided(test_iwda.build(tmp_path / name, **options)) for name in ("a", "b", "b")
    )
    unbroken.train()
    StopAt(broken, 5)
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    resumed.train(resume_from_checkpoint=str(last_complete_checkpoint(tmp_path / "b")))
    assert same(state(unbroken), state(resumed))


def test_natural_sampling_keeps_nothing_of_it(tmp_path: Path) -> None:
    trainer: RowTrainer = test_iwda.build(tmp_path, max_steps=2)
    trainer.train()
    assert not list(tmp_path.glob(f"checkpoint-*/{SAMPLING}"))
