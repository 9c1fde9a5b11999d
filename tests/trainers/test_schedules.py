"""What changes over a run, at given steps, in unbroken, resumed and accumulating runs alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.labelshift.online import OnlineWeights
from isogloss.trainers.checkpoints import last_complete_checkpoint
from isogloss.trainers.iwda import IWDATrainer
from tests.trainers.common import StopAt, logged, states_by_step
from tests.trainers.test_iwda import build, known

# Of 40 steps, 4 are warm-up: a tenth, as published.
STEPS = 40
RUN = {"max_steps": STEPS, "num_train_epochs": 99, "save_steps": 10, "dropout": 0.0}
EXPECTED = [0.0, 0.25, 0.5, 0.75] + [1.0] * (STEPS - 4)


def seen_by_model(trainer: IWDATrainer, name: str) -> list[Any]:
    """Fills while the trainer trains: an argument of every pass."""
    seen: list[Any] = []
    forward = trainer.model.forward

    def spy(**inputs: Any) -> Any:
        seen.append(inputs[name])
        return forward(**inputs)

    trainer.model.forward = spy  # type: ignore[method-assign, assignment]
    return seen


def weight_rates(trainer: IWDATrainer) -> list[float]:
    """Fills while the trainer trains: the learning rate of every step of the class weights."""
    rates: list[float] = []
    holder = trainer.model.weights
    assert isinstance(holder, OnlineWeights)
    inner = holder.step

    def spy(progress: float) -> None:
        before = holder.delta.clone()
        # Without a gradient, a step is decay alone, and says how long it is.
        holder.gradient = lambda: torch.zeros_like(before)  # type: ignore[method-assign]
        holder.delta.fill_(0.0)
        holder.delta[0], holder.delta[1] = 0.1 / holder.prior[0], -0.1 / holder.prior[1]
        start = holder.delta.clone()
        inner(progress)
        rates.append(float((1 - holder.delta[0] / start[0]) / holder.decay))
        holder.delta.copy_(before)

    holder.step = spy  # type: ignore[method-assign]
    return rates


def broken_and_resumed(make: Callable[[], Any], watch: Callable[[Any], list[Any]]) -> list[Any]:
    """What is seen in a run that is cut off in step 16 and goes on behind its checkpoint at 10."""
    broken = make()
    before = watch(broken)
    StopAt(broken, 16)
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    resumed = make()
    after = watch(resumed)
    resumed.train(
        resume_from_checkpoint=str(last_complete_checkpoint(Path(broken.args.output_dir)))
    )
    return before[:10] + after


@pytest.mark.parametrize("parts", [1, 2])
def test_lambda_and_alpha_rise_over_the_first_tenth(tmp_path: Path, parts: int) -> None:
    changes = {"weighting": "fixed", "gradient_accumulation_steps": parts}
    trainer = build(tmp_path, **RUN, **changes)
    strengths, blends = seen_by_model(trainer, "strength"), seen_by_model(trainer, "blend")
    trainer.train()
    expected = np.repeat(EXPECTED, parts)
    np.testing.assert_allclose(strengths, 0.1 * expected, rtol=1e-12)
    np.testing.assert_allclose(blends, expected, rtol=1e-12)


def test_lambda_goes_on_where_a_run_is_resumed(tmp_path: Path) -> None:
    def make() -> IWDATrainer:
        return build(tmp_path, weighting="fixed", alignment_warmup=0.5, **RUN)

    strengths = broken_and_resumed(make, lambda trainer: seen_by_model(trainer, "strength"))
    expected = 0.1 * np.minimum(np.arange(STEPS) / 20, 1.0)
    np.testing.assert_allclose(strengths, expected, rtol=1e-12)


@pytest.mark.parametrize("parts", [1, 2])
def test_the_weights_rate_falls_to_zero(tmp_path: Path, parts: int) -> None:
    """METHOD, section 4: 5e-4 at the start, half of it half-way, once in an accumulated step."""
    changes = {"weighting": "online", "gradient_accumulation_steps": parts}
    trainer = build(tmp_path, estimate=known(np.ones(3)), **RUN, **changes)
    rates = weight_rates(trainer)
    trainer.train()
    np.testing.assert_allclose(rates, 5e-4 * (1 - np.arange(STEPS) / STEPS), rtol=1e-6)
    assert rates[20] == pytest.approx(2.5e-4, rel=1e-6)


def test_the_weights_rate_goes_on_where_a_run_is_resumed(tmp_path: Path) -> None:
    def make() -> IWDATrainer:
        return build(tmp_path, weighting="online", estimate=known(np.ones(3)), **RUN)

    rates = broken_and_resumed(make, weight_rates)
    np.testing.assert_allclose(rates, 5e-4 * (1 - np.arange(STEPS) / STEPS), rtol=1e-6)


def test_learning_rates_of_model_and_critic_fall_together(tmp_path: Path) -> None:
    trainer = build(tmp_path, weighting="fixed", **RUN)
    rates: list[list[float]] = []
    inner = trainer.batch_loss

    def spy(*args: Any) -> Any:
        rates.append([group["lr"] for group in trainer.optimizer.param_groups])
        return inner(*args)

    trainer.batch_loss = spy  # type: ignore[method-assign, assignment]
    trainer.train()
    share = [0, 0.25, 0.5, 0.75] + [(STEPS - step) / 36 for step in range(4, STEPS)]
    np.testing.assert_allclose(rates, np.outer(share, [1e-3, 1e-3, 5e-4]), rtol=1e-9)


@pytest.mark.parametrize("parts", [1, 2])
def test_four_critic_steps_then_one_of_the_model(tmp_path: Path, parts: int) -> None:
    """METHOD, section 3 (Table 5); the parts of an accumulated step have the same turn."""
    changes = {"n_critic": 4, "max_steps": 10, "gradient_accumulation_steps": parts}
    trainer = build(tmp_path, **{**RUN, **changes}, weighting="fixed")
    turns = seen_by_model(trainer, "turn")
    trainer.train()
    assert turns == list(np.repeat((["critic"] * 4 + ["model"]) * 2, parts))


def test_turns_go_on_where_a_run_is_resumed(tmp_path: Path) -> None:
    def make() -> IWDATrainer:
        return build(tmp_path, weighting="fixed", n_critic=3, **RUN)

    turns = broken_and_resumed(make, lambda trainer: seen_by_model(trainer, "turn"))
    assert turns == (["critic"] * 3 + ["model"]) * (STEPS // 4)


def test_each_side_rests_in_the_other_s_turn(tmp_path: Path) -> None:
    options = {"n_critic": 2, "warmup_steps": 0.0, "alignment_warmup": 0.0, "weighting": "fixed"}
    trainer = build(tmp_path, **{**RUN, "max_steps": 6, "num_train_epochs": 99}, **options)
    states = states_by_step(trainer)
    trainer.train()
    for step in range(6):
        before, after = states[step], states[step + 1]
        moved = {n.partition(".")[0] for n in after if not torch.equal(before[n], after[n])}
        assert moved == {"classifier" if step % 3 == 2 else "critic"}


def test_in_its_turn_the_model_works_against_the_critic_as_well(tmp_path: Path) -> None:
    """The classifier's gradient is that of simultaneous training on the same batch."""
    gradients = []
    trainer = build(tmp_path, weighting="fixed", dropout=0.0)
    batch = next(iter(trainer.get_train_dataloader()))
    for turn in ("model", "both"):
        trainer.model.zero_grad()
        torch.manual_seed(0)
        trainer.model(**batch, strength=0.5, blend=1.0, turn=turn)["loss"].backward()
        gradients.append({n: p.grad for n, p in trainer.model.named_parameters()})
    model, both = gradients
    for name, gradient in both.items():
        if name.startswith("critic."):
            assert model[name] is None
        elif gradient is not None:
            torch.testing.assert_close(model[name], gradient)


def test_figures_say_how_both_sides_fare_in_every_step(tmp_path: Path) -> None:
    trainer = build(tmp_path, **{**RUN, "max_steps": 5}, n_critic=4, weighting="fixed")
    trainer.train()
    for name in ("task_loss", "critic_loss", "penalty"):
        assert len(logged(trainer, name)) == 5
