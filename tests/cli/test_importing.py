from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from isogloss.cli.importing import importing


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_nothing_is_collected_meanwhile_and_what_is_made_is_left_alone_afterwards() -> None:
    with importing():
        assert not gc.isenabled()
        made = [[] for _ in range(10)]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 10
    assert all(each is not made for each in gc.get_objects())
    frozen, later = gc.get_freeze_count(), [[]]
    with importing():
        pass
    # Fewer where something of what had been set aside was of no more use; nothing has come to it.
    assert gc.get_freeze_count() <= frozen
    assert any(each is later for each in gc.get_objects())


def test_collection_goes_on_after_an_error_and_stays_off_where_it_was_off() -> None:
    with pytest.raises(ImportError), importing():
        raise ImportError
    assert gc.isenabled()
    gc.disable()
    try:
        with importing():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_commands_import_their_libraries_so() -> None:
    script = (
        "import gc, sys; from isogloss.cli.inspect import look\n"
        "try: look({'source': 'no', 'target': 'no'}, {'kind': 'pair'}, format=None, model=None,"
        " max_length=None)\n"
        "except Exception: print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True True\n"
