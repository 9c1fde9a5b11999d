"""Arrays with some facts about them in one safetensors file, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from isogloss.data.atomic import naming, replacing

# One entry of metadata that holds all: safetensors writes several in no fixed order.
_FACTS = "isogloss"


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray], facts: Any) -> None:
    """Write arrays by name, and facts that JSON can hold.

    Raises:
        IsoglossError: E121 where the file cannot be written.
    """
    spelled = json.dumps(facts, ensure_ascii=False)
    with replacing(path) as temporary, naming(path):
        save_file(dict(arrays), temporary, metadata={_FACTS: spelled})


def read_arrays(path: Path, *, framework: Literal["np", "pt"] = "np") -> tuple[dict[str, Any], Any]:
    """Read what `save_arrays` wrote.

    Args:
        path: the file.
        framework: "np" for arrays in memory, "pt" for torch tensors that are views of the mapped
            file.

    Returns:
        The arrays by name, and the facts.

    Raises:
        ValueError: where there is no such file or it cannot be read; its text, on one line, says
            why.
    """
    with _opened(path, framework) as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return arrays, json.loads(file.metadata()[_FACTS])


def read_facts(path: Path) -> Any:
    """The facts alone of what `save_arrays` wrote.

    Raises:
        ValueError: as `read_arrays`.
    """
    with _opened(path, "np") as file:
        return json.loads(file.metadata()[_FACTS])


@contextmanager
def _opened(path: Path, framework: Literal["np", "pt"]) -> Iterator[Any]:
    """The open file; what goes wrong with it is a `ValueError` of one line."""
    try:
        with safe_open(path, framework=framework) as file:
            yield file
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(" ".join(str(error).split())) from error
