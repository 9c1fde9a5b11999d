"""What has a path of its own on an accelerator, against the plain path there and on the CPU.

    python -m pytest -m gpu tests/gpu

Tolerances are wider than on a CPU, since sums there are taken in no fixed order.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import tests.trainers
from isogloss.errors import IsoglossError
from isogloss.labels import LabelMap
from isogloss.models import attention as attention_module
from isogloss.models.attention import NAME
from isogloss.models.export import export
from isogloss.models.fast import make_fast
from isogloss.models.features import FeatureClassifier
from isogloss.models.loading import load_classifier
from isogloss.models.trimming import trim_vocabulary
from isogloss.trainers import compilation
from isogloss.trainers.checkpoints import last_complete_checkpoint
from isogloss.trainers.rows import collect_rows
from tests.helpers.models import ARCHITECTURES, random_batch, tiny_model, tiny_tokenizer
from tests.helpers.rows import PAD, encoded
from tests.trainers.common import StopAt, TrainerTester, assert_close_states, classifier, state
from tests.trainers.test_fast_path import (
    LOSSES,
    assert_same,
    attention,
    everything,
    pooled,
    train,
    trim,
    used_ids,
)

DEVICE = "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
ON_DEVICE: dict[str, Any] = {"use_cpu": False, "compile_critic": "never"}
# Of losses of about 1, after 50 steps.
ROUNDING = 1e-3

Losses = dict[str, np.ndarray]


def all_testers() -> list[type[TrainerTester]]:
    """The test class of every kind of trainer; each knows how to build one."""
    found: dict[str, type[TrainerTester]] = {}
    for module in pkgutil.iter_modules(tests.trainers.__path__):
        members = vars(importlib.import_module(f"tests.trainers.{module.name}"))
        for name, value in members.items():
            if inspect.isclass(value) and issubclass(value, TrainerTester):
                found |= {name: value} if name.startswith("Test") else {}
    return list(found.values())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Losses:
    """Eager attention, a whole embedding, no dropout, on the device."""
    return train(tmp_path_factory.mktemp("plain"), attention("eager"), **ON_DEVICE)


def test_device_and_cpu_agree(tmp_path: Path, plain: Losses) -> None:
    assert_same(train(tmp_path, attention("eager")), plain, ROUNDING)


def test_training_attention_is_the_fused_one(
    tmp_path: Path, plain: Losses, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[bool] = []
    inner = attention_module.sdpa_attention_forward

    def counted(*args: Any, **options: Any) -> Any:
        calls.append(args[1].requires_grad)
        return inner(*args, **options)

    monkeypatch.setattr(attention_module, "sdpa_attention_forward", counted)
    assert_same(train(tmp_path, attention(NAME), **ON_DEVICE), plain, ROUNDING)
    assert any(calls)


def test_trimmed_embedding(tmp_path: Path, plain: Losses) -> None:
    def change(model: FeatureClassifier) -> None:
        attention("eager")(model)
        trim(model)

    assert_same(train(tmp_path, change, **ON_DEVICE), plain, ROUNDING)


def test_fused_optimizer(tmp_path: Path, plain: Losses) -> None:
    slow = train(tmp_path, attention("eager"), optim="adamw_torch", **ON_DEVICE)
    assert_same(slow, plain, ROUNDING)


@pytest.mark.parametrize("options", [{"recompute_tokens": 40}, {"gradient_checkpointing": True}])
def test_recomputation(tmp_path: Path, options: dict[str, Any]) -> None:
    """Dropout draws from the device's generator there, which must be wound back."""
    common = {"dropout": 0.1, **ON_DEVICE}
    kept = train(tmp_path / "a", pooled, recompute_tokens=0, **common)
    assert_same(train(tmp_path / "b", pooled, **common, **options), kept, ROUNDING)


def test_all_parts_together(tmp_path: Path, plain: Losses) -> None:
    assert_same(train(tmp_path, everything, recompute_tokens=40, **ON_DEVICE), plain, ROUNDING)


def test_bf16_follows_fp32(tmp_path: Path, plain: Losses) -> None:
    mixed = train(tmp_path, everything, bf16=True, **ON_DEVICE)
    for name in LOSSES:
        apart = np.abs(mixed[name] - plain[name])
        assert 0 < apart.max() < 0.15
        assert apart.mean() < 0.02


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("critic", ["wasserstein", "jsd"])
def test_compiled_critic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, critic: str, bf16: bool
) -> None:
    """With dropout and the penalty's random points; "auto" is for devices like this one."""
    seen: list[Callable[..., Any]] = []
    inner = compilation.compile_function

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        seen.append(function)
        return inner(function)

    monkeypatch.setattr(compilation, "compile_function", counted)
    options = {"dropout": 0.1, "critic": critic, "bf16": bf16, "use_cpu": False}
    launched = train(tmp_path / "a", pooled, **options, compile_critic="never")
    assert not seen
    compiled = train(tmp_path / "b", pooled, **options, compile_critic="auto")
    assert len(seen) == 1
    assert_same(compiled, launched, 0.05 if bf16 else ROUNDING)


