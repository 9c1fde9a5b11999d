"""Settings for the whole suite: offline, few threads, caches in a folder that goes away."""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Iterator

# Read by the libraries when they are imported, hence before anything else.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
import torch


class DeprecationsRaise(logging.Handler):
    """Turns deprecations that a library logs, in place of warning of them, into errors.

    Most are logged once a process, so the first test that causes one fails.
    """

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING and "deprecated" in text.lower():
            raise DeprecationWarning(text)


def pytest_configure() -> None:
    for name in ("accelerate", "datasets", "huggingface_hub", "transformers"):
        logging.getLogger(name).addHandler(DeprecationsRaise())
    # On tiny models a second thread costs more than it brings, above all on a busy machine.
    torch.set_num_threads(1)


def pytest_collection_finish() -> None:
    # Every training ends with a collection of garbage, which would look through all that the
    # imported libraries hold: most of the time of a run on a tiny model.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps what the tests convert out of the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("isogloss-cache")))
        yield


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """For tests that send themselves SIGINT, which a job in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
