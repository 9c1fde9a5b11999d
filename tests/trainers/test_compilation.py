"""The compiled critic: same training, same checkpoints, and plain where there is no compiler."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.errors import IsoglossWarning
from isogloss.trainers import compilation
from isogloss.trainers.checkpoints import last_complete_checkpoint
from isogloss.trainers.iwda import IWDATrainer
from tests.trainers.common import STEPS, StopAt, assert_close_states, logged, same, state
from tests.trainers.test_iwda import build

WEIGHTS = np.array([2.0, 0.7, 0.3])


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[Callable[..., Any]]:
    """What was compiled, by all of torch's compiler but the last part, which takes long."""
    seen: list[Callable[..., Any]] = []

    def compile_function(function: Callable[..., Any]) -> Callable[..., Any]:
        seen.append(function)
        compiled: Callable[..., Any] = torch.compile(function, dynamic=False, backend="aot_eager")
        return compiled

    monkeypatch.setattr(compilation, "compile_function", compile_function)
    torch._dynamo.reset()
    return seen


def train(folder: Path, choice: str, **changes: Any) -> IWDATrainer:
    options = {"weighting": "fixed", "weights": WEIGHTS, "alignment_strength": 0.5, **changes}
    trainer = build(folder, compile_critic=choice, **options)
    trainer.train()
    return trainer


def assert_same_training(one: IWDATrainer, other: IWDATrainer) -> None:
    for name in ("loss", "critic_loss", "penalty"):
        np.testing.assert_allclose(logged(one, name), logged(other, name), atol=1e-5)
    assert_close_states(state(one), state(other), atol=1e-5)


@pytest.mark.parametrize("changes", [{"critic": "wasserstein", "n_critic": 2}, {"critic": "jsd"}])
def test_compiled_training_is_the_same(
    tmp_path: Path, traced: list[Any], changes: dict[str, Any]
) -> None:
    """Dropout and the penalty's random pairs and points included."""
    plain = train(tmp_path / "plain", "never", **changes)
    assert not traced
    compiled = train(tmp_path / "compiled", "always", **changes)
    assert len(traced) == 1
    assert_same_training(plain, compiled)


@pytest.mark.parametrize("choices", [("always", "never"), ("never", "always")])
def test_checkpoints_are_the_same_with_and_without(
    tmp_path: Path, traced: list[Any], choices: tuple[str, str]
) -> None:
    unbroken = train(tmp_path / "a", "never")
    options = {"weighting": "fixed", "weights": WEIGHTS, "alignment_strength": 0.5}
    broken = build(tmp_path / "b", compile_critic=choices[0], **options)
    StopAt(broken, 3)
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    resumed = build(tmp_path / "b", compile_critic=choices[1], **options)
    resumed.train(resume_from_checkpoint=str(last_complete_checkpoint(tmp_path / "b")))
    assert len(traced) == 1
    assert_close_states(state(unbroken), state(resumed), atol=1e-5)


def test_auto_leaves_a_cpu_alone(tmp_path: Path, traced: list[Any]) -> None:
    train(tmp_path, "auto", max_steps=1)
    assert not traced


def test_without_a_compiler_the_same_numbers_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_compiler(*given: Any) -> Any:
        raise RuntimeError("there is no C++ compiler")

    def compile_function(function: Callable[..., Any]) -> Any:
        return torch.compile(function, backend=no_compiler)

    monkeypatch.setattr(compilation, "compile_function", compile_function)
    with pytest.warns(IsoglossWarning, match="W524: .*there is no C\\+\\+ compiler") as caught:
        trainer = train(tmp_path / "a", "always")
    assert len([w for w in caught if "W524" in str(w.message)]) == 1
    assert trainer.state.global_step == STEPS
    assert same(state(trainer), state(train(tmp_path / "b", "never")))


def test_errors_of_the_computation_are_not_taken_for_the_compilers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compile_function(function: Callable[..., Any]) -> Any:
        def run(*args: Any, **options: Any) -> Any:
            raise RuntimeError("out of memory")

        return run

    monkeypatch.setattr(compilation, "compile_function", compile_function)
    with pytest.raises(RuntimeError, match="out of memory"):
        train(tmp_path, "always")


@pytest.mark.parametrize("varying", [{"token": True}, {"tokens_per_batch": 64}])
def test_rows_that_vary_in_number_are_not_compiled(
    tmp_path: Path, traced: list[Any], varying: dict[str, Any]
) -> None:
    with pytest.warns(IsoglossWarning, match="W524: .*vary in their rows"):
        train(tmp_path, "always", max_steps=1, **varying)
    with warnings.catch_warnings():
        warnings.simplefilter("error", IsoglossWarning)
        train(tmp_path, "auto", max_steps=1, **varying)
    assert not traced


@pytest.mark.slow
def test_as_torch_compiles_it(tmp_path: Path) -> None:
    """With the compiler of this machine, where there is one."""
    torch._dynamo.reset()
    with warnings.catch_warnings(record=True) as caught:
        compiled = train(tmp_path / "compiled", "always")
    if any("W524" in str(warning.message) for warning in caught):
        pytest.skip("there is no compiler")
    assert_same_training(train(tmp_path / "plain", "never"), compiled)
