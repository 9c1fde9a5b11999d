"""Settings of the libraries underneath: neither talk nor telemetry nor idle turns."""

from __future__ import annotations

import os
import sys


def quiet_environment() -> None:
    """Set what the libraries read at their import; whatever the user has set stays."""
    settings = {
        "TRANSFORMERS_VERBOSITY": "error",
        "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
        "DATASETS_VERBOSITY": "error",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "true",
        # Threads that wait in a loop take the processor from whatever else the machine does, and
        # then from each other: beside one busy process a pass takes five times as long.
        "OMP_WAIT_POLICY": "PASSIVE",
        # Torch keeps what it prepared for each shape of a matrix product, a thousand of them. With
        # texts of all lengths that grew to half a gigabyte in forty steps and bought no time.
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
        "LRU_CACHE_CAPACITY": "1",
    }
    if not sys.stderr.isatty():
        settings["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    for name, value in settings.items():
        os.environ.setdefault(name, value)
