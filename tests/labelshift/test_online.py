"""Online weights: start, running statistics, steps; one test for each published fault."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isogloss.errors import IsoglossError
from isogloss.labelshift.online import OnlineWeights, rate_per_row
from isogloss.labelshift.projection import clamp_and_rescale

PRIOR = np.array([0.25, 0.25, 0.5])
INITIAL = np.array([2.0, 0.8, 0.6])


def _started(**options: object) -> OnlineWeights:
    holder = OnlineWeights(3, **options)  # type: ignore[arg-type]
    holder.start(INITIAL, PRIOR)
    return holder


def _batch(seed: int, num_source: int, num_target: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.rand(num_source, 3, generator=generator).softmax(dim=1),
        torch.randint(0, 3, (num_source,), generator=generator),
        torch.rand(num_target, 3, generator=generator).softmax(dim=1),
    )


def test_the_start_is_optimal() -> None:
    """Fault 2: the statistics agree with the initial weights, so nothing pulls."""
    holder = _started()
    assert holder.gradient().abs().max() < 1e-16
    np.testing.assert_allclose(holder.confusion.numpy(), np.diag(PRIOR))
    np.testing.assert_allclose(holder.target_mean.numpy(), PRIOR * INITIAL)
    for step in range(50):
        holder.step(step / 50)
    np.testing.assert_allclose(holder.weights.numpy(), INITIAL, atol=1e-12)


def test_swapped_statistics_would_not_be_optimal() -> None:
    """Fault 2: the published roles of C and mu leave a gradient at the start."""
    holder = _started()
    holder.confusion_average.copy_(torch.diag(holder.prior * holder.initial))
    holder.target_average.copy_(holder.prior)
    assert holder.gradient().abs().max() > 1e-2


def _feed_exact(holder: OnlineWeights, target_prior: np.ndarray) -> None:
    """Put statistics of a perfect classifier into the averages."""
    holder.confusion_average.copy_(torch.diag(holder.prior))
    holder.target_average.copy_(torch.from_numpy(target_prior))


def test_a_true_weight_of_2_70_is_reached_without_decay() -> None:
    """Fault 3."""
    prior = np.array([0.3, 0.7])
    target = np.array([0.81, 0.19])
    holder = OnlineWeights(2, decay=0.0, learning_rate=1.0)
    holder.start(np.ones(2), prior)
    _feed_exact(holder, target)
    for _ in range(500):
        holder.step(0.0)
    assert float(holder.weights[0]) == pytest.approx(2.70, abs=1e-6)


def test_under_decay_the_deviation_is_proportional_to_the_evidence() -> None:
    """Fault 3: it does not stop near 1 / decay, but at the minimum of the penalised objective."""
    prior = np.array([0.3, 0.7])
    deviations = []
    for target in (0.4, 0.6, 0.8):
        holder = OnlineWeights(2, decay=0.5, learning_rate=0.5)
        holder.start(np.ones(2), prior)
        _feed_exact(holder, np.array([target, 1 - target]))
        for _ in range(2000):
            holder.step(0.0)
        deviations.append(float(holder.delta[0]))
    np.testing.assert_allclose(np.array(deviations) / deviations[0], [1.0, 3.0, 5.0], rtol=1e-6)


def test_the_rate_does_not_depend_on_the_batch_size() -> None:
    """Fault 4: 4 rows or 400 of the same composition move the averages equally."""
    holders = _started(), _started()
    for holder, copies in zip(holders, (1, 100), strict=True):
        source, labels, target = (torch.cat([x] * copies) for x in _batch(0, 4, 4))
        holder.observe(source, labels, target)
    assert torch.allclose(holders[0].confusion, holders[1].confusion, atol=1e-14)
    assert torch.allclose(holders[0].target_mean, holders[1].target_mean, atol=1e-14)
    kept = float(holders[0].target_mean @ torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))
    share = (kept - 0.5) / (float(_batch(0, 4, 4)[2][:, 0].double().mean()) - 0.5)
    assert share == pytest.approx(5e-3, rel=1e-5)


def test_averages_equal_the_naive_ones() -> None:
    holder = _started(rate=0.1)
    confusion, mean = np.diag(PRIOR), PRIOR * INITIAL
    for seed in range(5):
        source, labels, target = _batch(seed, 6, 9)
        joint = np.zeros((3, 3))
        for row, label in zip(source.double().numpy(), labels.numpy(), strict=True):
            joint[:, label] += row / 6
        confusion = 0.9 * confusion + 0.1 * joint
        mean = 0.9 * mean + 0.1 * target.double().numpy().mean(axis=0)
        holder.observe(source, labels, target)
    np.testing.assert_allclose(holder.confusion.numpy(), confusion / confusion.sum(), atol=1e-12)
    np.testing.assert_allclose(holder.target_mean.numpy(), mean / mean.sum(), atol=1e-12)


@pytest.mark.parametrize("cuts", [[12], [1] * 12, [5, 7], [3, 0, 8, 1]])
def test_per_row_averages_do_not_depend_on_how_rows_are_cut(cuts: list[int]) -> None:
    """Fault 4: the same sequence of rows gives the same state."""
    source, labels, target = _batch(1, 12, 12)
    whole, cut = _started(per_row=True, rate=0.05), _started(per_row=True, rate=0.05)
    whole.observe(source, labels, target)
    pieces = zip(source.split(cuts), labels.split(cuts), target.split(cuts), strict=True)
    for piece in pieces:
        cut.observe(*piece)
    assert torch.allclose(whole.confusion_average, cut.confusion_average, atol=1e-15)
    assert torch.allclose(whole.target_average, cut.target_average, atol=1e-15)
    assert float(whole.target_average.sum()) == pytest.approx(1.0)


def test_rates_per_row_and_per_batch_forget_equally_fast() -> None:
    rate = rate_per_row(5e-3, 8)
    assert (1 - rate) ** 8 == pytest.approx(1 - 5e-3)
    with pytest.raises(IsoglossError, match="E407"):
        rate_per_row(2.0, 8)
    with pytest.raises(IsoglossError, match="E407"):
        rate_per_row(0.1, 0)


@pytest.mark.parametrize("per_row", [False, True])
def test_a_side_without_rows_changes_nothing(per_row: bool) -> None:
    holder = _started(per_row=per_row)
    before = {name: value.clone() for name, value in holder.state_dict().items()}
    holder.observe(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), torch.zeros(0, 3))
    holder.observe(torch.eye(3), torch.full((3,), -100), torch.zeros(0, 3))
    for name, value in holder.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_one_step_by_hand() -> None:
    holder = _started(projection="rescale", learning_rate=0.2, decay=1.5)
    holder.delta.copy_(torch.tensor([0.1, -0.1, 0.0], dtype=torch.float64))
    for seed in range(3):
        holder.observe(*_batch(seed, 8, 8))
    confusion, mean = holder.confusion.numpy(), holder.target_mean.numpy()
    delta = holder.delta.numpy().copy()
    rate = 0.2 * (1 - 0.25)
    gradient = 2 * confusion.T @ (confusion @ (INITIAL + delta) - mean)
    moved = INITIAL + delta - rate * gradient - rate * 1.5 * delta
    holder.step(0.25)
    np.testing.assert_allclose(holder.weights.numpy(), clamp_and_rescale(moved, PRIOR), atol=1e-12)


@pytest.mark.parametrize("projection", ["euclidean", "rescale"])
def test_constraints_hold_after_every_step(projection: str) -> None:
    holder = _started(projection=projection, learning_rate=3.0, rate=0.5)
    for seed in range(40):
        holder.observe(*_batch(seed, 3, 3))
        holder.step(seed / 40)
        assert float(holder.weights.min()) >= -1e-15
        assert float(holder.target_prior.sum()) == pytest.approx(1.0, abs=1e-12)


def test_the_last_step_moves_nothing() -> None:
    holder = _started(rate=0.5)
    holder.observe(*_batch(0, 8, 8))
    before = holder.weights.clone()
    holder.step(1.0)
    torch.testing.assert_close(holder.weights, before, atol=1e-12, rtol=0)


def test_an_empty_class_keeps_weight_1() -> None:
    """Fault 6."""
    holder = OnlineWeights(3, rate=0.1, learning_rate=0.5)
    holder.start([1.5, 1.0, 0.5], [0.5, 0.0, 0.5])
    for seed in range(10):
        source, labels, target = _batch(seed, 8, 8)
        holder.observe(source, torch.where(labels == 1, 0, labels), target)
        holder.step(0.0)
    assert float(holder.weights[1]) == 1.0
    assert bool(torch.isfinite(holder.weights).all())


def test_no_graph_is_kept() -> None:
    holder = _started()
    source, labels, target = _batch(0, 4, 4)
    holder.observe(source.requires_grad_(), labels, target.requires_grad_())
    holder.step(0.0)
    assert not holder.weights.requires_grad
    assert not holder.confusion.requires_grad


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"rate": 1.5}, "E407"),
        ({"learning_rate": -1.0}, "E407"),
        ({"decay": -1.0}, "E407"),
        ({"projection": "nearest"}, "E409"),
    ],
)
def test_unusable_options_are_refused(options: dict[str, object], code: str) -> None:
    with pytest.raises(IsoglossError, match=code):
        OnlineWeights(3, **options)  # type: ignore[arg-type]


def test_progress_outside_training_is_refused() -> None:
    with pytest.raises(IsoglossError, match="E407"):
        _started().step(1.5)
