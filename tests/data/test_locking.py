from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from isogloss.data.locking import LOCK, check_free, locked
from isogloss.errors import IsoglossError

HOLD = """
import sys, time
from pathlib import Path
from isogloss.data.locking import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def write_lock(folder: Path, **owner: Any) -> None:
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "process": None, "started": "then"}
    folder.mkdir(exist_ok=True)
    (folder / LOCK).write_text(json.dumps({**mine, **owner}))


def refused(folder: Path) -> IsoglossError:
    with pytest.raises(IsoglossError) as checked:
        check_free(folder)
    with pytest.raises(IsoglossError) as caught, locked(folder):
        pass
    assert str(checked.value) == str(caught.value)
    assert (folder / LOCK).is_file()
    return caught.value


def test_the_lock_names_its_owner_and_goes_with_the_body(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "run"
    with locked(folder):
        owner = json.loads((folder / LOCK).read_text())
        assert (owner["host"], owner["pid"]) == (socket.gethostname(), os.getpid())
        (folder / "config.yaml").write_text("")
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_lock_goes_whatever_ends_the_body(error: type[BaseException], tmp_path: Path) -> None:
    with pytest.raises(error), locked(tmp_path / "run"):
        raise error
    assert not (tmp_path / "run").exists()


def test_two_at_once_in_one_process_are_refused(tmp_path: Path) -> None:
    with locked(tmp_path / "run"):
        assert refused(tmp_path / "run").code == "E546"
    check_free(tmp_path / "run")


def test_a_killed_owner_leaves_a_stale_lock(tmp_path: Path) -> None:
    process = holder(tmp_path)
    error = refused(tmp_path)
    assert error.code == "E546"
    assert f"process {process.pid} " in str(error)
    process.send_signal(signal.SIGKILL)
    # Not waited for: it is a zombie until then.
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert (tmp_path / LOCK).is_file()
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    process.wait()


def test_another_process_under_the_owners_number_is_not_the_owner(tmp_path: Path) -> None:
    write_lock(tmp_path, process="another start of the machine/1")
    with locked(tmp_path):
        pass
    write_lock(tmp_path)
    assert refused(tmp_path).code == "E546"


def test_another_machine_is_asked_about(tmp_path: Path) -> None:
    write_lock(tmp_path, host="elsewhere", pid=7)
    error = refused(tmp_path)
    assert error.code == "E547"
    for part in ("process 7 ", "elsewhere", f"delete {tmp_path / LOCK}"):
        assert part in str(error)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"host": 1}'])
def test_a_lock_without_an_owner_is_replaced(text: str, tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(text)
    check_free(tmp_path)
    with locked(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()


def test_a_file_system_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    with locked(tmp_path):
        assert refused(tmp_path).code == "E546"
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(IsoglossError, match="Read-only file system") as caught, locked(tmp_path):
        pass
    assert caught.value.code == "E121"
