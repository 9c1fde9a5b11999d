"""Files to read, and the code an error carries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from isogloss.errors import IsoglossError

DATA = Path(os.environ.get("ISOGLOSS_DATA", Path(__file__).parents[2] / "../shared/data"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes a file of the given name and content, and returns its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@contextmanager
def raises(code: str, *parts: str) -> Iterator[None]:
    """The body raises an error of this code whose sentence has these parts, on one line."""
    with pytest.raises(IsoglossError) as caught:
        yield
    assert caught.value.code == code
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.fixture(name="raises")
def raises_fixture() -> Callable[..., object]:
    return raises


@pytest.fixture
def real_data() -> Path:
    """The folder of real data."""
    if not DATA.is_dir():
        pytest.skip("the real data are not here; set ISOGLOSS_DATA to their folder")
    return DATA
