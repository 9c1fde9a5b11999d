"""The critic's objective."""

from __future__ import annotations

import pytest
import torch

from isogloss.alignment.losses import wasserstein
from isogloss.errors import IsoglossError

SOURCE = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
TARGET = torch.tensor([3.0, 5.0], dtype=torch.float64)
WEIGHTS = torch.tensor([0.5, 2.0, 0.1], dtype=torch.float64)


def test_both_forms_by_hand() -> None:
    weighted = 0.5 + 4.0 + 0.4
    assert wasserstein(SOURCE, TARGET, WEIGHTS, normalize=True).item() == pytest.approx(
        4.0 - weighted / 2.6
    )
    assert wasserstein(SOURCE, TARGET, WEIGHTS, normalize=False).item() == pytest.approx(
        4.0 - weighted / 3
    )


def test_a_constant_added_to_the_critic_changes_nothing() -> None:
    """Fault 10: true of the normalised form alone."""
    plain = wasserstein(SOURCE, TARGET, WEIGHTS, normalize=True)
    moved = wasserstein(SOURCE + 100, TARGET + 100, WEIGHTS, normalize=True)
    torch.testing.assert_close(plain, moved)
    plain = wasserstein(SOURCE, TARGET, WEIGHTS, normalize=False)
    moved = wasserstein(SOURCE + 100, TARGET + 100, WEIGHTS, normalize=False)
    assert abs(float(plain - moved)) > 10


def test_weights_of_one_make_both_forms_equal() -> None:
    ones = torch.ones(3)
    torch.testing.assert_close(
        wasserstein(SOURCE, TARGET, ones, normalize=True),
        wasserstein(SOURCE, TARGET, ones, normalize=False),
    )


def test_weights_carry_no_gradient() -> None:
    scores, weights = SOURCE.clone().requires_grad_(), WEIGHTS.clone().requires_grad_()
    wasserstein(scores, TARGET, weights).backward()
    assert weights.grad is None
    assert scores.grad is not None
    torch.testing.assert_close(scores.grad, -WEIGHTS / WEIGHTS.sum())


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize(("num_source", "num_target"), [(0, 2), (3, 0), (0, 0)])
def test_a_side_without_rows_gives_zero(normalize: bool, num_source: int, num_target: int) -> None:
    source = torch.randn(num_source, requires_grad=True)
    target = torch.randn(num_target, requires_grad=True)
    loss = wasserstein(source, target, torch.ones(num_source), normalize=normalize)
    loss.backward()
    assert loss.item() == 0.0
    for side in (source, target):
        assert side.grad is None or not side.grad.any()


def test_source_rows_of_no_weight_give_zero() -> None:
    source, target = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
    loss = wasserstein(source, target, torch.zeros(3), normalize=True)
    loss.backward()
    assert loss.item() == 0.0
    assert source.grad is not None
    assert torch.equal(source.grad, torch.zeros(3))
    assert target.grad is not None
    assert torch.equal(target.grad, torch.zeros(3))


def test_half_precision_scores_are_averaged_in_single() -> None:
    scores = torch.full((1000,), 1.0, dtype=torch.bfloat16)
    loss = wasserstein(scores, scores[:1], torch.ones(1000, dtype=torch.float64))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("weights", [torch.ones(2), torch.ones(3, 1)])
def test_weights_of_other_rows_are_refused(weights: torch.Tensor) -> None:
    with pytest.raises(IsoglossError, match="E405"):
        wasserstein(SOURCE, TARGET, weights)
