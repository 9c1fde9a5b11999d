"""The whole estimate: right on exact rows, honest on drawn ones, defined on all others."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from isogloss.errors import IsoglossError
from isogloss.labelshift import (
    CALIBRATIONS,
    METHODS,
    KnownFacts,
    PriorEstimate,
    PriorEstimator,
    correct,
    estimate_prior,
    importance_weights,
    prior_shift_correction,
    total_variation,
)
from tests.helpers.shift import draw_rows, exact_problem

# One of them solves far more for every answer than the others.
MANY_TIMES = [
    pytest.param(name, marks=pytest.mark.slow) if name == "matching" else name for name in METHODS
]
SOURCE = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.2, 0.3, 0.5])
MOVED = np.array([[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.8, 0.0, -0.8]])


def sides(
    seed: int = 0, *, rows: int = 300, others: int = 300, prior: Any = TARGET, moved: Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    probabilities, labels = draw_rows(rows, SOURCE, seed=seed, separation=1.5)
    found, _ = draw_rows(
        others,
        np.asarray(prior),
        seed=5000 + seed,
        source_prior=SOURCE,
        separation=1.5,
        moved=moved,
    )
    return probabilities, labels, found


def assert_sound(estimate: PriorEstimate, size: int) -> None:
    """Everything is finite, on its simplex and within its range, and can be written down."""
    for prior in (estimate.prior, estimate.raw_prior, estimate.source_prior):
        assert prior.shape == (size,)
        assert prior.min() >= 0.0
        assert prior.sum() == pytest.approx(1.0, abs=1e-9)
    assert np.isfinite(estimate.weights).all()
    assert estimate.weights.min() >= 0.0
    assert estimate.source_prior @ estimate.weights == pytest.approx(1.0)
    low, high = estimate.interval.T
    assert estimate.interval.shape == (size, 2)
    assert ((low >= 0.0) & (low <= high) & (high <= 1.0)).all()
    assert 0.0 <= estimate.assumption_p_value <= 1.0
    assert 0.0 <= estimate.shrinkage <= 1.0
    assert len(estimate.sentences()) >= 2
    json.dumps(estimate.to_dict(), allow_nan=False)


class TestExactRows:
    @pytest.mark.parametrize("problems", [24, pytest.param(120, marks=pytest.mark.slow)])
    def test_bbse_is_exact(self, problems: int) -> None:
        """Fault 1: on problems of 2 to 40 classes the target's prior is recovered."""
        rng = np.random.default_rng(0)
        worst = 0.0
        for trial in range(problems):
            *rows, truth = exact_problem(int(rng.integers(2, 41)), rng)
            kind = CALIBRATIONS[trial % 4]
            found = estimate_prior(*rows, method="bbse", calibration=kind)
            worst = max(worst, total_variation(found.prior, truth))
        assert worst < 1e-6

    @pytest.mark.parametrize("method", ["auto", "bbse", "bbse-hard", "rlls", "matching"])
    @pytest.mark.parametrize("size", [2, 5, 17])
    def test_without_a_shift_the_weights_are_1(self, method: str, size: int) -> None:
        rng = np.random.default_rng(size)
        probabilities, labels, *_ = exact_problem(size, rng)
        found = estimate_prior(probabilities, labels, probabilities, method=method)
        np.testing.assert_allclose(found.weights, 1.0, atol=1e-6)
        assert not found.shift_is_significant
        assert found.assumption_p_value > 0.99

    def test_auto_gives_exactly_the_source_prior_without_a_significant_shift(self) -> None:
        found = [estimate_prior(*sides(seed, prior=SOURCE)) for seed in range(30)]
        unmoved = [e for e in found if not e.shift_is_significant]
        assert len(unmoved) >= 25
        for estimate in unmoved:
            np.testing.assert_array_equal(estimate.prior, estimate.source_prior)
            np.testing.assert_allclose(estimate.weights, 1.0, rtol=1e-12)
            assert estimate.shrinkage == 0.0
            assert np.abs(estimate.raw_prior - estimate.source_prior).max() > 0.0


