"""Draws by number, and samples of fixed size."""

from __future__ import annotations

import numpy as np

from isogloss.analysis.hashing import draw, row_keys
from isogloss.analysis.sampling import RowSample, SampledRows


def sample(order: np.ndarray, *, batch: int, capacity: int = 20) -> SampledRows:
    strata = np.arange(300) % 3 // 2
    kept = RowSample(capacity, 2)
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        kept.add(
            rows[:, None].astype(float),
            np.ones((len(rows), 1)),
            strata[rows],
            keys=draw(rows, seed=1),
            groups=rows,
            blocks=rows % 7,
        )
    return kept.rows()


def test_a_sample_is_of_fixed_size_and_does_not_depend_on_the_stream() -> None:
    whole = sample(np.arange(300), batch=300)
    assert np.bincount(whole.strata).tolist() == [20, 20]
    assert whole.seen.tolist() == [200, 100]
    assert whole.expansion().sum() == 300
    shuffled = np.random.default_rng(0).permutation(300)
    for order, batch in ((np.arange(300), 1), (shuffled, 11)):
        other = sample(order, batch=batch)
        for name in ("features", "groups", "blocks", "strata", "seen"):
            np.testing.assert_array_equal(getattr(other, name), getattr(whole, name))


def test_all_rows_are_kept_where_there_is_room() -> None:
    kept = sample(np.arange(300), batch=50, capacity=200)
    assert sorted(kept.groups) == list(range(300))
    assert (kept.expansion() == 1).all()


def test_every_row_is_as_likely() -> None:
    keys = draw(np.arange(20_000), seed=3)
    shares = keys.astype(np.float64) / 2.0**64
    counts = np.histogram(shares, bins=20, range=(0, 1))[0]
    assert np.square(counts - 1_000).sum() / 1_000 < 45
    assert abs(np.corrcoef(shares[:-1], shares[1:])[0, 1]) < 0.03
    assert len(np.unique(keys)) == 20_000
    assert not np.intersect1d(keys, draw(np.arange(20_000), seed=4)).size


def test_rows_of_one_example_have_keys_of_their_own_wherever_they_are() -> None:
    groups = np.array([5, 2, 5, 5, 2])
    keys = row_keys(groups, seed=0)
    assert len(np.unique(keys)) == 5
    np.testing.assert_array_equal(keys[[0, 2, 3]], row_keys([5, 5, 5], seed=0))
