"""The memory benchmark builds what its rows say."""

from __future__ import annotations

from argparse import Namespace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from isogloss.models.features import FeatureClassifier
from isogloss.models.trimming import TrimmedEmbedding
from tests.helpers.models import tiny_model

OPTIONS = Namespace(steps=2, precision="fp32")


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, on a tiny encoder."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    module = import_module("memory")
    monkeypatch.setattr(module, "PIECES", 60)
    monkeypatch.setattr(module, "make_classifier", lambda _: FeatureClassifier(tiny_model("bert")))
    return module


@pytest.mark.parametrize("stage", ["iwda", "finetune"])
@pytest.mark.parametrize(("recompute", "recomputed"), [("none", 0), ("default", 0), ("all", 2)])
def test_a_row_trains_what_it_says(
    memory: Any, tmp_path: Path, stage: str, recompute: str, recomputed: int
) -> None:
    options = {"stage": stage, "recompute": recompute, "trim": stage == "iwda", "parts": 2}
    setting = memory.Setting(encoder="mbert", length=16, **options)
    trainer = memory.make_trainer(setting, OPTIONS, tmp_path)
    texts = []
    inner = trainer.batch_loss

    def spy(model: Any, inputs: Any, rows: Any) -> Any:
        texts.append(tuple(inputs["input_ids"].shape))
        return inner(model, inputs, rows)

    trainer.batch_loss = spy
    trainer.train()
    assert texts == [(16, 16)] * 4
    encoder = next(m for m in trainer.model.modules() if isinstance(m, FeatureClassifier)).encoder
    layers = encoder.encoder.layer
    assert sum(layer.gradient_checkpointing for layer in layers) == recomputed
    trimmed = isinstance(encoder.get_input_embeddings(), TrimmedEmbedding)
    assert trimmed == setting.trim


def test_table_has_a_row_for_every_setting(memory: Any) -> None:
    figures = {"precision": "bf16", "weights": 5e8, "peak": 2.25e9, "seconds": 1.5}
    rows = [vars(setting) | figures for setting in memory.SETTINGS]
    lines = memory.table(rows).splitlines()
    assert len(lines) == 2 + len(set(memory.SETTINGS))
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    assert lines[2].endswith("| 16 + 16 | bf16 | 0.50 | 2.25 |")