class TestDrawnRows:
    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("calibration", CALIBRATIONS)
    def test_a_large_shift_is_corrected(self, method: str, calibration: str) -> None:
        rows = sides(rows=2000, others=2000)
        found = estimate_prior(*rows, method=method, calibration=calibration)
        assert_sound(found, 3)
        assert found.shift_is_significant
        assert found.shrinkage > 0.95
        assert prior_shift_correction(SOURCE, found.prior, TARGET) > 0.75
        assert (found.method, found.diagnostics["calibration"]) == (method, calibration)

    @pytest.mark.parametrize("method", MANY_TIMES)
    def test_intervals_cover_as_often_as_they_say(self, method: str) -> None:
        covered: dict[float, list[Any]] = {0.5: [], 0.95: []}
        for seed in range(60):
            probabilities, labels, others = sides(seed)
            estimator = PriorEstimator(probabilities, labels, method=method)
            for level, found in covered.items():
                low, high = estimator.estimate(others, level=level).interval.T
                found.append((low <= TARGET) & (high >= TARGET))
        assert 0.38 < np.mean(covered[0.5]) < 0.66
        assert 0.89 < np.mean(covered[0.95]) <= 0.995

    @pytest.mark.parametrize("method", ["auto", "bbse", *MANY_TIMES[-1:]])
    def test_intervals_cover_a_large_shift_too(self, method: str) -> None:
        """The classes' noise counts as the target weighs them, not as the source does."""
        prior = np.array([0.05, 0.05, 0.9])
        covered = []
        for seed in range(30):
            estimate = estimate_prior(*sides(seed, others=1500, prior=prior), method=method)
            low, high = estimate.interval.T
            covered.append((low <= prior) & (high >= prior))
        assert np.mean(covered) > 0.87

    def test_p_value_is_about_uniform_under_label_shift(self) -> None:
        found = np.array([estimate_prior(*sides(seed)).assumption_p_value for seed in range(150)])
        assert 0.4 < found.mean() < 0.6
        assert (found < 0.05).mean() < 0.11
        assert 0.35 < (found < 0.5).mean() < 0.65

    def test_p_value_is_small_where_texts_of_a_class_look_different(self) -> None:
        for seed in range(10):
            found = estimate_prior(*sides(seed, rows=1000, others=1000, moved=MOVED))
            assert found.assumption_p_value < 0.001
            assert not found.assumption_holds
            assert "No class balance explains" in found.sentences()[-1]
            trusted = estimate_prior(*sides(seed, rows=1000, others=1000))
            width, other = (np.ptp(e.interval, axis=1).sum() for e in (found, trusted))
            assert width > 1.5 * other

    @pytest.mark.parametrize("method", METHODS)
    def test_the_assumption_is_tested_alike_for_every_method(self, method: str) -> None:
        rows = sides(3)
        wanted = estimate_prior(*rows).assumption_p_value
        assert estimate_prior(*rows, method=method).assumption_p_value == wanted

    @pytest.mark.parametrize("method", METHODS)
    def test_what_refuted_label_shift_before_the_model_was_adapted_still_does(
        self, method: str
    ) -> None:
        rows = sides(3, rows=1000, others=1000)
        alone = estimate_prior(*rows, method=method)
        assert alone.assumption_holds
        refuted = estimate_prior(*rows, method=method, p_value_before=0.001)
        assert refuted.assumption_p_value == 0.001
        assert not refuted.assumption_holds
        assert "No class balance explains" in refuted.sentences()[-1]
        again = estimate_prior(*rows, method=method, p_value_before=1.0)
        assert again.to_dict() == alone.to_dict()
        shifted = sides(1, rows=1000, others=1000, moved=MOVED)
        moved = estimate_prior(*shifted, method=method, p_value_before=0.9)
        assert moved.assumption_p_value < 0.001

    def test_a_violation_that_cannot_be_seen_any_more_is_doubted_most(self) -> None:
        rows = sides(3, rows=1000, others=1000)
        alone, refuted = (estimate_prior(*rows, p_value_before=p) for p in (1.0, 0.001))
        width, other = (np.ptp(found.interval, axis=1).sum() for found in (refuted, alone))
        assert width > 2.0 * other
        assert alone.shift_is_significant

    def test_shrinking_pays_where_shifts_are_small_and_rows_few(self) -> None:
        target = np.array([0.48, 0.31, 0.21])
        errors: dict[bool, list[float]] = {True: [], False: []}
        for seed in range(40):
            for shrink, found in errors.items():
                estimate = estimate_prior(*sides(seed, prior=target, others=150), shrink=shrink)
                found.append(total_variation(estimate.prior, target))
        assert np.mean(errors[True]) < 0.75 * np.mean(errors[False])

    def test_shrinkage_can_be_turned_off_and_on(self) -> None:
        rows = sides(others=100)
        bold = estimate_prior(*rows, shrink=False)
        np.testing.assert_allclose(bold.prior, bold.raw_prior)
        assert bold.shrinkage == 1.0
        careful = estimate_prior(*rows, method="bbse", shrink=True)
        assert 0.0 < careful.shrinkage < 1.0
        between = careful.source_prior + careful.shrinkage * (
            careful.raw_prior - careful.source_prior
        )
        np.testing.assert_allclose(careful.prior, between)
        np.testing.assert_allclose(
            careful.weights, importance_weights(careful.prior, careful.source_prior)
        )
        assert estimate_prior(*rows, method="bbse").shrinkage == 1.0

    def test_weights_correct_predictions(self) -> None:
        probabilities, labels = draw_rows(1000, SOURCE, seed=0, separation=1.5)
        others, truth = draw_rows(1000, TARGET, seed=1, source_prior=SOURCE, separation=1.5)
        weights = estimate_prior(probabilities, labels, others).weights
        before, after = ((p.argmax(1) == truth).mean() for p in (others, correct(others, weights)))
        assert after > before + 0.02

    @pytest.mark.parametrize("method", METHODS)
    def test_rows_may_come_in_any_order(self, method: str) -> None:
        probabilities, labels, others = sides()
        rng = np.random.default_rng(0)
        one, two = rng.permutation(300), rng.permutation(300)
        found = estimate_prior(probabilities, labels, others, method=method)
        other = estimate_prior(probabilities[one], labels[one], others[two], method=method)
        # A kernel's width is measured on some rows, and halves of the rows tell a spread.
        tolerance = 0.01 if method in ("matching", "auto") else 1e-4
        np.testing.assert_allclose(other.prior, found.prior, atol=tolerance)
        np.testing.assert_allclose(other.interval, found.interval, atol=0.03)

    @pytest.mark.parametrize("method", ["auto", "bbse", "bbse-hard", "rlls", "mlls"])
    def test_classes_may_be_numbered_otherwise(self, method: str) -> None:
        probabilities, labels, others = sides()
        order = np.array([2, 0, 1])
        found = estimate_prior(probabilities, labels, others, method=method)
        other = estimate_prior(
            probabilities[:, order], np.argsort(order)[labels], others[:, order], method=method
        )
        np.testing.assert_allclose(other.prior, found.prior[order], atol=1e-3)
        np.testing.assert_allclose(other.interval, found.interval[order], atol=0.01)

    @pytest.mark.parametrize("method", METHODS)
    def test_the_same_seed_gives_the_same_estimate(self, method: str) -> None:
        rows = sides()
        first, again = (estimate_prior(*rows, method=method, seed=4) for _ in range(2))
        assert first.to_dict() == again.to_dict()
        other = estimate_prior(*rows, method=method, seed=5)
        assert not np.array_equal(first.interval, other.interval)

    def test_the_source_s_side_serves_many_targets(self) -> None:
        probabilities, labels, others = sides()
        estimator = PriorEstimator(probabilities, labels, seed=2)
        for target in (others, others[:100]):
            found = estimator.estimate(target).to_dict()
            assert found == estimate_prior(probabilities, labels, target, seed=2).to_dict()

    def test_what_it_rests_on_is_told(self) -> None:
        probabilities, labels, others = sides(others=200)
        found = estimate_prior(probabilities, labels, others)
        shares = np.bincount(others.argmax(axis=1), minlength=3) / 200
        assert found.diagnostics["predicted"] == pytest.approx(shares.tolist())
        assert found.diagnostics["source_rows"] == 300
        assert found.diagnostics["target_rows"] == 200
        assert found.diagnostics["facts"] is False
        np.testing.assert_allclose(found.source_prior, np.bincount(labels) / 300)
        told = json.loads(json.dumps(found.to_dict()))
        assert told["sentences"] == found.sentences()
        np.testing.assert_allclose(told["interval"], found.interval)

    def test_level_decides_width_and_significance(self) -> None:
        probabilities, labels, others = sides(11, prior=[0.43, 0.32, 0.25])
        estimator = PriorEstimator(probabilities, labels)
        found = [estimator.estimate(others, level=level) for level in (0.0, 0.5, 0.95, 1.0)]
        widths = [np.ptp(e.interval, axis=1).sum() for e in found]
        assert widths == sorted(widths)
        # At level 0 the interval is no wider than from what was measured to what is made of it.
        nothing = found[0]
        assert np.minimum(*np.abs(nothing.interval.T - nothing.prior)).max() == 0.0
        # Where nothing is shrunk, a point, but for how far the draws' median is from the estimate.
        plain = PriorEstimator(probabilities, labels, method="bbse").estimate(others, level=0.0)
        assert np.ptp(plain.interval, axis=1).max() < 0.01
        for estimate in found:
            p_value = estimate.diagnostics["shift_p_value"]
            assert estimate.shift_is_significant == (p_value < 1.0 - estimate.level)
        assert not found[-1].shift_is_significant


