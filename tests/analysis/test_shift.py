"""Feature shift: naive references, what must not matter, and errors."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from isogloss.analysis import (
    MEASURES,
    FeatureShift,
    ShiftAccumulator,
    class_mean_cka,
    feature_shift,
    median_bandwidth,
    mmd_squared,
)
from isogloss.errors import IsoglossError, IsoglossWarning

CLASSES, WIDTH = 3, 6
Side = tuple[np.ndarray, np.ndarray, np.ndarray]


def draw(rows: int, *, seed: int, moved: float = 0.0) -> Side:
    """Features, labels and examples; two rows an example, classes apart, sides `moved` apart."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASSES, rows, p=[0.5, 0.3, 0.2])
    means = 2.0 * np.eye(CLASSES, WIDTH)
    features = 3.0 + means[labels] + rng.normal(size=(rows, WIDTH))
    features[:, 0] += moved
    return features, labels, np.arange(rows) // 2


def stream(
    sides: Sequence[Side],
    *,
    batch: int,
    shuffled: bool = False,
    sample: int = 1_000,
    soft: bool = False,
    replicates: int = 100,
) -> FeatureShift:
    shift = ShiftAccumulator(CLASSES, sample=sample)
    for is_target, (features, labels, groups) in enumerate(sides):
        examples = np.unique(groups)
        if shuffled:
            np.random.default_rng(7).shuffle(examples)
        for start in range(0, len(examples), batch):
            chosen = [np.flatnonzero(groups == g) for g in examples[start : start + batch]]
            rows = np.concatenate(chosen)
            classes = np.eye(CLASSES)[labels[rows]] if soft else labels[rows]
            shift.update(features[rows], classes, is_target=bool(is_target), groups=groups[rows])
    return shift.result(replicates=replicates)


def all_numbers(shift: FeatureShift) -> np.ndarray:
    measures = [*shift.conditional.values(), *shift.unconditioned.values()]
    each = [[m.value, m.low, m.high, m.floor, m.scaled, *m.by_class] for m in measures]
    return np.array([*itertools.chain(*each), *shift.spread.values(), shift.bandwidth])


@pytest.fixture(scope="module")
def sides() -> tuple[Side, Side]:
    return draw(240, seed=0), draw(180, seed=1, moved=0.7)


@pytest.mark.parametrize(("norm", "order"), [("l1", 1), ("l2", 2)])
def test_distances_are_those_of_the_equations(
    sides: tuple[Side, Side], norm: str, order: int
) -> None:
    (source, own, _), (target, other, _) = sides
    by_class = [
        np.linalg.norm(source[own == j].mean(axis=0) - target[other == j].mean(axis=0), order)
        for j in range(CLASSES)
    ]
    found = stream(sides, batch=9)
    np.testing.assert_allclose(found.conditional[norm].by_class, by_class, rtol=1e-10)
    assert found.conditional[norm].value == pytest.approx(np.mean(by_class), rel=1e-10)
    overall = np.linalg.norm(source.mean(axis=0) - target.mean(axis=0), order)
    assert found.unconditioned[norm].value == pytest.approx(overall, rel=1e-10)


def naive_mmd(first: Side, second: Side, width: float) -> float:
    """The U-statistic, pair by pair, without pairs from one example."""

    def mean(one: Side, two: Side, *, same_side: bool) -> float:
        values = [
            np.exp(-np.square(u - v).sum() / (2 * width**2))
            for u, g in zip(one[0], one[2], strict=True)
            for v, h in zip(two[0], two[2], strict=True)
            if not (same_side and g == h)
        ]
        return float(np.mean(values))

    own = [mean(side, side, same_side=True) for side in (first, second)]
    return sum(own) - 2 * mean(first, second, same_side=False)


def test_kernel_discrepancies_are_those_of_all_pairs() -> None:
    sides = draw(50, seed=2), draw(40, seed=3, moved=1.0)
    found = stream(sides, batch=4)
    width = median_bandwidth(np.concatenate([sides[0][0], sides[1][0]]))
    assert found.bandwidth == pytest.approx(width, rel=1e-10)
    for j in range(CLASSES):
        part = [tuple(column[side[1] == j] for column in side) for side in sides]
        wanted = naive_mmd(part[0], part[1], width)
        assert found.conditional["mmd2"].by_class[j] == pytest.approx(wanted, abs=1e-10)
    assert found.unconditioned["mmd2"].value == pytest.approx(naive_mmd(*sides, width), abs=1e-10)


def test_mmd_of_arrays_is_the_same_as_by_class() -> None:
    (source, _, _), (target, _, _) = draw(60, seed=4), draw(50, seed=5, moved=1.0)
    shift = ShiftAccumulator(1)
    shift.update(source, np.zeros(60, dtype=int), is_target=False)
    shift.update(target, np.zeros(50, dtype=int), is_target=True)
    found = shift.result().conditional["mmd2"].value
    assert found == pytest.approx(mmd_squared(source, target), abs=1e-12)


