"""Gradient reversal."""

from __future__ import annotations

import pytest
import torch

from isogloss.alignment.reversal import reverse


@pytest.mark.parametrize("strength", [0.0, 0.3, torch.tensor(0.3), torch.tensor(0.3).double()])
def test_values_pass_and_gradients_turn(strength: float | torch.Tensor) -> None:
    x = torch.randn(3, 2, requires_grad=True)
    factor = torch.randn(3, 2)
    reversed_x = reverse(x, strength)
    assert torch.equal(reversed_x, x)
    (reversed_x * factor).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.float32
    torch.testing.assert_close(x.grad, -float(strength) * factor)


def test_the_rows_themselves_are_not_changed() -> None:
    x = torch.randn(3, requires_grad=True)
    (x.sum() + reverse(x, 1.0).sum()).backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.zeros(3))
