"""What a machine is and can do at best: processor, versions, and the ceilings of torch on it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_tile", "amx_bf16", "bf16", "sve")
PACKAGES = ("isogloss", "torch", "transformers", "accelerate", "datasets", "numpy")

# Sides of the square products and megabytes of the copy: too large for any cache.
PRODUCT_SIDE, COPY_BYTES = 4096, 1 << 28


def describe_machine() -> dict[str, Any]:
    """Processor, what it can do, and system."""
    flags: set[str] = set()
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.is_file() else ():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            flags |= set(value.split())
        elif key.strip() == "model name":
            model = value.strip()
    return {
        "processor": model,
        "features": {name: name in flags for name in FEATURES},
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def kind_of_machine() -> str:
    """Processor and what it can do, in one line: where these agree, so do the results of a run."""
    machine = describe_machine()
    features = " ".join(name for name, there in machine["features"].items() if there)
    return f"{machine['processor']}: {features}"


def versions() -> dict[str, str]:
    """The packages that decide how fast a step is."""
    return {name: version(name) for name in PACKAGES}


def describe(machine: dict[str, Any], packages: dict[str, str]) -> str:
    """Machine and versions, in three lines."""
    features = " ".join(name for name, there in machine["features"].items() if there)
    listed = ", ".join(f"{name} {number}" for name, number in packages.items())
    amx = "with AMX" if machine["features"]["amx_bf16"] else "no AMX"
    return (
        f"{machine['processor']}, {machine['cores']} cores, {amx}\n"
        f"features: {features or 'none of those looked for'}\n"
        f"Python {machine['python']}, {listed}\n"
    )


def measure_ceilings(*, repeats: int = 4) -> dict[str, float]:
    """The best that torch reaches here.

    Args:
        repeats: of each measurement; the fastest counts.

    Returns:
        `bf16` and `fp32`, FLOP/s of a large square matrix product; `copy`, bytes/s read and
        written by a large copy.
    """
    import torch

    ceilings = {}
    for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        left = torch.randn(PRODUCT_SIDE, PRODUCT_SIDE).to(dtype)
        right, out = left.T.contiguous(), torch.empty_like(left)
        seconds = fastest(lambda a=left, b=right, c=out: torch.mm(a, b, out=c), repeats)
        ceilings[name] = 2 * PRODUCT_SIDE**3 / seconds
    source = torch.ones(COPY_BYTES, dtype=torch.uint8)
    target = torch.empty_like(source)
    ceilings["copy"] = 2 * COPY_BYTES / fastest(lambda: target.copy_(source), repeats)
    return ceilings


def fastest(function: Callable[[], Any], repeats: int) -> float:
    """Seconds of the fastest of `repeats` calls, after one that does not count."""
    function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)
