"""Memory that is no longer needed, given back before training takes its own."""

from __future__ import annotations

import ctypes
import gc
import sys


def release_freed_memory() -> bool:
    """Collect garbage and hand the allocator's free pages back to the system.

    A tokenizer and a whole embedding table leave hundreds of megabytes in small holes, which the
    large blocks of a training step do not fit.

    Returns:
        Whether the allocator had pages to give; False where it has no such call (not glibc).
    """
    gc.collect()
    if not sys.platform.startswith("linux"):
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return bool(trim is not None and trim(0))
