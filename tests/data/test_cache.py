from __future__ import annotations

import pytest

from isogloss.data import cache
from isogloss.data.atomic import replacing
from isogloss.data.cache import cache_folder, load_cached
from isogloss.errors import IsoglossError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


def test_the_folder_is_the_users_unless_said(folder, monkeypatch, tmp_path):
    assert cache_folder() == folder
    monkeypatch.delenv("ISOGLOSS_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "isogloss" / "data"


def test_a_file_is_converted_once(write, folder, monkeypatch):
    path = write("a.csv", "text\na\nb\n")
    first = load_cached(path, format="csv")
    assert first["text"][:] == ["a", "b"]
    assert len(list(folder.rglob("*.arrow"))) == 1
    monkeypatch.setattr(cache, "convert", pytest.fail)
    again = load_cached(path, format="csv")
    assert again.cache_files == first.cache_files
    copy = load_cached(write("copy.csv", path.read_bytes()), format="csv")
    assert copy.cache_files == first.cache_files


def test_other_content_or_format_is_another_entry(write):
    path = write("a.csv", "text\na\tb\n")
    assert load_cached(path, format="csv")[:] == {"text": ["a\tb"]}
    write("a.csv", "text\nnew\n")
    assert load_cached(path, format="csv")[:] == {"text": ["new"]}
    assert load_cached(path, format="conll")[:] == {"tokens": [["text", "new"]]}


def test_data_are_mapped_not_read(write):
    loaded = load_cached(write("a.csv", "text\na\n"), format="csv")
    assert loaded.cache_files[0]["filename"].endswith(".arrow")


def test_a_file_that_fails_leaves_nothing(write, folder):
    path = write("a.csv", "text,label\n" + "a,b\n" * 3000 + "a\n")
    with pytest.raises(IsoglossError, match="row 3001"):
        load_cached(path, format="csv")
    assert not list(folder.rglob("*"))


def test_a_cache_that_cannot_be_written(write, raises, monkeypatch):
    in_the_way = write("file", "")
    monkeypatch.setenv("ISOGLOSS_CACHE", str(in_the_way))
    with raises("E121", "ISOGLOSS_CACHE"):
        load_cached(write("a.csv", "text\na\n"), format="csv")


@pytest.mark.parametrize("keep", [0, 100, -8])
def test_a_copy_that_is_not_whole_is_made_again(write, folder, keep):
    path = write("a.csv", "text\na\nb\n")
    load_cached(path, format="csv")
    cached = next(folder.iterdir())
    content = cached.read_bytes()
    # A new file, since the old one is still mapped.
    with replacing(cached) as new:
        new.write_bytes(content[:keep])
    assert load_cached(path, format="csv")["text"][:] == ["a", "b"]
    assert cached.read_bytes() == content