def test_a_sample_estimates_what_all_rows_give() -> None:
    """Over seeds, whatever the classes' shares; an unweighted sample would be far off."""
    sides = draw(600, seed=6), draw(500, seed=7, moved=1.0)
    sides[1][0][sides[1][1] == 2] += 2.0
    whole = stream(sides, batch=50)
    found = []
    for seed in range(30):
        shift = ShiftAccumulator(CLASSES, sample=120, seed=seed)
        for is_target, (features, labels, groups) in enumerate(sides):
            shift.update(features, labels, is_target=bool(is_target), groups=groups)
        result = shift.result(replicates=2)
        # In the same unit, as the bandwidth follows the sample.
        found.append((result.conditional["mmd2"].value, result.unconditioned["mmd2"].value))
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(len(found))
    wanted = [whole.conditional["mmd2"].value, whole.unconditioned["mmd2"].value]
    assert (np.abs(mean - wanted) < 4 * error + 0.05 * np.array(wanted)).all()


@pytest.mark.parametrize("sample", [60, 1_000])
def test_neither_order_nor_batches_matter(sides: tuple[Side, Side], sample: int) -> None:
    wanted = all_numbers(stream(sides, batch=10_000, sample=sample))
    for batch, shuffled in ((1, False), (7, True), (10_000, True)):
        found = all_numbers(stream(sides, batch=batch, shuffled=shuffled, sample=sample))
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


def test_one_hot_labels_are_labels(sides: tuple[Side, Side]) -> None:
    hard, soft = stream(sides, batch=20), stream(sides, batch=20, soft=True)
    np.testing.assert_allclose(all_numbers(soft), all_numbers(hard), rtol=1e-9, atol=1e-12)


def test_soft_labels_weigh_rows() -> None:
    rng = np.random.default_rng(8)
    source, target = rng.normal(size=(30, 4)), rng.normal(size=(20, 4))
    labels, soft = rng.integers(0, 2, 30), rng.dirichlet([1.0, 1.0], 20)
    found = feature_shift(source, labels, target, soft, num_classes=2)
    by_class = [
        np.abs(
            source[labels == j].mean(axis=0) - np.average(target, axis=0, weights=soft[:, j])
        ).sum()
        for j in range(2)
    ]
    np.testing.assert_allclose(found.conditional["l1"].by_class, by_class, rtol=1e-10)
    assert found.target_rows.sum() == pytest.approx(20)


def test_rotation_and_translation_change_no_euclidean_measure(sides: tuple[Side, Side]) -> None:
    turn = np.linalg.qr(np.random.default_rng(9).normal(size=(WIDTH, WIDTH)))[0]
    turned = [(side[0] @ turn + 5.0, *side[1:]) for side in sides]
    before, after = stream(sides, batch=40), stream(turned, batch=40)
    for name in ("l2", "mmd2", "class_mean_cka"):
        one, two = before.conditional[name], after.conditional[name]
        assert (two.value, two.low, two.high) == pytest.approx((one.value, one.low, one.high))
    assert after.unconditioned["l2"].value == pytest.approx(before.unconditioned["l2"].value)
    assert after.conditional["l1"].value != pytest.approx(before.conditional["l1"].value, rel=1e-3)


def test_scaling_changes_nothing_that_is_scaled(sides: tuple[Side, Side]) -> None:
    larger = [(10.0 * side[0], *side[1:]) for side in sides]
    before, after = stream(sides, batch=40), stream(larger, batch=40)
    assert after.conditional["l1"].value == pytest.approx(10 * before.conditional["l1"].value)
    for name in ("l1", "l2"):
        assert after.conditional[name].scaled == pytest.approx(before.conditional[name].scaled)
    assert after.conditional["mmd2"].value == pytest.approx(before.conditional["mmd2"].value)


def test_a_copy_is_not_shifted(sides: tuple[Side, Side]) -> None:
    found = stream([sides[0], sides[0]], batch=30)
    for shift in (found.conditional, found.unconditioned):
        assert shift["l1"].value == pytest.approx(0.0, abs=1e-12)
        assert shift["l2"].value == pytest.approx(0.0, abs=1e-12)
        assert shift["l1"].low == 0.0
        # Unbiased, so that independent samples give 0 on average, it is below 0 for equal rows.
        assert -0.05 < shift["mmd2"].value < 0.0
    assert found.conditional["class_mean_cka"].value == pytest.approx(1.0)


def test_class_balance_alone_is_no_conditional_shift() -> None:
    features = np.repeat(np.eye(CLASSES), [30, 20, 10], axis=0)
    labels = np.repeat(np.arange(CLASSES), [30, 20, 10])
    other = np.repeat(np.arange(CLASSES), [5, 10, 40])
    found = feature_shift(features, labels, np.eye(CLASSES)[other], other, num_classes=CLASSES)
    assert found.conditional["l1"].value == pytest.approx(0.0, abs=1e-12)
    assert found.unconditioned["l1"].value > 0.5


