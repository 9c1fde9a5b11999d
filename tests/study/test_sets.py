"""Sets drawn from rows and from sentences: what is in them, and sums over them."""

from __future__ import annotations

import numpy as np
import pytest

from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.study.chosen import ChosenSets
from isogloss.study.drawing import draw_sets, usual_size
from isogloss.study.plans import PriorPlan
from isogloss.study.sentences import Tagged, choose_sentences, inclusion_chances
from isogloss.study.windows import WindowSets, draw_windows
from tests.study.helpers import rows_target, tags_target


def test_each_set_has_its_prior_and_no_row_twice() -> None:
    target = rows_target()
    sets = draw_sets(target, 60, plan=PriorPlan(), size=80, seed=4)
    assert isinstance(sets, WindowSets)
    for index in range(60):
        rows = sets.members(index)
        assert len(rows) == len(set(rows.tolist())) == 80
        found = np.bincount(target.labels[rows], minlength=3)
        assert found.tolist() == sets.counts[index].tolist()
        np.testing.assert_allclose(sets.priors[index], found / 80)


def test_a_whole_class_and_none_of_a_class() -> None:
    labels = np.array([0, 1, 0, 1, 1, 0])
    sets = draw_windows(labels, [[3, 0, 0], [0, 3, 0], [3, 3, 0]], rng=np.random.default_rng(0))
    assert [sets.members(i).tolist() for i in range(3)] == [
        [0, 2, 5],
        [1, 3, 4],
        [0, 1, 2, 3, 4, 5],
    ]
    values = np.arange(6.0)[:, None]
    assert sets.class_sums(0, values)[:, 0].tolist() == [7.0, 0.0, 7.0]
    assert sets.class_sums(1, values)[:, 0].tolist() == [0.0, 8.0, 8.0]
    assert sets.class_sums(2, values)[:, 0].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_over_rows_are_those_of_the_members(dtype: type) -> None:
    target = rows_target(shares=(0.5, 0.1, 0.4))
    values = np.random.default_rng(0).normal(size=(300, 5)).astype(dtype)
    with pytest.warns(IsoglossWarning, match="W704"):
        sets = draw_sets(target, 40, plan=PriorPlan(), size=100)
    for j in range(3):
        found = sets.class_sums(j, values)
        rows = [sets.members(i) for i in range(40)]
        wanted = [values[r[target.labels[r] == j]].sum(axis=0) for r in rows]
        np.testing.assert_allclose(found, wanted, atol=1e-4 if dtype is np.float32 else 1e-10)


def test_every_row_is_as_likely_and_sets_do_not_depend_on_each_other() -> None:
    """As if each set had been drawn by itself: equal chances, means of two sets uncorrelated."""
    labels = np.zeros(40, dtype=int)
    values = np.random.default_rng(1).normal(size=40)
    hits, means = np.zeros(40), []
    for seed in range(400):
        sets = draw_windows(labels, np.full((8, 1), 10), rng=np.random.default_rng(seed))
        for index in range(8):
            hits[sets.members(index)] += 1
        means.append(sets.class_sums(0, values[:, None])[:, 0] / 10)
    np.testing.assert_allclose(hits / hits.sum() * 40, 1.0, atol=0.2)
    table = np.array(means)
    # The variance of a mean of 10 of 40 drawn without replacement.
    wanted = values.var(ddof=1) / 10 * (1 - 10 / 40)
    np.testing.assert_allclose(table.var(), wanted, rtol=0.15)
    pairs = np.corrcoef(table.T)[~np.eye(8, dtype=bool)]
    assert abs(pairs.mean()) < 0.02


def test_the_same_seed_draws_the_same_sets() -> None:
    for target in (rows_target(), tags_target()[0]):
        one, same, other = (
            draw_sets(target, 5, plan=PriorPlan(), size=40, seed=seed) for seed in (1, 1, 2)
        )
        for index in range(5):
            assert one.members(index).tolist() == same.members(index).tolist()
        assert any(one.members(i).tolist() != other.members(i).tolist() for i in range(5))


def test_given_priors_come_in_turn() -> None:
    plan = PriorPlan(given=[{"bad": 0.5}, {"bad": 0.1, "good": 0.9}])
    sets = draw_sets(rows_target(), 3, plan=plan, size=60)
    np.testing.assert_allclose(sets.priors, [[0.5, 0.25, 0.25], [0.1, 0, 0.9], [0.5, 0.25, 0.25]])


def test_a_grid_is_gone_through_before_any_prior_comes_again() -> None:
    sets = draw_sets(rows_target(), 12, plan=PriorPlan(grid=2), size=60)
    shares = np.unique(sets.priors, axis=0, return_counts=True)
    assert shares[1].tolist() == [2] * 6


def test_classes_that_are_not_there_have_no_share() -> None:
    target = rows_target(shares=(0.5, 0.0, 0.5))
    for plan in (PriorPlan(), PriorPlan(grid=3)):
        assert (draw_sets(target, 30, plan=plan, size=90).priors[:, 1] == 0).all()


