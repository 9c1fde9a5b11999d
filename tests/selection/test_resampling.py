"""Joint counts by bundle, their resampling, and priors within an interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isogloss.labelshift import PriorEstimate, estimate_prior
from isogloss.selection.resampling import bundle_rows, draw_bundles, draw_priors, joint_counts
from tests.helpers.candidates import random_rows

ROWS, LABELS = random_rows(40, 3, seed=0)
PREDICTED = ROWS.argmax(axis=1)


def an_estimate() -> PriorEstimate:
    return estimate_prior(ROWS, LABELS, random_rows(60, 3, seed=1)[0])


@pytest.mark.parametrize("groups", [None, np.arange(40) // 3])
def test_counts_by_loops(groups: np.ndarray | None) -> None:
    bundles = bundle_rows(40, groups, num_classes=3, seed=0)
    hard = joint_counts(PREDICTED, LABELS, bundles, num_classes=3)
    soft = joint_counts(PREDICTED, ROWS, bundles, num_classes=3)
    keys = np.arange(40) if groups is None else groups
    assert bundles.count == len(set(keys.tolist())) == len(hard.bundles)
    for bundle in range(bundles.count):
        wanted, expected = np.zeros((3, 3)), np.zeros((3, 3))
        for row in np.flatnonzero(keys == bundle):
            wanted[PREDICTED[row], LABELS[row]] += 1
            expected[PREDICTED[row]] += ROWS[row]
        np.testing.assert_array_equal(hard.bundles[bundle], wanted)
        np.testing.assert_allclose(soft.bundles[bundle], expected)
    assert hard.total.sum() == pytest.approx(40)
    assert soft.total.sum() == pytest.approx(40)


def test_many_groups_stay_whole_in_fewer_bundles() -> None:
    groups = np.repeat(np.arange(700), 2)
    found = bundle_rows(1_400, groups, num_classes=3, seed=0)
    assert found.count == 500
    np.testing.assert_array_equal(found.of_row[::2], found.of_row[1::2])
    assert bundle_rows(1_400, groups, num_classes=400, seed=0).count == 50


def test_resampling_counts_bundles_as_often_as_they_are_drawn() -> None:
    bundles = bundle_rows(40, None, num_classes=3, seed=0)
    counts = joint_counts(PREDICTED, ROWS, bundles, num_classes=3)
    np.testing.assert_allclose(counts.resampled(np.ones((1, 40)))[0], counts.total)
    rng = np.random.default_rng(0)
    times = draw_bundles(40, 3_000, rng)
    assert (times.sum(axis=1) == 40).all()
    drawn = counts.resampled(times)
    place = rng.choice(40, 40)
    wanted = sum(counts.bundles[row] for row in place)
    once = counts.resampled(np.bincount(place, minlength=40)[None].astype(float))
    np.testing.assert_allclose(once[0], wanted)
    spread = 40 * counts.bundles.var(axis=0)
    np.testing.assert_allclose(drawn.var(axis=0), spread, rtol=0.15)


def test_priors_are_drawn_around_the_centre_as_widely_as_the_interval() -> None:
    centre = np.array([0.5, 0.3, 0.2])
    interval = np.stack([centre - 0.04, centre + 0.04], axis=1)
    estimate = replace(an_estimate(), interval=interval, level=0.95)
    rng = np.random.default_rng(0)
    found = draw_priors(centre, estimate, np.ones(3, bool), 4_000, rng)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    np.testing.assert_allclose(found.mean(axis=0), centre, atol=2e-3)
    # The sum's constraint takes a third of the variance of three independent shares.
    np.testing.assert_allclose(found.std(axis=0), 0.04 / 1.96 * np.sqrt(2 / 3), rtol=0.05)
    sure = replace(estimate, interval=np.stack([centre, centre], axis=1))
    same = draw_priors(centre, sure, np.ones(3, bool), 5, rng)
    np.testing.assert_allclose(same, np.tile(centre, (5, 1)))


def test_a_refuted_interval_says_no_more_than_the_predictions_moved() -> None:
    centre = np.array([0.5, 0.3, 0.2])
    wide = np.tile([0.0, 1.0], (3, 1))
    predicted = centre + np.array([0.06, -0.06, 0.0])
    estimate = an_estimate()
    told = {
        "assumption_p_value": 1e-6,
        "source_prior": centre,
        "diagnostics": estimate.diagnostics | {"predicted": predicted.tolist()},
    }
    seen, rng = np.ones(3, bool), np.random.default_rng(0)
    refuted = replace(estimate, interval=wide, **told)
    # Projecting three shares on their sum mixes their variances.
    variances = np.array([0.06, 0.06, 0.02]) ** 2
    mixed = variances / 3.0 + variances.sum() / 9.0
    found = draw_priors(centre, refuted, seen, 4_000, rng)
    np.testing.assert_allclose(found.std(axis=0), np.sqrt(mixed), rtol=0.05)
    trusted = replace(refuted, assumption_p_value=0.5)
    assert (draw_priors(centre, trusted, seen, 4_000, rng).std(axis=0) > 0.15).all()
    # An interval that is narrower than that stays as it is.
    sure = replace(refuted, interval=np.stack([centre, centre], axis=1))
    same = draw_priors(centre, sure, seen, 5, rng)
    np.testing.assert_allclose(same, np.tile(centre, (5, 1)))


def test_a_class_that_the_source_lacks_is_drawn_no_share() -> None:
    seen = np.array([True, False, True])
    estimate = replace(an_estimate(), interval=np.tile([0.1, 0.7], (3, 1)))
    rng = np.random.default_rng(0)
    found = draw_priors(np.array([0.4, 0.0, 0.6]), estimate, seen, 50, rng)
    assert (found[:, 1] == 0.0).all()
    assert (found >= 0.0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
