"""How alignment is phased in."""

from __future__ import annotations

import pytest
import torch

from isogloss.alignment.schedule import applied_weights, ramp
from isogloss.errors import IsoglossError


def test_the_ramp_rises_over_the_first_tenth() -> None:
    assert [ramp(p) for p in (0.0, 0.05, 0.1, 0.5, 1.0)] == pytest.approx([0, 0.5, 1, 1, 1])
    assert ramp(0.25, warmup=0.5) == 0.5
    assert ramp(0.0, warmup=0.0) == 1.0


@pytest.mark.parametrize(("progress", "warmup"), [(-0.1, 0.1), (1.1, 0.1), (0.5, -1), (0.5, 2)])
def test_numbers_outside_are_refused(progress: float, warmup: float) -> None:
    with pytest.raises(IsoglossError, match="E407"):
        ramp(progress, warmup)


def test_weights_are_phased_in() -> None:
    weights = torch.tensor([0.0, 2.0])
    assert torch.equal(applied_weights(weights, 0.0), torch.ones(2))
    assert torch.equal(applied_weights(weights, 1.0), weights)
    assert torch.equal(applied_weights(weights, 0.5), torch.tensor([0.5, 1.5]))
