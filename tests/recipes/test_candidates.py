from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isogloss
from isogloss.data.arrays import read_arrays, save_arrays
from isogloss.errors import IsoglossError
from isogloss.recipes.candidates import CANDIDATE, is_settled, read_candidate, save_candidate
from isogloss.recipes.heldout import read_held_out
from isogloss.trainers.rows import CollectedRows


def rows_of(count: int, *, seed: int, features: bool = True) -> CollectedRows:
    rng = np.random.default_rng(seed)
    return CollectedRows(
        logits=rng.normal(size=(count, 3)).astype(np.float32),
        labels=rng.integers(0, 3, count),
        examples=np.arange(count) // 2,
        features=rng.normal(size=(count, 5)).astype(np.float32) if features else None,
    )


@pytest.mark.parametrize("features", [True, False])
def test_rows_come_back_without_the_target_s_labels(tmp_path: Path, features: bool) -> None:
    source, target = rows_of(8, seed=1, features=features), rows_of(6, seed=2, features=features)
    save_candidate(tmp_path / CANDIDATE, source=source, target=target)
    back = read_candidate(tmp_path, name="iwda")
    assert back.name == "iwda"
    for side, rows in (("source", source), ("target", target)):
        np.testing.assert_array_equal(getattr(back, f"{side}_logits"), rows.logits)
        np.testing.assert_array_equal(getattr(back, f"{side}_groups"), rows.examples)
        found = getattr(back, f"{side}_features")
        if rows.features is None:
            assert found is None
        else:
            np.testing.assert_allclose(found, rows.features, atol=2e-3)
    np.testing.assert_array_equal(back.source_labels, source.labels)


def test_files_of_earlier_versions_are_of_no_settled_model(tmp_path: Path) -> None:
    path = tmp_path / CANDIDATE
    save_candidate(path, source=rows_of(8, seed=1), target=rows_of(6, seed=2), settled=True)
    assert is_settled(tmp_path)
    assert read_candidate(tmp_path, name="kd").settled
    arrays, facts = read_arrays(path)
    del facts["settled"]
    save_arrays(path, arrays, facts)
    assert not is_settled(tmp_path)
    assert not read_candidate(tmp_path, name="kd").settled


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    foreign, unfit = tmp_path / "foreign", tmp_path / "unfit"
    save_arrays(foreign / CANDIDATE, {"x": np.zeros(3)}, {})
    save_candidate(unfit / CANDIDATE, source=rows_of(4, seed=1), target=rows_of(0, seed=1))
    for folder in (tmp_path / "missing", foreign, unfit):
        with pytest.raises(IsoglossError) as caught:
            read_candidate(folder, name="iwda")
        assert caught.value.code in ("E532", "E404")


def test_every_stage_of_a_run_is_a_candidate(files: dict[str, Any], tmp_path: Path) -> None:
    run = isogloss.adapt(output=tmp_path / "run", **files).folder
    for name in ("zero-shot", "iwda"):
        found = read_candidate(run / "stages" / name, name=name)
        kept = read_held_out(run / "stages" / name)
        np.testing.assert_allclose(found.served(found.source_logits), kept.probabilities, atol=1e-6)
        assert found.target_features is not None
        assert len(found.target_features) == found.num_target_rows