class TestGroups:
    @pytest.mark.parametrize("method", METHODS)
    def test_rows_repeated_in_a_group_say_nothing_new(self, method: str) -> None:
        probabilities, labels, others = sides()
        single = estimate_prior(probabilities, labels, others, method=method, calibration="none")
        groups = np.repeat(np.arange(300) * 3 - 50, 4)
        repeated = [np.repeat(rows, 4, axis=0) for rows in (probabilities, labels, others)]
        options: dict[str, Any] = {"method": method, "calibration": "none"}
        together = estimate_prior(*repeated, source_groups=groups, target_groups=groups, **options)
        alone = estimate_prior(*repeated, **options)
        tolerance = 0.02 if method == "matching" else 0.005
        np.testing.assert_allclose(together.prior, single.prior, atol=tolerance)
        np.testing.assert_allclose(together.interval, single.interval, atol=tolerance)
        # What a doubted assumption adds is another matter than what the rows say.
        widths = [
            np.ptp(e.interval, axis=1) / np.sqrt(e.diagnostics.get("doubt", 1.0))
            for e in (together, alone)
        ]
        assert (widths[0] > 1.5 * widths[1]).all()

    def test_groups_are_names(self) -> None:
        probabilities, labels, others = sides()
        groups = np.arange(300) // 3
        found, other = (
            estimate_prior(probabilities, labels, others, source_groups=g, target_groups=g)
            for g in (groups, groups * 17 - 1000)
        )
        assert found.to_dict() == other.to_dict()

    def test_few_long_sentences_leave_much_open(self) -> None:
        probabilities, labels, others = sides()
        groups = np.arange(300) // 30
        found = estimate_prior(probabilities, labels, others, target_groups=groups)
        assert_sound(found, 3)
        one = estimate_prior(probabilities, labels, others, target_groups=np.zeros(300, dtype=int))
        assert np.ptp(one.interval, axis=1).min() > 0.5
        assert not one.shift_is_significant


