from __future__ import annotations

from typing import Any

import pytest

from isogloss.errors import IsoglossError
from isogloss.trainers.distillation_config import DistillationConfig


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("distillation_loss", "cosine", "E510"),
        ("domains", "source", "E510"),
        ("temperature", 0.0, "E511"),
        ("source_loss_weight", -0.1, "E511"),
        ("frozen_layers", -1, "E511"),
    ],
)
def test_wrong_settings_are_named(name: str, value: Any, code: str) -> None:
    with pytest.raises(IsoglossError) as caught:
        DistillationConfig(**{name: value})
    assert caught.value.code == code
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("domains", "weight", "uses"),
    [("both", 0.0, True), ("both", 0.1, True), ("target", 0.1, True), ("target", 0.0, False)],
)
def test_source_texts_are_used_where_anything_is_learnt_from_them(
    domains: str, weight: float, uses: bool
) -> None:
    config = DistillationConfig(domains=domains, source_loss_weight=weight)
    assert config.uses_source == uses
