"""Two processes train as one does with batches twice as large."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.data.pairing import BucketBatchSampler, PairedBatchSampler
from isogloss.errors import IsoglossError
from isogloss.trainers.checkpoints import last_complete_checkpoint
from isogloss.trainers.processes import OwnShare, agree_on, gather_rows, mean_figures
from tests.helpers.processes import together
from tests.trainers import (
    test_distillation,
    test_finetune,
    test_iwda,
    test_keung,
    test_selftraining,
)
from tests.trainers.common import encoder_of

# Steps of Adam make this of the rounding errors of sums in another order.
TOLERANCE = 2e-4
PLAIN: dict[str, Any] = {"dropout": 0.0, "max_steps": 3, "average_snapshots": 0}
# Points of the penalty are drawn at random, by each process for its own rows.
ALIGNED: dict[str, Any] = {"gradient_penalty": 0.0, "compile_critic": "never"}


def finetune(folder: Path, **options: Any) -> Any:
    return test_finetune.TestFinetuneTrainer().build(folder, **options)


def iwda(folder: Path, **options: Any) -> Any:
    return test_iwda.build(folder, **{**ALIGNED, **options})


CASES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "fine-tuning": (finetune, {}),
    "fine-tuning, words": (finetune, {"token": True}),
    "fine-tuning, tokens": (finetune, {"tokens_per_batch": 40}),
    "fine-tuning, balanced": (finetune, {"sampling": "balanced"}),
    "iwda, held-out": (iwda, {"weighting": "held-out"}),
    "iwda, held-out, words": (iwda, {"weighting": "held-out", "token": True}),
    "iwda, interval": (iwda, {"weighting": "interval"}),
    "iwda, interval, words": (iwda, {"weighting": "interval", "token": True}),
    "iwda, online": (iwda, {"weighting": "online", "weight_learning_rate": 1.0}),
    "iwda, online, words": (
        iwda,
        {"weighting": "online", "weight_learning_rate": 1.0, "token": True},
    ),
    "iwda, alternating": (iwda, {"weighting": "interval", "n_critic": 3}),
    "iwda, jsd": (iwda, {"weighting": "held-out", "critic": "jsd"}),
    "iwda, balanced": (iwda, {"weighting": "held-out", "sampling": "balanced"}),
    "iwda, accumulated": (iwda, {"weighting": "online", "gradient_accumulation_steps": 2}),
    "keung": (test_keung.build, {}),
    "keung, words": (test_keung.build, {"token": True}),
    "self-training": (test_selftraining.build, {}),
    "self-training, by prior": (test_selftraining.build, {"selection": "prior", "token": True}),
    "distillation": (test_distillation.build, {}),
    "distillation, words": (test_distillation.build, {"token": True}),
}
QUICK = ("fine-tuning, words", "iwda, online, words")


def trained(name: str, folder: Path, size: int, stop: int | None = None, **more: Any) -> Any:
    """Train a case, with batches of `size`; says what there is to compare."""
    torch.set_num_threads(1)
    build, options = CASES[name]
    options = {"save_strategy": "no", **PLAIN, **options, **more}
    if "tokens_per_batch" in options:
        options["tokens_per_batch"] *= size // 4
    trainer = build(folder, per_device_train_batch_size=size, **options)
    checkpoint = last_complete_checkpoint(folder) if stop is None else None
    if stop is not None:
        trainer.args.max_steps, trainer.args.save_steps = options["max_steps"], stop
        inner = trainer.batch_loss

        def until(*args: Any, **kwargs: Any) -> Any:
            if trainer.state.global_step == stop:
                raise KeyboardInterrupt
            return inner(*args, **kwargs)

        trainer.batch_loss = until
    try:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    except KeyboardInterrupt:
        return None
    skipped = ("epoch", "step", "train_runtime", "grad_norm", "total_flos")
    log = [
        {n: v for n, v in entry.items() if n not in skipped}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]
    model = trainer.model
    weights = None if model is encoder_of(trainer) else getattr(model, "weights", None)
    return {
        "log": log,
        "state": {n: v.numpy().copy() for n, v in encoder_of(trainer).state_dict().items()},
        "weights": None if weights is None else weights.weights.numpy().copy(),
    }


def assert_alike(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert len(one["log"]) == len(other["log"]) > 0
    for mine, theirs in zip(one["log"], other["log"], strict=True):
        assert mine.keys() == theirs.keys()
        for name in mine:
            assert mine[name] == pytest.approx(theirs[name], abs=TOLERANCE), name
    if one["weights"] is not None:
        np.testing.assert_allclose(one["weights"], other["weights"], atol=TOLERANCE)
    for name, value in one["state"].items():
        # By symmetry its gradient is nothing but rounding, of which Adam makes steps.
        if not name.endswith("key.bias"):
            np.testing.assert_allclose(value, other["state"][name], atol=TOLERANCE, err_msg=name)


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in CASES]
)
def test_two_processes_are_one_with_twice_the_batch(tmp_path: Path, name: str) -> None:
    alone = trained(name, tmp_path / "alone", 8)
    first, second = together(tmp_path / "found", 2, trained, name, tmp_path / "two", 4)
    assert_alike(first, alone)
    # The two of them to the last bit, class weights and all.
    for part in ("state", "weights"):
        np.testing.assert_equal(second[part], first[part])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iwda, online", "iwda, balanced", "self-training"])
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_a_run_goes_on_with_another_number_of_processes(
    tmp_path: Path, name: str, before: int, after: int
) -> None:
    more = {"max_steps": 4, "save_strategy": "steps", "save_steps": 2}
    alone = trained(name, tmp_path / "alone", 8, **more)
    for number, stop in ((before, 2), (after, None)):
        arguments = name, tmp_path / "run", 8 // number, stop
        found = together(tmp_path / f"found{number}", number, _trained, more, *arguments)
        if stop:
            checkpoints = [p.name for p in (tmp_path / "run").iterdir()]
            assert checkpoints == ["checkpoint-2"]
    # What was logged before the interruption is in the checkpoint.
    assert_alike(found[0], alone)


def _trained(more: dict[str, Any], *arguments: Any) -> Any:
    return trained(*arguments, **more)


def test_files_are_written_once(tmp_path: Path) -> None:
    more = {"max_steps": 2, "save_strategy": "steps", "save_steps": 2, "average_snapshots": 2}
    together(tmp_path / "found", 2, _trained, more, "iwda, online", tmp_path / "run", 4)
    names = sorted(p.name for p in (tmp_path / "run" / "checkpoint-2").iterdir())
    assert names.count("complete.json") == names.count("model.safetensors") == 1
    # One of each process alone: its random state.
    assert {n for n in names if "1" in n} == {"rng_state_1.pth"}


def diverged(folder: Path) -> str:
    """Train with one process's loss turned to infinity at the second step."""
    torch.set_num_threads(1)
    trainer = finetune(folder, save_strategy="no", **PLAIN)
    inner, spoiled = trainer.batch_loss, trainer.accelerator.process_index == 1

    def loss(*args: Any, **kwargs: Any) -> Any:
        found = inner(*args, **kwargs)
        return found * float("inf") if spoiled and trainer.state.global_step == 1 else found

    trainer.batch_loss = loss
    with pytest.raises(IsoglossError) as caught:
        trainer.train()
    return str(caught.value)


