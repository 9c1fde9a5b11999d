"""A Ray cluster to join, or one of this machine's own, kept quiet."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from isogloss.errors import IsoglossError

Result = TypeVar("Result")

# Little goes through Ray's store: what is large is read and written as files.
_STORE = 100 * 1024**2
# How often a task is begun whose worker dies.
TRIES = 3
# How often a cluster of this machine's own is started.
_STARTS = 3
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    # Else workers give way to whatever else the machine does, which work done here would not.
    "RAY_worker_niceness": "0",
    # What a process that has no GPU says about it.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # What Ray's own processes say, such as of a worker that died, goes to the standard output of
    # whoever sent the work, with or without `log_to_driver`; none of it is a result.
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",
}


def require_ray() -> None:
    """Refuse to go on where Ray is not installed.

    Raises:
        IsoglossError: E817.
    """
    if find_spec("ray") is None:
        raise IsoglossError("E817")


@contextmanager
def cluster(address: str | None, workers: int | None) -> Iterator[Any]:
    """The module `ray`, joined to a cluster that it leaves at the end.

    A program that has joined one itself keeps it. Usage statistics and dashboard are off.

    Args:
        address: of a cluster, as `ray.init` takes it; None: one of this machine's own, which ends
            with the body.
        workers: cores of the machine's own cluster, >= 1; None: all.

    Raises:
        IsoglossError: E817, E818.
    """
    require_ray()
    # Before the import, which reads them.
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        yield ray
        return
    _start(ray, address, workers)
    try:
        yield ray
    finally:
        ray.shutdown()


def in_folder(folder: str, work: Callable[..., Result], *arguments: Any) -> Result:
    """Do a piece of work where relative paths mean the same as to whoever sent it.

    Args:
        folder: of the sender; a machine that has none of that name stays where it is.
        work: what to do; can be pickled.
        *arguments: of `work`.
    """
    if Path(folder).is_dir():
        os.chdir(folder)
    return work(*arguments)


def _start(ray: Any, address: str | None, workers: int | None) -> None:
    local: dict[str, Any] = {"num_cpus": workers, "object_store_memory": _STORE}
    # Ray gives its own processes 30 s to start, which a busy machine may exceed.
    for left in reversed(range(1 if address else _STARTS)):
        try:
            ray.init(
                address=address or "local",
                include_dashboard=False if address is None else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({} if address else local),
            )
            return
        # Ray raises errors of many kinds, which share no base class.
        except Exception as error:
            ray.shutdown()
            if not left:
                reason = " ".join(str(error).split()) or type(error).__name__
                raise IsoglossError("E818", address=address or "here", reason=reason) from error
