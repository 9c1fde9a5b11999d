"""The launchers that the documentation names start two processes, and those train as one."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.trainers.test_processes import CASES, assert_alike, trained

ROOT = Path(__file__).resolve().parents[2]
MODULE = "tests.trainers.launched"
Launcher = Callable[[Path, int], list[str]]


def torchrun(folder: Path, port: int) -> list[str]:
    """Two processes by torch's launcher."""
    told = ["--nproc_per_node", "2", "--master_addr", "127.0.0.1", "--master_port", str(port)]
    return [sys.executable, "-m", "torch.distributed.run", *told, "-m", MODULE]


def accelerate(folder: Path, port: int) -> list[str]:
    """Two processes by accelerate's, which leaves starting them on CPUs to MPI."""
    hosts = folder / "hosts"
    hosts.write_text("localhost slots=2\n", "utf-8")
    told = ["--num_processes", "2", "--cpu", "--mpirun_hostfile", str(hosts)]
    return [sys.executable, "-m", "accelerate.commands.launch", *told, "-m", MODULE]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [torchrun, accelerate])
def test_every_trainer_in_two_launched_processes(tmp_path: Path, launcher: Launcher) -> None:
    if launcher is accelerate and shutil.which("mpirun") is None:
        pytest.skip("there is no mpirun on the PATH")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
        "ACCELERATE_USE_CPU": "true",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        # Open MPI refuses to run as root, as tests in a container do.
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    }
    done = subprocess.run(
        [*launcher(tmp_path, port), str(tmp_path)],
        cwd=ROOT,
        env=os.environ | own,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (pickle.loads((tmp_path / f"{index}.pickle").read_bytes()) for index in (0, 1))
    assert (first["processes"], first["backend"]) == (2, "gloo")
    for name in CASES:
        assert_alike(first["found"][name], trained(name, tmp_path / "alone" / name, 8))
        for part in ("state", "weights"):
            np.testing.assert_equal(second["found"][name][part], first["found"][name][part])
