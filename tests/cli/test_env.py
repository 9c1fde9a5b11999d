from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from isogloss.cli.app import app
from isogloss.cli.env import PACKAGES, describe_environment, installed_version


def test_versions_and_machine_as_json() -> None:
    result = CliRunner().invoke(app, ["env", "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["python"] == platform.python_version()
    # A build with CUDA has that behind the version that its package states.
    assert torch.__version__.startswith(facts["torch"])
    assert facts["threads"] == torch.get_num_threads()
    assert facts["precision chosen"] in ("bf16", "fp32")
    assert isinstance(facts["offline encoder"], bool)


def test_the_table_names_everything() -> None:
    result = CliRunner().invoke(app, ["env"])
    assert result.exit_code == 0, result.output
    assert all(name in result.stdout for name in PACKAGES)


def test_the_cache_and_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    assert describe_environment()["cache of data, MB"] == 0.0
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.arrow").write_bytes(bytes(300_000))
    facts = describe_environment()
    assert facts["cache"] == str(tmp_path)
    assert facts["cache of data, MB"] == facts["cache in all, MB"] == 0.3
    # The offline encoder lies there, too, a folder of its own.
    (tmp_path / "offline-0").mkdir()
    (tmp_path / "offline-0" / "model.safetensors").write_bytes(bytes(500_000))
    facts = describe_environment()
    assert (facts["cache of data, MB"], facts["cache in all, MB"]) == (0.3, 0.8)


def test_a_package_that_is_not_there() -> None:
    assert installed_version("no-such-package-here") is None
