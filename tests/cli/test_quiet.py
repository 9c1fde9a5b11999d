from __future__ import annotations

import os

import pytest

from isogloss.cli.quiet import quiet_environment


def test_the_libraries_are_quiet_unless_the_user_wants_them_loud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "environ", {"TRANSFORMERS_VERBOSITY": "info"})
    quiet_environment()
    assert os.environ["TRANSFORMERS_VERBOSITY"] == "info"
    assert os.environ["DATASETS_VERBOSITY"] == "error"
    assert "TOKENIZERS_PARALLELISM" in os.environ