def test_the_floor_is_what_no_shift_shows() -> None:
    found = []
    for seed in range(40):
        sides = draw(400, seed=100 + seed), draw(300, seed=200 + seed)
        result = stream(sides, batch=10_000, sample=8, replicates=2)
        measures = (result.conditional, result.unconditioned)
        found.append([[m[n].value, m[n].floor] for m in measures for n in ("l1", "l2")])
    value, floor = np.mean(found, axis=0).T
    np.testing.assert_allclose(floor, value, rtol=0.12)


def test_intervals_cover_what_samples_of_that_size_show() -> None:
    results = [
        stream((draw(300, seed=300 + i), draw(240, seed=500 + i, moved=0.7)), batch=10_000)
        for i in range(60)
    ]
    for name in MEASURES:
        measures = [result.conditional[name] for result in results]
        middle = np.mean([m.value for m in measures])
        covered = np.mean([m.low <= middle <= m.high for m in measures])
        assert covered > 0.85, name


def test_the_spread_is_that_around_class_means(sides: tuple[Side, Side]) -> None:
    (source, labels, _), _ = sides
    means = np.array([source[labels == j].mean(axis=0) for j in range(CLASSES)])
    deviations = np.sqrt(np.square(source - means[labels]).mean(axis=0))
    found = stream(sides, batch=50)
    assert found.spread["l1"] == pytest.approx(deviations.sum())
    assert found.spread["l2"] == pytest.approx(np.linalg.norm(deviations))
    value = found.conditional["l1"]
    assert value.scaled == pytest.approx(value.value / found.spread["l1"])


def test_class_means_are_compared_as_such(sides: tuple[Side, Side]) -> None:
    means = [
        np.array([side[0][side[1] == j].mean(axis=0) for j in range(CLASSES)]) for side in sides
    ]
    found = stream(sides, batch=50).conditional["class_mean_cka"].value
    assert found == pytest.approx(float(class_mean_cka(*means)))


def test_a_class_of_one_side_is_left_out(sides: tuple[Side, Side]) -> None:
    (source, labels, _), (target, others, _) = sides
    kept = others != 1
    with pytest.warns(IsoglossWarning, match=r"^W700: .* classes: 1;"):
        found = feature_shift(source, labels, target[kept], others[kept], num_classes=CLASSES)
    assert found.left_out == (1,)
    whole = stream(sides, batch=50).conditional["l1"].by_class
    assert found.conditional["l1"].value == pytest.approx((whole[0] + whole[2]) / 2)
    assert np.isnan(found.conditional["l1"].by_class[1])


def test_one_example_a_side_has_values_but_no_interval() -> None:
    found = feature_shift([[1.0, 2.0]], [0], [[3.0, 2.0]], [0], num_classes=1)
    measure = found.conditional["l1"]
    assert measure.value == 2.0
    assert np.isnan([measure.low, measure.high, measure.floor]).all()
    assert np.isnan(found.conditional["mmd2"].value)


def refused(code: str, shift: ShiftAccumulator, *arrays: object, target: bool = False) -> None:
    with pytest.raises(IsoglossError, match=code):
        shift.update(*arrays, is_target=target)  # type: ignore[arg-type]


def test_unusable_arrays_are_refused() -> None:
    shift = ShiftAccumulator(2)
    shift.update([[1.0, 2.0]], [0], is_target=False)
    refused("E400", shift, [[np.nan, 1.0]], [0])
    refused("E405", shift, [1.0, 2.0], [0, 1])
    refused("E405", shift, [[1.0, 2.0, 3.0]], [0])
    refused("E405", shift, [[1.0, 2.0]], [0, 1])
    refused("E403", shift, [[1.0, 2.0]], [2])
    refused("E701", shift, [[1.0, 2.0]], [[0.5, 0.5]])
    refused("E406", shift, [[1.0, 2.0]], [[0.9, 0.9]], target=True)
    with pytest.raises(IsoglossError, match="E404"):
        shift.result()
    shift.update([[1.0, 2.0, 3.0]], [0], is_target=True)
    with pytest.raises(IsoglossError, match="E405"):
        shift.result()


@pytest.mark.parametrize(
    "settings", [{"blocks": 1}, {"sample": 3}, {"seed": -1}, {"num_classes": 0}]
)
def test_settings_have_ranges(settings: dict[str, int]) -> None:
    with pytest.raises(IsoglossError, match="E407"):
        ShiftAccumulator(**({"num_classes": 2} | settings))


def test_mmd_needs_two_rows_a_side() -> None:
    with pytest.raises(IsoglossError, match="E700"):
        mmd_squared([[1.0]], [[1.0], [2.0]])