def awkward(name: str) -> tuple[Any, ...]:
    """Rows that break estimators: source, labels, target."""
    probabilities, labels, others = sides(rows=120, others=90)
    never = [p * [1.0, 1.0, 0.0] for p in (probabilities, others)]
    never = [p / p.sum(axis=1, keepdims=True) for p in never]
    many = np.random.default_rng(0).dirichlet(np.ones(40))
    rows, ids = draw_rows(60, many, seed=0)
    cases: dict[str, tuple[Any, ...]] = {
        "an empty class": (probabilities, np.where(labels == 2, 1, labels), others),
        "an empty class that is predicted": (
            probabilities,
            np.where(labels == 2, 0, labels),
            np.tile([0.0, 0.0, 1.0], (60, 1)),
        ),
        "a class never predicted": (never[0], labels, never[1]),
        "one class in the source": (probabilities, np.zeros(120, dtype=int), others),
        "one target row": (probabilities, labels, others[:1]),
        "two target rows": (probabilities, labels, others[:2]),
        "one source row": (probabilities[:1], labels[:1], others),
        "one row each": (probabilities[:1], labels[:1], others[:1]),
        "a row of each class": (np.eye(3), [0, 1, 2], others),
        "constant predictions": (np.full((120, 3), 1 / 3), labels, np.full((90, 3), 1 / 3)),
        "constant, uneven ones": (
            np.tile([0.6, 0.3, 0.1], (120, 1)),
            labels,
            np.tile([0.6, 0.3, 0.1], (90, 1)),
        ),
        "a constant target": (probabilities, labels, np.tile(others[:1], (90, 1))),
        "certain predictions": tuple(
            np.eye(3)[x.argmax(1)] if x.ndim == 2 else x for x in (probabilities, labels, others)
        ),
        "a perfect classifier": (np.eye(3)[labels], labels, np.tile([0.0, 0.0, 1.0], (60, 1))),
        "two classes": (probabilities[:, :2] / probabilities[:, :2].sum(1, keepdims=True),
                        np.minimum(labels, 1),
                        others[:, :2] / others[:, :2].sum(1, keepdims=True)),
        "one class": (np.ones((9, 1)), np.zeros(9, dtype=int), np.ones((4, 1))),
        "40 classes and few rows": (rows, ids, rows[::2]),
        "half precision": (probabilities.astype(np.float16), labels, others.astype(np.float16)),
        "lists": (probabilities.tolist(), labels.tolist(), others.tolist()),
    }  # fmt: skip
    return cases[name]


