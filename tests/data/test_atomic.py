from __future__ import annotations

import pytest

from isogloss.data.atomic import naming, replacing


def test_the_file_appears_at_the_end_only(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


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
