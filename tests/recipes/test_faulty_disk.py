"""A disk that is full, cannot be written to or holds rubbish: one clear error, nothing lost."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from isogloss.data.cache import cache_folder
from isogloss.errors import IsoglossError
from isogloss.recipes.adapt import adapt
from isogloss.recipes.selecting import select
from tests.helpers.models import WORDS

LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
READ_ONLY, REMOUNT, BIND, DETACH = 1, 32, 4096, 2
Mount = Callable[..., Path]


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a small disk, or a folder to be only read; skips where that is not allowed."""
    places: list[Path] = []

    def mount(*, size: int | None = None, of: Path | None = None) -> Path:
        place = tmp_path / "disk" if of is None else of
        place.mkdir(exist_ok=True)
        if LIBC is None:
            pytest.skip("mounts are for Linux")
        if of is None:
            failed = LIBC.mount(b"tmpfs", bytes(place), b"tmpfs", 0, f"size={size}".encode())
        else:
            failed = LIBC.mount(bytes(place), bytes(place), None, BIND, None)
            failed = failed or LIBC.mount(
                None, bytes(place), None, BIND | REMOUNT | READ_ONLY, None
            )
        if failed:
            pytest.skip("mounting is not permitted")
        places.append(place)
        return place

    yield mount
    for place in reversed(places):
        assert LIBC is not None
        LIBC.umount2(bytes(place), DETACH)


def settings_of(files: dict[str, Any]) -> dict[str, Any]:
    return {**files, "recipe": "zero-shot", "finetune": {"save_steps": 1, **files["finetune"]}}


def refused(call: Callable[[], Any]) -> IsoglossError:
    with pytest.raises(IsoglossError) as caught:
        call()
    return caught.value


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def used(folder: Path) -> int:
    return sum(4096 + path.stat().st_size // 4096 * 4096 for path in folder.rglob("*"))


# The first are too small for a checkpoint, the last nearly large enough for all.
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_full_disk_is_one_error_and_with_more_room_the_run_goes_on(
    share: float, files: dict[str, Any], mounted: Mount, tmp_path: Path
) -> None:
    settings = settings_of(files)
    unbroken = adapt(output=tmp_path / "unbroken", **settings).folder
    disk = mounted(size=int(share * used(unbroken)))
    error = refused(lambda: adapt(output=disk / "run", **settings))
    assert error.code in ("E121", "E329", "E548")
    assert "No space left" in str(error) or "os error 28" in str(error) or error.code == "E548"
    run = disk / "run"
    if run.is_dir():
        assert not (run / "lock.json").exists()
        assert not list(run.rglob(".*.tmp"))
    assert LIBC is not None
    LIBC.mount(b"tmpfs", bytes(disk), b"tmpfs", REMOUNT, b"size=64m")
    adapt(output=run, **settings)
    assert weights(run) == weights(unbroken)


def test_a_full_disk_leaves_what_a_run_serves(
    files: dict[str, Any], mounted: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = mounted(size=1 << 26)
    run = adapt(output=disk / "run", **files).folder
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    room = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize))
    assert refused(lambda: select(run, "zero-shot")).code in ("E121", "E329")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    (disk / "filler").unlink()
    select(run, "zero-shot")
    assert weights(run) == weights(run / "stages" / "zero-shot")


def test_a_folder_that_can_only_be_read(
    files: dict[str, Any], mounted: Mount, tmp_path: Path
) -> None:
    settings = settings_of(files)
    run = adapt(output=tmp_path / "here" / "run", **settings).folder
    mounted(of=tmp_path / "here")
    for call in (
        lambda: select(run, "zero-shot"),
        lambda: adapt(output=tmp_path / "here" / "other", **settings),
    ):
        error = refused(call)
        assert error.code == "E121"
        assert "Read-only file system" in str(error)


def test_files_that_may_not_grow(files: dict[str, Any], tmp_path: Path) -> None:
    """The same as a full disk where nothing can be mounted; in a process, as it stays so."""
    resource = pytest.importorskip("resource")
    settings = settings_of(files)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    body = "import sys, json, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    body += "from isogloss.recipes.adapt import adapt\nfrom isogloss.errors import IsoglossError\n"
    body += f"try: adapt(output={str(tmp_path / 'run')!r}, **{settings!r})\n"
    body += "except IsoglossError as error: print(error)\n"
    done = subprocess.run(
        [sys.executable, "-c", body], preexec_fn=limit, capture_output=True, text=True
    )
    assert done.stdout.startswith("E548: The checkpoint of step 1 cannot be written"), done.stderr
    adapt(output=tmp_path / "run", **settings)


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"cut"])
def test_a_damaged_cache_is_made_again(
    damage: bytes, files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    settings = {**settings_of(files), "max_steps": 1}
    first = adapt(output=tmp_path / "a", **settings).folder
    cached = sorted(cache_folder().glob("*.arrow"))
    assert cached
    for path in cached:
        path.write_bytes(path.read_bytes()[:-100] if damage == b"cut" else damage)
    again = adapt(output=tmp_path / "b", **settings).folder
    assert weights(first) == weights(again)


def test_a_cache_that_is_no_folder(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").write_text(WORDS[0])
    error = refused(lambda: adapt(output=tmp_path / "run", **settings_of(files)))
    assert (error.code, "ISOGLOSS_CACHE" in str(error)) == ("E121", True)
    assert not (tmp_path / "run").exists()


def test_a_clock_that_runs_backwards(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(files)
    unbroken = adapt(output=tmp_path / "a", **settings).folder
    now = [time.time()]

    def backwards() -> float:
        now[0] -= 60.0
        return now[0]

    monkeypatch.setattr(time, "time", backwards)
    assert weights(adapt(output=tmp_path / "b", **settings).folder) == weights(unbroken)
