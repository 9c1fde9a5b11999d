from __future__ import annotations

import os
import time

import pytest

from isogloss.data.atomic import (
    check_writable,
    naming,
    remove_abandoned,
    replacing,
    sync_tree,
    temporary_beside,
    unfinished_folder,
)
from isogloss.errors import IsoglossError


def test_the_file_appears_at_the_end_only(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such permissions")
def test_the_file_can_be_read_by_whom_the_umask_lets(tmp_path):
    with (tmp_path / "opened").open("w"):
        usual = (tmp_path / "opened").stat().st_mode
    path = tmp_path / "file"
    with replacing(path) as temporary:
        temporary.touch(mode=0o600)
    assert path.stat().st_mode == usual


def test_a_folder_that_can_be_made_is_not_made(tmp_path):
    check_writable(tmp_path)
    check_writable(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("below", ["", "a", "a/b"])
def test_e121_a_folder_that_cannot_be_made(below, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(
        IsoglossError, match=r"file.* cannot be written \(Not a directory\)"
    ) as error:
        check_writable(tmp_path / "file" / below)
    assert error.value.code == "E121"
    # Permissions do not bind the user whom tests often run as.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(IsoglossError, match=r"E121.*Permission denied"):
        check_writable(tmp_path / below)


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyError("of the body")

    with pytest.raises(KeyError, match="of the body"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_named(tmp_path, raises):
    (tmp_path / "file").write_text("in the way")
    with raises("E121", "file", "ISOGLOSS_CACHE"), replacing(tmp_path / "file" / "deep" / "a.csv"):
        pass


def test_the_systems_reason_is_given(raises):
    with raises("E121", "out.csv", "No space left"), naming("out.csv"):
        raise OSError(28, "No space left on device")


def test_a_durable_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, calls = tmp_path / "file.txt", []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: calls.append("sync") or sync(descriptor))
    monkeypatch.setattr(os, "replace", lambda *names: calls.append("rename") or rename(*names))
    with replacing(path, durable=True) as temporary:
        temporary.write_text("whole")
    assert calls == ["sync", "rename", "sync"]
    calls.clear()
    sync_tree(tmp_path)
    assert len(calls) == 3


def test_an_unfinished_folder_goes_with_the_body(tmp_path):
    with unfinished_folder(tmp_path / "model") as holder:
        (holder / "new").mkdir()
        (holder / "new" / "x").write_text("half")
    assert not list(tmp_path.iterdir())


def test_only_what_was_abandoned_long_ago_is_removed_where_others_work(tmp_path):
    old, young, folder = (temporary_beside(tmp_path / name) for name in ("a", "b", "c"))
    for path in (old, young, tmp_path / ".mine.tmp"):
        path.write_text("half")
    folder.mkdir()
    for path in (old, folder, tmp_path / ".mine.tmp"):
        os.utime(path, (time.time() - 100_000,) * 2)
    # Of a clock that was set back since.
    os.utime(young, (time.time() + 100_000,) * 2)
    remove_abandoned(tmp_path)
    remove_abandoned(tmp_path / "nowhere")
    assert set(tmp_path.iterdir()) == {young, tmp_path / ".mine.tmp"}
