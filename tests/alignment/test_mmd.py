"""Maximum mean discrepancy against loops, and what must not change it."""

from __future__ import annotations

import math

import pytest
import torch

from isogloss.alignment.mmd import median_bandwidth, mmd, squared_distances
from isogloss.errors import IsoglossError

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)


def _rows(num_rows: int, seed: int = 0, size: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num_rows, size, dtype=torch.float64, generator=generator)


SOURCE, TARGET = _rows(4), _rows(6, seed=1) + 0.5
WEIGHTS = torch.tensor([0.5, 2.0, 0.1, 1.0], dtype=torch.float64)


def _naive_bandwidth() -> float:
    """The smallest squared distance up to which half of the weight between the sides lies."""
    pairs = sorted(
        (float((u - v).square().sum()), float(w))
        for u, w in zip(SOURCE, WEIGHTS, strict=True)
        for v in TARGET
    )
    below = 0.0
    for distance, weight in pairs:
        below += weight
        if below >= 0.5 * len(TARGET) * float(WEIGHTS.sum()):
            return distance
    raise AssertionError


def _naive(bandwidth: float) -> float:
    rows = [*SOURCE, *TARGET]
    signed = [float(w / WEIGHTS.sum()) for w in WEIGHTS] + [-1 / len(TARGET)] * len(TARGET)
    total = 0.0
    for u, a in zip(rows, signed, strict=True):
        for v, b in zip(rows, signed, strict=True):
            distance = float((u - v).square().sum())
            total += a * b * sum(math.exp(-distance / (s * bandwidth)) for s in SCALES) / 5
    return total


def test_the_value_equals_loops_over_pairs() -> None:
    assert mmd(SOURCE, TARGET, WEIGHTS).item() == pytest.approx(_naive(_naive_bandwidth()))
    fixed = mmd(SOURCE, TARGET, WEIGHTS, bandwidth=torch.tensor(3.0))
    assert fixed.item() == pytest.approx(_naive(3.0))


def test_gradients_equal_finite_differences() -> None:
    source, target = SOURCE.clone().requires_grad_(), TARGET.clone().requires_grad_()
    bandwidth = torch.tensor(_naive_bandwidth())
    assert torch.autograd.gradcheck(
        lambda s, t: mmd(s, t, WEIGHTS, bandwidth=bandwidth), (source, target)
    )


def test_the_bandwidth_and_the_weights_carry_no_gradient() -> None:
    gradients = []
    weights = WEIGHTS.clone().requires_grad_()
    for bandwidth in (None, torch.tensor(_naive_bandwidth(), dtype=torch.float64)):
        source = SOURCE.clone().requires_grad_()
        mmd(source, TARGET, weights, bandwidth=bandwidth).backward()
        gradients.append(source.grad)
    assert weights.grad is None
    torch.testing.assert_close(gradients[0], gradients[1])


def test_neither_order_nor_scale_nor_place_matters() -> None:
    plain = mmd(SOURCE, TARGET, WEIGHTS)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(mmd(SOURCE[order], TARGET.flip(0), WEIGHTS[order]), plain)
    torch.testing.assert_close(mmd(SOURCE, TARGET, 7 * WEIGHTS), plain)
    torch.testing.assert_close(mmd(1e3 * SOURCE, 1e3 * TARGET, WEIGHTS), plain)
    torch.testing.assert_close(mmd(SOURCE + 9, TARGET + 9, WEIGHTS), plain)


def test_a_weight_of_two_is_a_row_twice() -> None:
    once = mmd(SOURCE, TARGET, torch.tensor([2.0, 1.0, 1.0, 1.0]))
    twice = mmd(torch.cat([SOURCE[:1], SOURCE]), TARGET, torch.ones(5))
    torch.testing.assert_close(once, twice)


def test_equal_samples_are_at_no_distance_and_others_are() -> None:
    assert mmd(SOURCE, SOURCE.flip(0), torch.ones(4)).item() == pytest.approx(0.0, abs=1e-12)
    near, far = (float(mmd(SOURCE, SOURCE + move, torch.ones(4))) for move in (0.1, 1.0))
    assert 0 < near < far <= 2


def test_weights_undo_a_change_of_class_balance() -> None:
    classes = _rows(2, seed=3)
    source, target = classes[[0, 0, 0, 1]], classes[[0, 1, 1, 1]]
    right = torch.tensor([1 / 3, 1 / 3, 1 / 3, 3.0])
    assert mmd(source, target, right).item() == pytest.approx(0.0, abs=1e-7)
    assert float(mmd(source, target, torch.ones(4))) > 0.1


@pytest.mark.parametrize(("num_source", "num_target"), [(0, 2), (3, 0), (0, 0)])
def test_a_side_without_rows_gives_zero(num_source: int, num_target: int) -> None:
    source, target = _rows(num_source).requires_grad_(), _rows(num_target).requires_grad_()
    value = mmd(source, target, torch.ones(num_source))
    value.backward()
    assert value.item() == 0.0
    for side in (source, target):
        assert side.grad is not None
        assert not side.grad.any()


@pytest.mark.parametrize("num_rows", [1, 3])
def test_rows_of_no_weight_or_all_the_same_give_zero(num_rows: int) -> None:
    for weights, shift in ((torch.zeros(num_rows), 1.0), (torch.ones(num_rows), 0.0)):
        source = _rows(1).float().expand(num_rows, 5).clone().requires_grad_()
        target = source.detach()[:1] + shift
        value = mmd(source, target, weights)
        value.backward()
        assert value.item() == pytest.approx(0.0, abs=1e-6)
        assert source.grad is not None
        assert float(source.grad.abs().max()) < 1e-3


def test_distances_survive_a_far_origin_and_half_precision() -> None:
    """Inner products of rows far from the origin lose the distances, unless they are centred."""
    rows = _rows(30)
    expected = torch.cdist(rows, rows).square()
    far = (rows + 1000).float()
    torch.testing.assert_close(squared_distances(far).double(), expected, rtol=1e-3, atol=1e-2)
    with torch.autocast("cpu", torch.bfloat16):
        value = mmd(SOURCE.float(), TARGET.float(), WEIGHTS)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, mmd(SOURCE, TARGET, WEIGHTS).float())


def test_the_median_of_equal_weights_is_the_plain_one() -> None:
    distances = torch.arange(1.0, 16.0).reshape(3, 5).flip(0)
    floor = torch.tensor(0.0)
    assert median_bandwidth(distances, torch.full((3,), 1 / 3), floor).item() == 8.0
    assert median_bandwidth(distances, torch.tensor([0.0, 0.0, 1.0]), floor).item() == 3.0
    assert median_bandwidth(0 * distances, torch.full((3,), 1 / 3), floor).item() > 0


def test_weights_of_other_rows_are_refused() -> None:
    with pytest.raises(IsoglossError, match="E405"):
        mmd(SOURCE, TARGET, torch.ones(3))
