"""The held-out rows that a run keeps: whole, carried along, and refused where they do not fit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import isogloss
from isogloss.data.arrays import read_arrays, save_arrays
from isogloss.errors import IsoglossError
from isogloss.recipes import teaching
from isogloss.recipes.candidates import is_settled
from isogloss.recipes.folder import RunFolder
from isogloss.recipes.heldout import HELD_OUT, HeldOutRows, read_held_out, save_held_out
from isogloss.trainers.rows import CollectedRows

NAMES = ("[red]", "größe", "c")


def rows_of(count: int = 7) -> CollectedRows:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(count, 3)).astype(np.float32)
    return CollectedRows(logits, rng.integers(0, 3, count), np.arange(count) // 2)


def model_beside(folder: Path) -> Path:
    (folder / "model").mkdir()
    return folder


def code_of(folder: Path) -> str:
    with pytest.raises(IsoglossError) as caught:
        read_held_out(folder)
    return caught.value.code


@pytest.mark.parametrize("place", ["", "model"])
def test_rows_come_back_as_they_were(tmp_path: Path, place: str) -> None:
    rows = rows_of()
    model_beside(tmp_path)
    save_held_out(tmp_path / HELD_OUT, rows, names=NAMES, trained_on=True)
    back = read_held_out(tmp_path / place)
    np.testing.assert_allclose(back.probabilities, rows.probabilities, atol=1e-7)
    np.testing.assert_array_equal(back.labels, rows.labels)
    np.testing.assert_array_equal(back.examples, rows.examples)
    assert (back.names, back.trained_on) == (NAMES, True)


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        save_held_out(tmp_path / name, rows_of(), names=NAMES, trained_on=False)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_folder_without_them(tmp_path: Path) -> None:
    assert code_of(tmp_path / "nowhere") == "E524"
    assert code_of(model_beside(tmp_path)) == "E531"


@pytest.mark.parametrize("damage", ["cut", "other", "entry"])
def test_a_file_that_cannot_be_read(tmp_path: Path, damage: str) -> None:
    path = model_beside(tmp_path) / HELD_OUT
    save_held_out(path, rows_of(), names=NAMES, trained_on=False)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "other":
        save_file({"x": np.zeros(3)}, path)
    else:
        save_file({"x": np.zeros(3)}, path, metadata={"isogloss": '{"labels": []}'})
    assert code_of(tmp_path) == "E532"


def held_out_of(folder: Path) -> HeldOutRows:
    return read_held_out(folder)


def test_a_run_keeps_those_of_its_last_stage(files: dict[str, Any], tmp_path: Path) -> None:
    run = isogloss.adapt(output=tmp_path / "run", **files).folder
    stages = {name: held_out_of(run / "stages" / name) for name in ("zero-shot", "iwda")}
    kept = held_out_of(run)
    np.testing.assert_array_equal(kept.probabilities, stages["iwda"].probabilities)
    assert not np.array_equal(kept.probabilities, stages["zero-shot"].probabilities)
    assert kept.names == ("class-0", "class-1", "class-2")
    assert not kept.trained_on
    # 15 % of 40 source rows.
    assert len(kept.labels) == 6


def test_adapted_stages_keep_the_test_of_the_model_before(
    files: dict[str, Any], tmp_path: Path
) -> None:
    files |= {"recipe": "auto", "averages": 2, "seeds": 2}
    folder = RunFolder(isogloss.adapt(output=tmp_path / "run", **files).folder)
    results = {path.name: folder.stage_result(path.name) for path in folder.root.glob("stages/*")}
    found = {name: result["prior"]["assumption_p_value"] for name, result in results.items()}
    before = {name: held_out_of(folder.stage(name)).p_value_before for name in results}
    assert {"iwda+st", "iwda+st-seeds", "iwda-average", "iwda-seed-1"} <= set(found)
    for name, p_value in before.items():
        first = name.startswith("zero-shot")
        assert p_value == (1.0 if first else found["zero-shot"]), name
        assert found[name] <= p_value


def test_a_mean_over_seeds_is_settled_where_its_members_are(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted = SimpleNamespace(weights=np.array([0.5, 1.5, 1.0]))
    monkeypatch.setattr(teaching, "row_estimator", lambda *_: lambda _: shifted)
    files |= {"recipe": "auto", "averages": 2, "seeds": 2}
    files["distill"] = {**files["distill"], "correct_prior": True}
    folder = RunFolder(isogloss.adapt(output=tmp_path / "run", **files).folder)
    names = [path.parent.name for path in folder.root.glob("stages/*/result.json")]
    assert {"iwda+kd-average", "iwda+kd-seeds", "iwda-seeds"} <= set(names)
    for name in names:
        assert is_settled(folder.stage(name)) == name.startswith("iwda+kd"), name


def test_files_of_earlier_versions_say_nothing_of_it(tmp_path: Path) -> None:
    path = model_beside(tmp_path) / HELD_OUT
    save_held_out(path, rows_of(), names=NAMES, trained_on=False, p_value_before=0.25)
    assert held_out_of(tmp_path).p_value_before == 0.25
    arrays, facts = read_arrays(path)
    del facts["p_value_before"]
    save_arrays(path, arrays, facts)
    assert held_out_of(tmp_path).p_value_before == 1.0


def test_a_stage_that_is_taken_over_brings_them_along(
    files: dict[str, Any], tmp_path: Path
) -> None:
    files["recipe"] = "zero-shot"
    first = isogloss.adapt(output=tmp_path / "first", **files).folder
    second = isogloss.adapt(output=tmp_path / "second", start=str(first), **files).folder
    assert (first / HELD_OUT).read_bytes() == (second / HELD_OUT).read_bytes()
    (first / HELD_OUT).unlink()
    (first / "stages" / "zero-shot" / HELD_OUT).unlink()
    third = isogloss.adapt(output=tmp_path / "third", start=str(first), **files).folder
    assert code_of(third) == "E531"


def test_the_paper_s_runs_keep_their_training_rows(files: dict[str, Any], tmp_path: Path) -> None:
    files |= {"preset": "paper", "recipe": "zero-shot", "max_steps": 1}
    kept = held_out_of(isogloss.adapt(output=tmp_path / "run", **files).folder)
    assert kept.trained_on
    assert len(kept.labels) == 40
