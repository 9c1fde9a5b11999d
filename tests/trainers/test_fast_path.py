"""Each part of the fast path against the plain one: the losses of 50 steps.

Elsewhere are the penalty in closed form against a double backward pass
(`tests/alignment/test_penalty.py`), the distribution of pooled dropout
(`tests/models/test_dropout.py`), gradients under recomputation by architecture
(`tests/trainers/test_recomputation.py`) and the compiled critic
(`tests/trainers/test_compilation.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isogloss.models.attention import NAME
from isogloss.models.fast import make_fast
from isogloss.models.features import FeatureClassifier, Rows
from isogloss.models.trimming import trim_vocabulary
from isogloss.trainers.config import IWDAConfig
from isogloss.trainers.iwda import IWDATrainer
from tests.helpers.rows import PAD, encoded
from tests.trainers.common import classifier, logged

STEPS = 50
LOSSES = ("loss", "task_loss", "critic_loss", "penalty")
# Rounding errors of single precision, grown over the steps; the losses themselves are about 1.
ROUNDING = 2e-5

Change = Callable[[FeatureClassifier], Any]


def train(folder: Path, change: Change | None = None, **options: Any) -> dict[str, np.ndarray]:
    """The losses by step of an alignment under weights, after `change` was made to the model."""
    model = classifier(token=options.pop("token", False), dropout=options.pop("dropout", 0.0))
    if change is not None:
        change(model)
    around = options.pop("around", None)
    trainer = IWDATrainer(model, arguments(folder, **options), **data(is_token=model.is_token))
    if around is not None:
        around(trainer)
    trainer.train()
    losses = {name: np.array(logged(trainer, name)) for name in LOSSES}
    assert all(len(values) == STEPS for values in losses.values())
    return losses


def arguments(folder: Path, **options: Any) -> IWDAConfig:
    chosen = {
        "output_dir": str(folder),
        "use_cpu": True,
        "max_steps": STEPS,
        "per_device_train_batch_size": 4,
        "learning_rate": 5e-4,
        "save_strategy": "no",
        "logging_steps": 1,
        "seed": 3,
        "critic_width": 16,
        "weighting": "fixed",
        "alignment_strength": 0.1,
    }
    return IWDAConfig(**{**chosen, **options})


def data(*, is_token: bool) -> dict[str, Any]:
    target = encoded(28, seed=2, token_task=is_token, prior=[0.7, 0.2, 0.1], shift=1)
    return {
        "source": encoded(32, seed=1, token_task=is_token),
        "target": target,
        "source_prior": np.full(3, 1 / 3),
        "weights": np.array([2.1, 0.6, 0.3]),
        "pad_token_id": PAD,
    }


def assert_same(
    one: dict[str, np.ndarray], other: dict[str, np.ndarray], atol: float = ROUNDING
) -> None:
    for name in LOSSES:
        np.testing.assert_allclose(one[name], other[name], atol=atol, rtol=0, err_msg=name)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Eager attention, a whole embedding, no dropout."""
    return train(tmp_path_factory.mktemp("plain"), attention("eager"))


def attention(name: str) -> Change:
    return lambda model: model.model.set_attn_implementation(name)


def used_ids() -> np.ndarray:
    sides = (data(is_token=False)[side] for side in ("source", "target"))
    return np.unique(np.concatenate([np.concatenate(side["input_ids"]) for side in sides]))


def trim(model: FeatureClassifier) -> None:
    trimmed = trim_vocabulary(model, used_ids())
    assert len(trimmed.kept) < trimmed.embedding.num_embeddings


def two_passes(trainer: IWDATrainer) -> None:
    """Have the encoder see the source and the target one after the other."""
    model = trainer.model.classifier
    together = model.forward

    def apart(*, active_rows: torch.Tensor, active_positions: torch.Tensor, **inputs: Any) -> Rows:
        texts = len(inputs["input_ids"])
        sides = []
        for first, last in ((0, texts // 2), (texts // 2, texts)):
            own = (active_rows >= first) & (active_rows < last)
            side = {name: value[first:last] for name, value in inputs.items()}
            where = {"active_rows": active_rows[own] - first}
            sides.append(together(**side, **where, active_positions=active_positions[own]))
        return Rows(*(torch.cat(parts) for parts in zip(*sides, strict=True)))

    model.forward = apart  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("name", [NAME, "sdpa"])
def test_attention(tmp_path: Path, plain: dict[str, np.ndarray], name: str) -> None:
    assert_same(train(tmp_path, attention(name)), plain)


def test_trimmed_embedding(tmp_path: Path) -> None:
    """With torch's dropout, whose masks are those of the whole embedding."""
    whole = train(tmp_path / "a", dropout=0.1)
    assert_same(train(tmp_path / "b", trim, dropout=0.1), whole)


def pooled(model: FeatureClassifier) -> None:
    make_fast(model, None)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """With pooled dropout and the attention that goes with it, all activations kept."""
    return train(tmp_path_factory.mktemp("kept"), pooled, dropout=0.1, recompute_tokens=0)


@pytest.mark.parametrize("options", [{"recompute_tokens": 40}, {"gradient_checkpointing": True}])
def test_recomputation(
    tmp_path: Path, kept: dict[str, np.ndarray], options: dict[str, Any]
) -> None:
    """Dropout must fall alike when a layer is computed again."""
    assert_same(train(tmp_path, pooled, dropout=0.1, **options), kept)


@pytest.mark.parametrize("token", [False, True])
def test_one_pass_for_both_sides(tmp_path: Path, token: bool) -> None:
    apart = train(tmp_path / "a", token=token, around=two_passes)
    assert_same(train(tmp_path / "b", token=token), apart)


def test_fused_optimizer(tmp_path: Path, plain: dict[str, np.ndarray]) -> None:
    assert arguments(tmp_path).optim == "adamw_torch_fused"
    assert_same(train(tmp_path, attention("eager"), optim="adamw_torch"), plain)


def everything(model: FeatureClassifier) -> None:
    make_fast(model, used_ids())


def test_all_parts_together(tmp_path: Path, plain: dict[str, np.ndarray]) -> None:
    """As a run has them, but for dropout and bf16."""
    assert_same(train(tmp_path, everything, recompute_tokens=40), plain)


def test_bf16_follows_fp32(tmp_path: Path, plain: dict[str, np.ndarray]) -> None:
    """Eight bits of mantissa in the matrix products; weights, sums and losses in fp32."""
    mixed = train(tmp_path, everything, bf16=True)
    for name in LOSSES:
        apart = np.abs(mixed[name] - plain[name])
        assert apart.max() > 0
        assert apart.max() < 0.15
        assert apart.mean() < 0.02


def test_losses_would_show_a_difference(tmp_path: Path, plain: dict[str, np.ndarray]) -> None:
    """A learning rate two percent higher is beyond every tolerance above but that of bf16."""
    other = train(tmp_path, attention("eager"), learning_rate=5.1e-4)
    assert np.abs(other["task_loss"] - plain["task_loss"]).max() > 3 * ROUNDING
