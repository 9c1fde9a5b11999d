"""Settings of alignment that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from isogloss.errors import IsoglossError
from isogloss.trainers.config import IWDAConfig


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("penalty_pairing", "sorted", "E510"),
        ("conditioning", "dann", "E510"),
        ("critic", "kl", "E510"),
        ("compile_critic", True, "E510"),
        ("conditioning_size", 0, "E511"),
        ("weighting", "guess", "E510"),
        ("weight_projection", "none", "E510"),
        ("n_critic", 0, "E511"),
        ("critic_width", 0, "E511"),
        ("weight_refreshes", 0, "E511"),
        ("weight_sample", 0, "E511"),
    ],
)
def test_wrong_settings_are_named(name: str, value: Any, code: str) -> None:
    with pytest.raises(IsoglossError) as caught:
        IWDAConfig(**{name: value})
    assert caught.value.code == code
    assert name in str(caught.value)
