"""`isogloss env`: what a bug report needs to say about the machine."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import typer

from isogloss.cli import options
from isogloss.cli.console import cell, json_text, stdout, table

PACKAGES = (
    "isogloss",
    "torch",
    "transformers",
    "tokenizers",
    "datasets",
    "accelerate",
    "safetensors",
    "numpy",
    "scipy",
    "scikit-learn",
    "pyarrow",
)


def env(as_json: options.Json = False) -> None:
    """Show versions, processor and precision, for a bug report.

    Example: isogloss env
    """
    facts = describe_environment()
    if as_json:
        typer.echo(json_text(facts))
        return
    out = table("isogloss environment", ["what", "value"], kinds="tt")
    for name, value in facts.items():
        out.add_row(cell(name), cell(readable(value)))
    stdout().print(out)


def describe_environment() -> dict[str, Any]:
    """Versions and features by name, as JSON can hold them."""
    import torch

    from isogloss.data.cache import cache_folder, cache_root, size_of
    from isogloss.models.offline.wheel import ENCODER_FILE, package_folder
    from isogloss.models.precision import choose_precision, processor_features

    return {
        **{name: installed_version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "bfloat16 by": [name for name, there in asdict(processor_features()).items() if there],
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "precision chosen": choose_precision("auto"),
        "offline encoder": package_folder(ENCODER_FILE.package) is not None,
        "cache": str(cache_root()),
        "cache of data, MB": _megabytes(size_of(cache_folder())),
        "cache in all, MB": _megabytes(size_of(cache_root())),
    }


def _megabytes(size: int) -> float:
    return round(size / 1e6, 1)


def installed_version(package: str) -> str | None:
    """Version of an installed package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def readable(value: object) -> str:
    """A value as a person would write it."""
    if isinstance(value, bool):
        return "installed" if value else "not installed"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
