from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isogloss
from isogloss.labelshift.prior_estimation import estimate_prior
from isogloss.models.card import inert
from isogloss.recipes.candidates import CANDIDATE, read_candidate
from isogloss.recipes.expecting import NOTHING_HELD_OUT, estimate_of
from isogloss.selection.expectation import expected_score
from isogloss.selection.rows import CandidateRows


def test_a_run_says_what_to_expect_of_its_last_stage(files: dict[str, Any], tmp_path: Path) -> None:
    result = isogloss.adapt(output=tmp_path / "run", seed=3, **files)
    rows = read_candidate(result.folder / "stages" / "iwda", name="iwda")
    estimate = estimate_of(rows, tagging=False, seed=3)
    expected = expected_score(rows, estimate, metric="macro_f1", seed=3)
    found = result.metrics["expected"]
    assert found["metric"] == "macro_f1"
    assert found["value"] == pytest.approx(expected.value, abs=1e-9)
    low, high = found["interval"]
    assert 0.0 <= low <= found["value"] <= high <= 1.0
    card = (result.model / "README.md").read_text("utf-8")
    assert inert(found["sentence"]) in card


def test_nothing_is_expected_where_nothing_was_held_out(
    files: dict[str, Any], tmp_path: Path
) -> None:
    options = {**files, "max_steps": 2, "holdout": 0.0, "recipe": "zero-shot"}
    result = isogloss.adapt(output=tmp_path / "run", **options)
    assert result.metrics["expected"] == {"sentence": NOTHING_HELD_OUT}


def test_a_stage_that_was_taken_over_is_a_candidate_still(
    files: dict[str, Any], tmp_path: Path
) -> None:
    options = {**files, "max_steps": 2}
    first = isogloss.adapt(output=tmp_path / "first", **(options | {"recipe": "zero-shot"}))
    second = isogloss.adapt(output=tmp_path / "second", start=str(first.folder), **options)
    kept, before = (
        (run.folder / "stages" / "zero-shot" / CANDIDATE).read_bytes() for run in (second, first)
    )
    assert kept == before


def test_a_stage_of_an_earlier_version_has_no_expectation(
    files: dict[str, Any], tmp_path: Path
) -> None:
    options = {**files, "max_steps": 2, "recipe": "zero-shot"}
    first = isogloss.adapt(output=tmp_path / "first", **options)
    (first.folder / "stages" / "zero-shot" / CANDIDATE).unlink()
    second = isogloss.adapt(output=tmp_path / "second", start=str(first.folder), **options)
    assert second.metrics["expected"] is None


@pytest.mark.parametrize("tagging", [False, True])
def test_words_of_a_sentence_are_not_independent(tagging: bool) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 240)
    logits = rng.normal(size=(240, 3)) + 1.5 * np.eye(3)[labels]
    groups = np.arange(240) // 8
    rows = CandidateRows(
        name="iwda",
        source_logits=logits[:120],
        source_labels=labels[:120],
        target_logits=logits[120:],
        source_groups=groups[:120],
        target_groups=groups[120:],
    )
    kept = {"source_groups": groups[:120], "target_groups": groups[120:]} if tagging else {}
    wanted = estimate_prior(
        rows.served(logits[:120]), labels[:120], rows.served(logits[120:]), **kept
    )
    np.testing.assert_array_equal(
        estimate_of(rows, tagging=tagging, seed=0).interval, wanted.interval
    )
