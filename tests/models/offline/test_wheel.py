"""Finding and verifying the data files of installed packages."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from isogloss.errors import IsoglossError
from isogloss.models.offline.wheel import ENCODER_FILE, DataFile, locate, package_folder

CONTENTS = b"four bits each"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFile:
    """A package whose code must not run, with a data file beside it."""
    package = tmp_path / "explosive_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    (package / "data.bin").write_bytes(CONTENTS)
    monkeypatch.syspath_prepend(tmp_path)
    return DataFile(
        package="explosive_package",
        requirement="explosive==1",
        path="data.bin",
        length=len(CONTENTS),
        sha256=hashlib.sha256(CONTENTS).hexdigest(),
    )


def _code(file: DataFile) -> str:
    with pytest.raises(IsoglossError) as caught:
        locate(file)
    assert file.requirement in str(caught.value)
    return caught.value.code


def test_finds_the_file_without_importing_the_package(file: DataFile) -> None:
    assert locate(file).read_bytes() == CONTENTS
    assert file.package not in sys.modules


def test_package_that_is_not_installed() -> None:
    missing = DataFile(package="no_such_pkg", requirement="no==1", path="x", length=1, sha256="")
    assert package_folder("no_such_pkg") is None
    assert _code(missing) == "E330"


def test_missing_file(file: DataFile, tmp_path: Path) -> None:
    (tmp_path / file.package / file.path).unlink()
    assert _code(file) == "E331"


def test_truncated_file(file: DataFile, tmp_path: Path) -> None:
    (tmp_path / file.package / file.path).write_bytes(CONTENTS[:-1])
    assert _code(file) == "E332"


def test_altered_file_of_the_same_length(file: DataFile, tmp_path: Path) -> None:
    (tmp_path / file.package / file.path).write_bytes(CONTENTS[:-1] + b"!")
    assert _code(file) == "E333"


@pytest.mark.skipif(package_folder(ENCODER_FILE.package) is None, reason="needs isogloss[offline]")
@pytest.mark.offline_encoder
def test_the_installed_encoder_is_the_pinned_one_and_is_not_imported() -> None:
    assert locate(ENCODER_FILE).stat().st_size == ENCODER_FILE.length
    assert ENCODER_FILE.package not in sys.modules
