"""Work done by several processes at once, as `accelerate launch --cpu` starts them."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS = 300


def together(folder: Path, count: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `work(*arguments)` returns in each of `count` processes that know of one another.

    They are forked, which spares importing everything again.

    Args:
        folder: for what they return, which can be pickled.
        count: of processes.
        work: called in each.
        arguments: for it.

    Raises:
        AssertionError: one of them failed; says how.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_one, args=(folder, index, count, port, work, arguments))
        for index in range(count)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(SECONDS)
        if process.is_alive():
            process.kill()
    results = []
    for index in range(count):
        path = folder / f"{index}.pickle"
        assert path.is_file(), f"process {index} ended with {processes[index].exitcode}"
        done, value = pickle.loads(path.read_bytes())
        assert done, value
        results.append(value)
    return results


def _one(
    folder: Path, index: int, count: int, port: int, work: Callable[..., Any], arguments: Any
) -> None:
    import torch
    from accelerate.state import AcceleratorState, GradientState, PartialState

    os.environ.update(
        RANK=str(index),
        LOCAL_RANK=str(index),
        WORLD_SIZE=str(count),
        LOCAL_WORLD_SIZE=str(count),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        ACCELERATE_USE_CPU="true",
    )
    AcceleratorState._reset_state(reset_partial_state=True)
    PartialState._reset_state()
    GradientState._reset_state()
    try:
        result = True, work(*arguments)
    except BaseException:
        result = False, traceback.format_exc()
    temporary = folder / f".{index}"
    temporary.write_bytes(pickle.dumps(result))
    temporary.rename(folder / f"{index}.pickle")
    if torch.distributed.is_initialized() and result[0]:
        torch.distributed.destroy_process_group()
    # Without what the parent would do at its end.
    os._exit(0)