def test_priors_beyond_the_rows_are_told_of() -> None:
    target = rows_target(shares=(0.9, 0.05, 0.05))
    for plan in (PriorPlan(), PriorPlan(grid=8)):
        with pytest.warns(IsoglossWarning, match=r"W704: \d+ of \d+ priors.*at most 15 rows"):
            sets = draw_sets(target, 20, plan=plan, size=60)
        assert (sets.counts <= [270, 15, 15]).all()
        assert len(sets.priors) == 20
    with pytest.raises(IsoglossError, match=r"E725.*with 15"):
        draw_sets(target, 20, plan=PriorPlan(concentration=1e4), size=250)
    with pytest.raises(IsoglossError, match=r"E723: de.csv has 15 rows of 'fair'.*at most 31"):
        draw_sets(target, 20, plan=PriorPlan(given=[{"fair": 0.5}]), size=60)


@pytest.mark.parametrize("size", [0, 301])
def test_a_size_that_cannot_be(size: int) -> None:
    with pytest.raises(IsoglossError, match=r"E730.*1 to 300"):
        draw_sets(rows_target(), 2, plan=PriorPlan(), size=size)


def test_the_usual_size_lets_every_prior_of_an_even_file_be() -> None:
    assert usual_size(rows_target()) == 100
    assert usual_size(tags_target()[0]) == 50
    assert usual_size(rows_target(rows=30_000)) == 2_500


def test_concentration_is_checked() -> None:
    with pytest.raises(IsoglossError, match="E407"):
        draw_sets(rows_target(), 2, plan=PriorPlan(concentration=0.0))


def test_sums_over_sentences_are_those_of_their_words() -> None:
    target, _ = tags_target()
    told: list[int] = []
    sets = draw_sets(target, 12, plan=PriorPlan(), size=50, advance=told.append)
    assert isinstance(sets, ChosenSets)
    assert sum(told) == 12
    assert (sets.sizes == 50).all()
    values = np.random.default_rng(0).normal(size=(len(target.labels), 4))
    # A tokenizer that cut a third of the words.
    kept = np.flatnonzero(np.random.default_rng(1).random(len(target.labels)) < 0.7)
    rows = sets.on(target.labels[kept], target.examples[kept])
    for index in range(12):
        inside = np.isin(target.examples, sets.members(index))
        found = np.bincount(target.labels[inside], minlength=5)
        np.testing.assert_allclose(sets.priors[index], found / found.sum())
        for j in range(5):
            own = inside[kept] & (target.labels[kept] == j)
            assert rows.counts[index, j] == own.sum()
            np.testing.assert_allclose(
                rows.class_sums(j, values[kept])[index], values[kept][own].sum(axis=0), atol=1e-9
            )


def test_sentences_reach_a_given_prior() -> None:
    target, _ = tags_target(600)
    sets = draw_sets(target, 6, plan=PriorPlan(given=[{"O": 0.7}, {"O": 0.3}]), size=100)
    np.testing.assert_allclose(sets.priors[:, 0], [0.7, 0.3] * 3, atol=0.005)
    rest = sets.priors[:, 1:] / sets.priors[:, 1:].sum(axis=1, keepdims=True)
    wanted = target.prior[1:] / target.prior[1:].sum()
    np.testing.assert_allclose(rest, np.tile(wanted, (6, 1)), atol=0.02)


def test_sentences_that_stay_away_are_told_of() -> None:
    target, _ = tags_target(300)
    with pytest.warns(IsoglossWarning, match=r"W705: 3 of 3 sets stay farther than 0.02"):
        sets = draw_sets(target, 3, plan=PriorPlan(given=[{"I-LOC": 0.9}]), size=60)
    assert (sets.priors[:, 4] > 2 * target.prior[4]).all()


def test_random_priors_of_tags_differ_from_each_other() -> None:
    target, _ = tags_target(400)
    sets = draw_sets(target, 40, plan=PriorPlan(concentration=0.5), size=60)
    shifts = 0.5 * np.abs(sets.priors - target.prior).sum(axis=1)
    assert shifts.max() > 0.2
    assert np.quantile(shifts, 0.1) < np.quantile(shifts, 0.9) / 2


def test_chances_sum_up_and_expect_the_prior() -> None:
    target, _ = tags_target(500)
    tagged = Tagged.of(target.totals)
    prior = 0.5 * target.prior + 0.5 * np.eye(5)[0]
    chances = inclusion_chances(tagged, prior, 100)
    assert chances.sum() == pytest.approx(100, rel=1e-3)
    assert 0 < chances.min() <= chances.max() < 1
    expected = chances @ tagged.counts
    np.testing.assert_allclose(expected / expected.sum(), prior, atol=0.01)
    # Of greatest entropy: log-odds are a linear function of size and surplus.
    surplus = tagged.counts - tagged.counts.sum(axis=1, keepdims=True) * prior
    design = np.hstack([np.ones((500, 1)), surplus])
    odds = np.log(chances / (1 - chances))
    left = odds - design @ np.linalg.lstsq(design, odds, rcond=None)[0]
    np.testing.assert_allclose(left, 0.0, atol=1e-8)


def test_all_sentences_and_one() -> None:
    target, _ = tags_target(30)
    tagged = Tagged.of(target.totals)
    rng = np.random.default_rng(0)
    assert choose_sentences(tagged, target.prior, 30, rng=rng, near=0.0).all()
    assert choose_sentences(tagged, target.prior, 1, rng=rng, near=0.0).sum() == 1
