"""The whole estimate where something is known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.labelshift import (
    METHODS,
    KnownFacts,
    estimate_prior,
    total_variation,
)
from tests.labelshift.test_prior_estimation import (
    MOVED,
    SOURCE,
    TARGET,
    assert_sound,
    awkward,
    sides,
)


class TestFacts:
    @pytest.mark.parametrize("method", METHODS)
    def test_bounds_and_fixed_shares_hold(self, method: str) -> None:
        facts = KnownFacts(bounds={0: (0.3, 0.3), 2: (0.0, 0.35)})
        found = estimate_prior(*sides(), method=method, facts=facts)
        assert_sound(found, 3)
        assert found.prior[0] == pytest.approx(0.3, abs=1e-9)
        assert found.prior[2] <= 0.35 + 1e-9
        np.testing.assert_allclose(found.interval[0], 0.3, atol=1e-9)
        assert found.interval[2, 1] <= 0.35 + 1e-9
        assert found.diagnostics["facts"] is True
        assert "known facts" in found.sentences()[1]

    @pytest.mark.parametrize("count", [20, 200])
    def test_the_interval_has_the_noise_of_labelled_rows(self, count: int) -> None:
        covered, widths = [], []
        for seed in range(20):
            labelled = np.random.default_rng(seed).choice(3, count, p=TARGET)
            rows = sides(seed, rows=600, others=600, moved=MOVED)
            low, high = estimate_prior(*rows, facts=KnownFacts(labelled=labelled)).interval.T
            covered.append((low <= TARGET) & (high >= TARGET))
            widths.append(high - low)
        assert np.mean(covered) > 0.8
        # 1.96 standard errors of the labelled rows alone on either side.
        alone = 3.92 * np.sqrt(TARGET * (1.0 - TARGET) / count)
        assert (np.mean(widths, axis=0) < 1.25 * alone).all()

    def test_an_order_holds(self) -> None:
        found = estimate_prior(*sides(), facts=KnownFacts(order=((0, 2),)))
        assert found.prior[0] >= found.prior[2] - 1e-9

    def test_labelled_rows_narrow_the_interval_and_lower_the_error(self) -> None:
        errors, widths = [], []
        for seed in range(15):
            rows = sides(seed, others=80)
            labelled = np.random.default_rng(seed).choice(3, 150, p=TARGET)
            pair = [estimate_prior(*rows, facts=f) for f in (None, KnownFacts(labelled=labelled))]
            errors.append([total_variation(e.prior, TARGET) for e in pair])
            widths.append([np.ptp(e.interval, axis=1).mean() for e in pair])
        assert np.mean(errors, axis=0)[1] < np.mean(errors, axis=0)[0]
        assert np.mean(widths, axis=0)[1] < 0.9 * np.mean(widths, axis=0)[0]

    def test_a_strong_belief_is_believed_and_a_weak_one_is_not(self) -> None:
        belief = np.array([0.6, 0.2, 0.2])
        plain = estimate_prior(*sides())
        for strength, wanted in ((1e7, belief), (1e-7, plain.prior)):
            facts = KnownFacts(belief=belief, strength=strength)
            found = estimate_prior(*sides(), facts=facts)
            np.testing.assert_allclose(found.prior, wanted, atol=0.01)

    def test_facts_tell_of_a_class_that_the_source_lacks(self) -> None:
        probabilities, labels, others = sides()
        without = np.where(labels == 2, 1, labels)
        facts = KnownFacts(labelled=[2] * 6 + [0, 1] * 2)
        found = estimate_prior(probabilities, without, others, facts=facts)
        assert_sound(found, 3)
        assert found.prior[2] > 0.2
        assert found.weights[2] == 1.0
        assert found.raw_prior[2] == 0.0

    def test_facts_are_all_there_is_where_predictions_say_nothing(self) -> None:
        probabilities, labels, others = awkward("constant predictions")
        facts = KnownFacts(labelled=[0, 1] * 20 + [2] * 60)
        found = estimate_prior(probabilities, labels, others, facts=facts)
        np.testing.assert_allclose(found.prior, [0.2, 0.2, 0.6], atol=0.02)
        without = sides()
        hard = [np.array([0.6, 0.4, 0.0]), np.array([0.4, 0.6, 0.0])]
        rows = [np.stack([hard[i] for i in p[:, :2].argmax(1)]) for p in without[::2]]
        facts = KnownFacts(labelled=[2] * 80 + [0, 1] * 10)
        found = estimate_prior(rows[0], without[1], rows[1], method="bbse-hard", facts=facts)
        assert found.prior[2] > 0.6

    def test_the_interval_surrounds_the_estimate_that_the_facts_corrected(self) -> None:
        distances = []
        for seed in range(30):
            facts = KnownFacts(bounds={0: (0.0, 0.9)})
            found = estimate_prior(*sides(seed, others=60, prior=SOURCE), facts=facts)
            if found.assumption_holds and not found.shift_is_significant:
                middle = found.interval.mean(axis=1)
                distances.append([np.abs(middle - p).max() for p in (found.prior, found.raw_prior)])
        beside_estimate, beside_raw = np.mean(distances, axis=0)
        assert beside_estimate < 0.03
        assert beside_estimate < 0.5 * beside_raw

    def test_without_a_shift_facts_correct_the_source_s_balance(self) -> None:
        found = estimate_prior(*sides(1, prior=SOURCE), facts=KnownFacts(bounds={1: (0.4, 1.0)}))
        assert not found.shift_is_significant
        assert found.prior[1] == pytest.approx(0.4, abs=1e-6)
        assert "the facts correct the source's balance" in found.sentences()[0]