def test_all_processes_stop_where_one_diverges(tmp_path: Path) -> None:
    one, other = together(tmp_path / "found", 2, diverged, tmp_path)
    assert one == other
    assert one.startswith("E501")
    assert one.partition("rows ")[2].partition(")")[0].count(",") == 7


def exchanged() -> Any:
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    index = accelerator.process_index
    rows = torch.arange(2 * (1 + 2 * index)).reshape(-1, 2) + 10 * index
    return (
        gather_rows(accelerator, rows).tolist(),
        agree_on(accelerator, {"from": index}),
        mean_figures(accelerator, {"b": 1.0 + index, "a": 4.0}),
    )


def test_what_processes_tell_one_another(tmp_path: Path) -> None:
    found = together(tmp_path, 2, exchanged)
    assert found[0] == found[1]
    rows, agreed, figures = found[0]
    assert rows == [[0, 1], [10, 11], [12, 13], [14, 15]]
    assert agreed == {"from": 0}
    assert figures == {"a": 4.0, "b": 1.5}


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("paired", [False, True])
def test_the_shares_of_all_processes_are_the_batches(processes: int, paired: bool) -> None:
    lengths = np.arange(25) % 7 + 1
    whole: Any = (
        PairedBatchSampler(lengths, lengths[:11], batch_size=6, seed=0)
        if paired
        else BucketBatchSampler(lengths, batch_size=6, seed=0)
    )
    boundary = len(lengths) if paired else None
    shares = [
        OwnShare(whole, processes=processes, index=i, boundary=boundary) for i in range(processes)
    ]
    for epoch in (0, 1):
        for sampler in shares:
            sampler.set_epoch(epoch)
        batches = [list(sampler) for sampler in shares]
        whole.set_epoch(epoch)
        for batch, *parts in zip(whole, *batches, strict=True):
            sizes = [len(part) for part in parts]
            assert max(sizes) - min(sizes) <= 1 + paired
            assert min(sizes) > 0
            dealt = [i for part in parts for i in part]
            # A process that had nothing repeats an example.
            assert set(dealt) == set(batch)
            assert sorted(dealt) == sorted(batch) or len(batch) < processes
