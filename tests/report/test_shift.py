from __future__ import annotations

from dataclasses import replace

import numpy as np

from isogloss.report import wording
from isogloss.report.reading import StageRows
from isogloss.report.shift import FeatureShift, feature_shift
from isogloss.selection.rows import CandidateRows


def stage(moved: float, *, features: bool = True) -> StageRows:
    """Classes far apart, of which the target's lie `moved` further along every feature."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    own = 20.0 * np.eye(2)[labels] + rng.normal(size=(200, 2))
    rows = CandidateRows(
        name="x", source_logits=own, source_labels=labels, target_logits=own,
        source_features=own if features else None,
        target_features=own + moved if features else None,
    )  # fmt: skip
    return StageRows(rows=rows, places=np.arange(200), examples=200)


def test_the_distance_of_class_means() -> None:
    weights = np.array([1.5, 0.5])
    found = feature_shift(stage(0.75), weights, seed=0)
    assert found is not None
    np.testing.assert_allclose(found.distance, 1.5, rtol=0.01)
    still = feature_shift(stage(0.0), weights, seed=0)
    assert still is not None
    assert still.distance < 0.05 * found.distance
    assert feature_shift(stage(0.75, features=False), weights, seed=0) is None


def test_a_settled_balance_is_not_corrected_once_more() -> None:
    """Rows between the classes: their shares decide what each class's mean is."""
    base = stage(0.75)
    between = 0.2 * base.rows.target_logits
    weights, found = np.array([1.9, 0.1]), {}
    for settled in (False, True):
        rows = replace(base.rows, target_logits=between, settled=settled)
        for name, factors in (("asked", weights), ("plain", np.ones(2))):
            shift = feature_shift(replace(base, rows=rows), factors, seed=0)
            assert shift is not None
            found[settled, name] = shift.distance
    assert found[True, "asked"] == found[True, "plain"]
    assert abs(found[False, "asked"] - found[False, "plain"]) > 0.01


def test_which_way_it_went_is_said() -> None:
    def said(before: float, after: float) -> str:
        stages = [FeatureShift(stage=n, distance=1.0, scaled=s)
                  for n, s in (("zero-shot", before), ("iwda", after))]  # fmt: skip
        return wording.shift_sentences(stages)[0]

    assert "0.50 apart after iwda, nearer than the 0.80 after zero-shot" in said(0.8, 0.5)
    assert "farther apart than" in said(0.5, 0.8)
    assert "as far apart as" in said(0.5, 0.5)
    assert wording.shift_sentences([FeatureShift(stage="x", distance=1.0, scaled=1.0)]) == []


def test_the_served_stage_is_compared_with_the_first() -> None:
    stages = [
        FeatureShift(stage=n, distance=1.0, scaled=s) for n, s in zip("abc", (3, 2, 1), strict=True)
    ]
    for served, named in (("b", "2.00 apart after b"), ("a", "1.00 apart after c")):
        assert named in wording.shift_sentences(stages, served)[0]
