"""Keep the libraries underneath from talking over the command line."""

from __future__ import annotations

import os
import sys


def quiet_environment() -> None:
    """Set what the libraries read at their import; whatever the user has set stays."""
    settings = {
        "TRANSFORMERS_VERBOSITY": "error",
        "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
        "DATASETS_VERBOSITY": "error",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "true",
        # Threads that wait in a loop take the processor from whatever else the machine does, and
        # then from each other: beside one busy process a pass takes five times as long.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    if not sys.stderr.isatty():
        settings["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    for name, value in settings.items():
        os.environ.setdefault(name, value)
