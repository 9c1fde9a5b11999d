"""Training on batches of so many tokens, by every trainer."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isogloss.data.token_batches import PairedTokenSampler
from isogloss.errors import IsoglossError
from isogloss.trainers.base import RowTrainer
from isogloss.trainers.checkpoints import last_complete_checkpoint
from isogloss.trainers.config import FinetuneConfig, IWDAConfig
from isogloss.trainers.finetune import FinetuneTrainer
from isogloss.trainers.iwda import IWDATrainer
from isogloss.trainers.sampling import source_examples, two_sides
from isogloss.trainers.selftraining import SelfTrainingTrainer
from tests.helpers.rows import PAD, encoded
from tests.trainers import test_distillation, test_iwda, test_keung, test_selftraining
from tests.trainers.common import (
    ARGUMENTS,
    BatchList,
    StopAt,
    assert_close_states,
    classifier,
    encoder_of,
    logged,
    same,
    state,
)

BUDGET = 64
TOKENS = {"tokens_per_batch": BUDGET, "max_steps": -1, "num_train_epochs": 2}


def finetune(folder: Path, *, dropout: float = 0.1, **changes: Any) -> FinetuneTrainer:
    return FinetuneTrainer(
        classifier(dropout=dropout),
        FinetuneConfig(**{**ARGUMENTS, "output_dir": str(folder), **changes}),
        train_dataset=encoded(24, seed=1),
        pad_token_id=PAD,
    )


def align(folder: Path, **changes: Any) -> IWDATrainer:
    return test_iwda.build(folder, **{"weighting": "online", **changes})


BUILDERS: dict[str, Callable[..., RowTrainer]] = {
    "finetune": finetune,
    "iwda": align,
    "keung": test_keung.build,
    "distill": test_distillation.build,
    "selftrain": test_selftraining.build,
}
# Under which only means over all rows move the model, and no second round begins.
PLAIN = {
    "iwda": {"alignment_strength": 0.0},
    "keung": {"adversarial_strength": 0.0},
    "selftrain": {"rounds": 1, "fraction": 0.9},
}


@pytest.fixture(params=BUILDERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def batches_seen(trainer: RowTrainer) -> list[tuple[int, int]]:
    """Fills while the trainer trains: the shape of every batch."""
    shapes: list[tuple[int, int]] = []
    inner = trainer.batch_loss

    def spy(model: Any, inputs: Any, rows: Any) -> Any:
        shapes.append(tuple(inputs["input_ids"].shape))
        return inner(model, inputs, rows)

    trainer.batch_loss = spy  # type: ignore[method-assign]
    return shapes


def test_no_batch_is_over_the_budget_and_most_are_near_it(tmp_path: Path, name: str) -> None:
    trainer = BUILDERS[name](tmp_path, **TOKENS, save_strategy="no")
    shapes = batches_seen(trainer)
    trainer.train()
    tokens = [count * length for count, length in shapes]
    assert len(tokens) == trainer.state.global_step > 6
    assert max(tokens) <= BUDGET
    assert len({count for count, _ in shapes}) > 1
    # What is left over in a round of few pseudo-labels is larger.
    assert np.mean(tokens) > (0.5 if name == "selftrain" else 0.75) * BUDGET


@pytest.mark.parametrize("parts", [1, 2])
def test_steps_and_warm_up_follow_from_the_batches(tmp_path: Path, name: str, parts: int) -> None:
    options = {**TOKENS, "gradient_accumulation_steps": parts, "save_strategy": "no"}
    trainer = BUILDERS[name](tmp_path, **options, warmup_steps=0.5, dropout=0.0)
    trainer.train()
    if isinstance(trainer, SelfTrainingTrainer):
        batches = len(trainer._batching.one_side(trainer._lengths[0])) // parts * parts
    else:
        batches = len(trainer.row_sampler())
    steps = 2 * -(-batches // parts)
    assert trainer.state.global_step == trainer.state.max_steps == steps
    rates = logged(trainer, "learning_rate")
    warm = -(-steps // 2)
    assert len(rates) == steps
    assert rates[0] == 0.0 < rates[1]
    assert int(np.argmax(rates)) == warm
    assert rates[warm] == pytest.approx(1e-3)


@pytest.mark.parametrize("step", [3, 9])
def test_resumed_within_an_epoch_sees_what_an_unbroken_run_does(
    tmp_path: Path, name: str, step: int
) -> None:
    """Batch by batch, in the first epoch and in the second."""
    options = {**TOKENS, "save_steps": 2}
    whole = BUILDERS[name](tmp_path / "whole", **options)
    expected = batches_seen(whole)
    whole.train()
    assert len(expected) > step
    broken = BUILDERS[name](tmp_path / "broken", **options)
    StopAt(broken, step)
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    resumed = BUILDERS[name](tmp_path / "broken", **options)
    found = batches_seen(resumed)
    resumed.train(resume_from_checkpoint=str(last_complete_checkpoint(tmp_path / "broken")))
    assert found == expected[step // 2 * 2 :]
    assert same(state(whole), state(resumed))


def test_accumulated_batches_have_the_loss_of_one_large_batch(tmp_path: Path, name: str) -> None:
    """Though each has another number of examples."""
    options = {"dropout": 0.0, "max_steps": 2, "save_strategy": "no", **PLAIN.get(name, {})}
    build = BUILDERS[name]
    small = build(tmp_path / "a", gradient_accumulation_steps=2, tokens_per_batch=BUDGET, **options)
    if isinstance(small, SelfTrainingTrainer):
        small._begin_round(0)
    parts = list(small.row_sampler())[:4]
    assert len({len(batch) for batch in parts}) > 1
    # The source's examples come first in each.
    merged = [sorted(one + other) for one, other in zip(parts[::2], parts[1::2], strict=True)]
    large = build(tmp_path / "b", **options)
    for trainer, batches in ((small, BatchList(parts)), (large, BatchList(merged))):
        trainer.row_sampler = lambda batches=batches: batches
        trainer.train()
    np.testing.assert_allclose(logged(small, "task_loss"), logged(large, "task_loss"), atol=2e-4)
    whole, accumulated = (encoder_of(trainer).state_dict() for trainer in (large, small))
    assert_close_states(whole, accumulated, atol=2e-4)


def test_the_planned_passes_are_those_of_the_run() -> None:
    """Neither by passes nor by steps does any epoch of a run go over the budget."""
    rng = np.random.default_rng(0)
    source, target = rng.integers(3, 90, size=60), rng.integers(3, 90, size=2000)
    both = np.concatenate([source, target])
    for options in (
        {"num_train_epochs": 6.5},
        {"max_steps": 25, "gradient_accumulation_steps": 2},
    ):
        args = IWDAConfig(
            output_dir="unused",
            use_cpu=True,
            tokens_per_batch=1000,
            **options,  # type: ignore[arg-type]
        )
        sampler = two_sides(args, source, target)
        assert isinstance(sampler, PairedTokenSampler)
        for epoch in range(7 if args.max_steps < 0 else math.ceil(50 / len(sampler))):
            sampler.set_epoch(epoch)
            for batch in sampler:
                assert len(batch) * -(-both[batch].max() // 8) * 8 <= 1000
        assert source_examples(args, source, target) == 60 / len(sampler)


def test_batches_of_tokens_are_of_similar_lengths_or_refused() -> None:
    for config in (FinetuneConfig, IWDAConfig):
        with pytest.raises(IsoglossError, match="E516: tokens_per_batch is 2048"):
            config(output_dir="unused", tokens_per_batch=2048, bucket_by_length=False)


def test_a_budget_is_not_negative() -> None:
    with pytest.raises(IsoglossError, match="E511: tokens_per_batch is -1"):
        FinetuneConfig(output_dir="unused", tokens_per_batch=-1)
