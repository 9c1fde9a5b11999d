from __future__ import annotations

import os
from pathlib import Path

import pytest

from isogloss.data.atomic import temporary_beside
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import RunFolder, link_tree, read_json, write_json

CONFIG = RunConfig(source="a.csv", target="b.csv").resolved()
RECORD = {"data": {"source": "1", "target": "2"}, "versions": {"torch": "2"}}


def code_of(root: Path, config: RunConfig = CONFIG, **record: object) -> str:
    with pytest.raises(IsoglossError) as caught:
        RunFolder.open(root, config, {**RECORD, **record})
    return caught.value.code


def test_same_run_is_taken_up_again(tmp_path: Path) -> None:
    first = RunFolder.open(tmp_path / "r", CONFIG, RECORD)
    first.finish_stage("zero-shot", {"steps": 3})
    again = RunFolder.open(tmp_path / "r", CONFIG, RECORD)
    assert again.stage_result("zero-shot") == {"steps": 3}
    assert again.stage_result("iwda") is None
    assert not again.is_done()


def test_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    assert code_of(tmp_path) == "E520"
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    assert code_of(tmp_path / "thesis.txt") == "E520"


def test_folder_of_another_run_names_what_differs(tmp_path: Path) -> None:
    RunFolder.open(tmp_path / "r", CONFIG, RECORD)
    other = RunConfig(source="a.csv", target="b.csv", seed=7).resolved()
    with pytest.raises(IsoglossError, match="seed: 0 there, 7 now") as caught:
        RunFolder.open(tmp_path / "r", other, RECORD)
    assert caught.value.code == "E521"


def test_changed_data_are_refused(tmp_path: Path) -> None:
    RunFolder.open(tmp_path / "r", CONFIG, RECORD)
    assert code_of(tmp_path / "r", data={"source": "1", "target": "3"}) == "E522"


def test_other_versions_are_warned_of(tmp_path: Path) -> None:
    RunFolder.open(tmp_path / "r", CONFIG, RECORD)
    with pytest.warns(IsoglossWarning, match="W520.*torch"):
        RunFolder.open(tmp_path / "r", CONFIG, {**RECORD, "versions": {"torch": "3"}})


def test_cut_off_while_beginning(tmp_path: Path) -> None:
    """A run killed before its configuration had its name begins anew."""
    root = tmp_path / "r"
    root.mkdir()
    (root / "run.json").write_text("{}")
    (root / ".config.yaml").write_text("source:")
    RunFolder.open(root, CONFIG, RECORD)
    assert read_json(root / "run.json") == RECORD


def test_what_a_killed_run_was_writing_is_removed_when_it_is_taken_up(tmp_path: Path) -> None:
    root = tmp_path / "run"
    folder = RunFolder.open(root, CONFIG, RECORD)
    left = [temporary_beside(root / name) for name in ("run.png", "stages/iwda/model")]
    left[0].write_text("half")
    left[1].mkdir(parents=True)
    (left[1] / "config.json").write_text("half")
    mine = [root / ".notes.tmp", root / ".git", folder.stage("iwda") / "result.json"]
    for path in mine:
        path.write_text("{}")
    RunFolder.open(root, CONFIG, RECORD)
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in mine)


def test_place_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(IsoglossError) as caught:
        RunFolder.open(tmp_path / "file" / "run", CONFIG, RECORD)
    assert caught.value.code == "E121"


def test_only_a_new_folder_without_work_is_removed_after_an_error(tmp_path: Path) -> None:
    def fail(folder: RunFolder) -> None:
        with pytest.raises(IsoglossError), folder.removed_if_in_vain():
            raise IsoglossError("E326", name="model", reason="cut off")

    root = tmp_path / "run"
    fail(RunFolder.open(root, CONFIG, RECORD))
    assert not root.exists()
    checkpoint = root / "stages" / "zero-shot" / "checkpoints" / "checkpoint-2"
    begun = RunFolder.open(root, CONFIG, RECORD)
    checkpoint.mkdir(parents=True)
    (checkpoint / "complete.json").write_text("{}")
    fail(begun)
    assert checkpoint.is_dir()
    (checkpoint / "complete.json").unlink()
    fail(RunFolder.open(root, CONFIG, RECORD))
    assert root.is_dir()


def test_finished_stage_drops_its_checkpoints(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "r", CONFIG, RECORD)
    (folder.stage("iwda") / "checkpoints" / "checkpoint-1").mkdir(parents=True)
    folder.finish_stage("iwda", {})
    assert not (folder.stage("iwda") / "checkpoints").exists()


def test_checkpoints_that_a_killed_run_had_no_time_to_drop_are_dropped(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "r", CONFIG, RECORD)
    folder.finish_stage("iwda", {})
    for name in ("iwda", "zero-shot"):
        (folder.stage(name) / "checkpoints" / "checkpoint-1").mkdir(parents=True)
    RunFolder.open(tmp_path / "r", CONFIG, RECORD)
    assert not (folder.stage("iwda") / "checkpoints").exists()
    assert (folder.stage("zero-shot") / "checkpoints" / "checkpoint-1").is_dir()


def test_json_is_written_whole(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "x.json", {"größe": 1})
    assert read_json(tmp_path / "a" / "x.json") == {"größe": 1}
    with pytest.raises(TypeError):
        write_json(tmp_path / "a" / "x.json", {"bad": object()})
    assert read_json(tmp_path / "a" / "x.json") == {"größe": 1}
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["x.json"]


def test_linked_tree_replaces_and_shares(tmp_path: Path) -> None:
    source, target = tmp_path / "s", tmp_path / "t"
    source.mkdir()
    (source / "w").write_text("new")
    target.mkdir()
    (target / "old").write_text("old")
    link_tree(source, target)
    assert [p.name for p in target.iterdir()] == ["w"]
    assert os.stat(target / "w").st_ino == os.stat(source / "w").st_ino