@pytest.mark.parametrize("token", [False, True])
@pytest.mark.parametrize("tester", all_testers(), ids=lambda tester: tester.__name__)
def test_every_trainer_runs_on_the_device(
    tmp_path: Path, tester: type[TrainerTester], token: bool
) -> None:
    trainer = tester().build(tmp_path, token=token, use_cpu=False)
    before = state(trainer)
    trainer.train()
    after = trainer.model.state_dict()
    assert {value.device.type for value in after.values()} == {DEVICE}
    assert any(not torch.equal(before[name].cpu(), after[name].cpu()) for name in after)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("weighting", ["held-out", "online"])
def test_class_weights_keep_their_precision(tmp_path: Path, weighting: str) -> None:
    from tests.trainers.test_iwda import build

    trainer = build(tmp_path, weighting=weighting, use_cpu=False, bf16=True)
    trainer.train()
    holder = trainer.model.weights
    assert holder.weights.device.type == DEVICE
    assert holder.weights.dtype == torch.float64
    assert float(holder.prior @ holder.weights) == pytest.approx(1.0, abs=1e-9)


def test_resumed_equals_unbroken(tmp_path: Path) -> None:
    from tests.trainers.test_iwda import build

    unbroken = build(tmp_path / "a", use_cpu=False)
    unbroken.train()
    broken = build(tmp_path / "b", use_cpu=False)
    StopAt(broken, 3)
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    resumed = build(tmp_path / "b", use_cpu=False)
    resumed.train(resume_from_checkpoint=str(last_complete_checkpoint(tmp_path / "b")))
    assert_close_states(state(unbroken), state(resumed), atol=ROUNDING)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_do_not_change_under_recomputation(architecture: str) -> None:
    from isogloss.trainers.recomputation import Recomputation
    from tests.trainers.test_recomputation import gradients

    model = FeatureClassifier(tiny_model(architecture)).train().to(DEVICE)
    pooled(model)
    batch = {name: value.to(DEVICE) for name, value in random_batch(rows=4, length=10).items()}
    plain = gradients(model, batch)
    assert Recomputation(model, 0, always=True).prepare(batch["input_ids"]) > 0
    for one, other in zip(plain, gradients(model, batch), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("token", [False, True])
def test_collected_rows_are_those_of_the_cpu(token: bool) -> None:
    model, dataset = classifier(token=token), encoded(30, seed=4, token_task=token)
    make_fast(model, np.unique(np.concatenate(dataset["input_ids"])))
    expected = collect_rows(model, dataset, pad_token_id=PAD, features=True)
    model.to(DEVICE)
    found = collect_rows(model, dataset, pad_token_id=PAD, features=True)
    rough = collect_rows(model, dataset, pad_token_id=PAD, precision="bf16")
    for rows, atol in ((found, 1e-4), (rough, 0.1)):
        np.testing.assert_allclose(rows.logits, expected.logits, atol=atol, rtol=0)
        np.testing.assert_array_equal(rows.labels, expected.labels)
        np.testing.assert_array_equal(rows.examples, expected.examples)
    np.testing.assert_allclose(found.features, expected.features, atol=1e-4, rtol=0)


def test_piece_that_was_trimmed_away_is_named() -> None:
    """A lookup outside the table would end the process's use of the device."""
    model = classifier()
    trim_vocabulary(model, used_ids())
    model.to(DEVICE)
    unknown = next(i for i in range(127) if i not in used_ids() and i > 4)
    ids = torch.tensor([[2, unknown, 3]], device=DEVICE)
    with pytest.raises(IsoglossError, match=f"E340: Token id {unknown} is outside"):
        model.encoder(input_ids=ids)


def test_export_from_the_device(tmp_path: Path) -> None:
    model = classifier().eval()
    trimmed = make_fast(model, used_ids())
    assert trimmed is not None
    model.to(DEVICE)
    with torch.no_grad():
        trimmed.embedding.weight.add_(0.01)
    place = export(
        model, tiny_tokenizer(), tmp_path / "model", card=None, full_embedding=trimmed.full_table()
    )
    labels = LabelMap(("LABEL_0", "LABEL_1", "LABEL_2"))
    loaded = load_classifier(place, kind="sequence", labels=labels, pooling="cls", seed=0)
    dataset = encoded(10, seed=1)
    expected = collect_rows(model, dataset, pad_token_id=PAD)
    found = collect_rows(loaded, dataset, pad_token_id=PAD)
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-4, rtol=0)
    trimmed.restore()
    whole = model.encoder.get_input_embeddings()
    assert isinstance(whole, nn.Embedding)
    assert whole.weight.device.type == DEVICE