AWKWARD = [
    "an empty class",
    "an empty class that is predicted",
    "a class never predicted",
    "one class in the source",
    "one target row",
    "two target rows",
    "one source row",
    "one row each",
    "a row of each class",
    "constant predictions",
    "constant, uneven ones",
    "a constant target",
    "certain predictions",
    "a perfect classifier",
    "two classes",
    "one class",
    "40 classes and few rows",
    "half precision",
    "lists",
]


class TestAwkwardRows:
    """Fault 6, for every method."""

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("name", AWKWARD)
    def test_every_answer_is_finite(self, name: str, method: str) -> None:
        rows = awkward(name)
        for calibration in CALIBRATIONS:
            found = estimate_prior(*rows, method=method, calibration=calibration)
            assert_sound(found, np.shape(rows[0])[1])

    @pytest.mark.parametrize("method", METHODS)
    def test_a_class_that_the_source_lacks_has_prior_0_and_weight_1(self, method: str) -> None:
        found = estimate_prior(*awkward("an empty class"), method=method)
        assert (found.prior[2], found.weights[2]) == (0.0, 1.0)
        np.testing.assert_array_equal(found.interval[2], 0.0)

    @pytest.mark.parametrize("method", MANY_TIMES)
    def test_one_target_row_says_little(self, method: str) -> None:
        found = []
        for seed in range(30):
            estimate = estimate_prior(*sides(seed, others=1, prior=SOURCE), method=method)
            assert np.ptp(estimate.interval, axis=1).max() > 0.3
            found.append(estimate.shift_is_significant)
        assert np.mean(found) < 0.1

    @pytest.mark.parametrize("others", [2, 5, 10, 20, 49])
    def test_few_target_rows_are_no_evidence_of_a_shift(self, others: int) -> None:
        found = [estimate_prior(*sides(seed, others=others, prior=SOURCE)) for seed in range(60)]
        assert np.mean([e.shift_is_significant for e in found]) < 0.14
        low, high = np.stack([e.interval for e in found]).transpose(2, 0, 1)
        assert np.mean((low <= SOURCE) & (high >= SOURCE)) > 0.88

    @pytest.mark.parametrize("method", ["auto", "bbse", "bbse-hard", "rlls", "matching"])
    @pytest.mark.parametrize("name", ["constant predictions", "constant, uneven ones"])
    def test_constant_predictions_say_nothing(self, name: str, method: str) -> None:
        found = estimate_prior(*awkward(name), method=method)
        np.testing.assert_allclose(found.prior, found.source_prior, atol=1e-9)
        assert not found.shift_is_significant
        assert found.assumption_p_value == 1.0
        assert (np.ptp(found.interval, axis=1) > 0.9).all()

    @pytest.mark.parametrize("method", METHODS)
    def test_a_perfect_classifier_is_believed(self, method: str) -> None:
        found = estimate_prior(*awkward("a perfect classifier"), method=method)
        np.testing.assert_allclose(found.prior, [0.0, 0.0, 1.0], atol=0.01)
        assert found.assumption_p_value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"source_probabilities": [[np.nan, 1.0], [0.5, 0.5]]}, "E400"),
        ({"target_probabilities": [[np.inf, 1.0]]}, "E400"),
        ({"source_probabilities": [[-0.5, 1.5], [0.5, 0.5]]}, "E401"),
        ({"target_probabilities": [[-0.5, 1.5]]}, "E401"),
        ({"source_labels": [0, 2]}, "E403"),
        ({"source_labels": [-1, 0]}, "E403"),
        ({"source_probabilities": np.zeros((0, 2)), "source_labels": []}, "E404"),
        ({"target_probabilities": np.zeros((0, 2))}, "E404"),
        ({"source_labels": [0]}, "E405"),
        ({"source_labels": [[0, 1]]}, "E405"),
        ({"target_probabilities": [[0.2, 0.3, 0.5]]}, "E405"),
        ({"target_probabilities": [0.5, 0.5]}, "E405"),
        ({"source_groups": [0]}, "E405"),
        ({"target_groups": [0, 1]}, "E405"),
        ({"source_features": [[1.0]]}, "E405"),
        ({"source_features": [[1.0], [2.0]], "target_features": [[1.0, 2.0]]}, "E405"),
        ({"source_features": [[1.0], [np.nan]]}, "E400"),
        ({"source_probabilities": [[3.0, 1.0], [0.5, 0.5]]}, "E406"),
        ({"target_probabilities": [[3.0, 1.0]]}, "E406"),
        ({"level": 1.5}, "E407"),
        ({"level": float("nan")}, "E407"),
        ({"p_value_before": -0.1}, "E407"),
        ({"p_value_before": float("nan")}, "E407"),
        ({"method": "guess"}, "E409"),
        ({"calibration": "isotonic"}, "E409"),
        ({"facts": KnownFacts(bounds={2: (0.0, 1.0)})}, "E420"),
        ({"facts": KnownFacts(bounds={0: (0.6, 0.5)})}, "E421"),
        ({"facts": KnownFacts(bounds={0: (0.0, 0.1), 1: (0.0, 0.1)})}, "E422"),
        ({"facts": KnownFacts(bounds={0: (0.1, 0.1), 1: (0.9, 0.9)}, order=((0, 1),))}, "E423"),
        ({"facts": KnownFacts(bounds={0: (0.0, 0.0)}, labelled=[0])}, "E424"),
        ({"facts": KnownFacts(belief=[0.5, 0.6], strength=1.0)}, "E402"),
        ({"facts": KnownFacts(labelled=[7])}, "E403"),
    ],
)
def test_unusable_rows_and_settings_are_refused(change: dict[str, Any], code: str) -> None:
    good: dict[str, Any] = {
        "source_probabilities": [[0.7, 0.3], [0.2, 0.8]],
        "source_labels": [0, 1],
        "target_probabilities": [[0.5, 0.5]],
    }
    with pytest.raises(IsoglossError) as caught:
        estimate_prior(**(good | change))
    assert caught.value.code == code


def test_calibrated_is_the_fitted_calibration_and_leaves_out_what_the_source_lacks() -> None:
    probabilities, labels = draw_rows(300, SOURCE, seed=1, separation=1.5)
    kept = labels != 1
    estimator = PriorEstimator(probabilities[kept], labels[kept])
    found = estimator.calibrated(probabilities)
    assert found.shape == probabilities.shape
    assert (found[:, 1] == 0).all()
    others = probabilities[:, [0, 2]] / probabilities[:, [0, 2]].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found[:, [0, 2]], estimator.source.calibration(others))
    with pytest.raises(IsoglossError) as caught:
        estimator.calibrated(probabilities[:, :2])
    assert caught.value.code == "E405"
